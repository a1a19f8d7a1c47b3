"""Pinion in one process: `python -m benchmarks.apps.pinion_inside JOBS MILLISECONDS` enqueues, says the rate, works."""

import json
import signal
import sys

from benchmarks.apps.pinion_app import Producer, url
from benchmarks.producing import rate
from pinion import Worker


def main(jobs: int, milliseconds: float) -> None:
    producer = Producer(url())
    print(json.dumps(rate(producer.enqueue, jobs, milliseconds)), flush=True)
    worker = Worker(producer.queue.storage)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
