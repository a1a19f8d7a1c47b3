"""Pinion with one feature in use, which PINION_BENCH_FEATURE names. `python -m benchmarks.apps.pinion_features` works.

Like `pinion_app`, which it is compared with; what a feature adds stands in the functions below.
"""

import os
import signal
from collections.abc import Sequence
from typing import Any

from benchmarks.apps.pinion_app import BULK, url
from benchmarks.proof import ran
from pinion import Job, Queue, Retry, Worker, current_job, open_storage, task
from pinion.plugins import load_hooks

FEATURE = os.environ.get("PINION_BENCH_FEATURE", "none")
TEXT = "x" * 1000


@task
def featured(number: int, *_: Any, **__: Any) -> Any:
    if FEATURE == "history of one retry" and current_job().attempt == 1:
        raise Retry(after=0)
    ran(number)
    return {"number": number, "square": number * number} if FEATURE == "results" else None


class Observer:
    """What a plugin that counts would do."""

    def __init__(self) -> None:
        self.started = self.succeeded = 0

    def pinion_job_started(self) -> None:
        self.started += 1

    def pinion_job_succeeded(self) -> None:
        self.succeeded += 1


def job(number: int) -> Job:
    match FEATURE:
        case "arguments of 1 kB":
            return Job("featured", (number, TEXT))
        case "16 queues":
            return Job("featured", (number, 0), queue=f"queue-{number % 16}")
        case "priorities":
            return Job("featured", (number, 0), priority=number % 10)
        case "unique keys":
            return Job("featured", (number, 0), unique_key=f"key-{number}")
        case "kept for a day":
            return Job("featured", (number, 0), keep=86_400.0)
        case "headers":
            return Job("featured", (number, 0), headers={"traceparent": f"00-{number:032x}-{number:016x}-01"})
    return Job("featured", (number, 0))


class Producer:
    def __init__(self) -> None:
        self.queue = Queue(url())

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            self.queue.submit(job(number))

    def enqueue_many(self, numbers: Sequence[int], milliseconds: float) -> None:
        for start in range(0, len(numbers), BULK):
            self.queue.submit_many(job(number) for number in numbers[start : start + BULK])


def producer() -> Producer:
    return Producer()


def main() -> None:
    hooks = load_hooks([Observer()]) if FEATURE == "hooks" else None
    worker = Worker(open_storage(url()), threads=8 if FEATURE == "8 threads" else 1, hooks=hooks)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run_forever()


if __name__ == "__main__":
    main()
