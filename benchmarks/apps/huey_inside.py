"""huey in one process: `python -m benchmarks.apps.huey_inside JOBS MILLISECONDS` enqueues, says the rate, works."""

import json
import sys

from benchmarks.apps.huey_app import Producer, huey
from benchmarks.producing import rate


def main(jobs: int, milliseconds: float) -> None:
    print(json.dumps(rate(Producer().enqueue, jobs, milliseconds)), flush=True)
    huey.create_consumer(workers=1, worker_type="thread").run()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
