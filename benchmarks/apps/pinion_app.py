"""Pinion, as its README says. `python -m benchmarks.apps.pinion_app` is a worker; SIGTERM stops it.

The storage is the URL in PINION_URL, which `{folder}` may be part of.
"""

import os
import signal
from collections.abc import Sequence
from typing import Any

from benchmarks.proof import ran
from pinion import Job, Queue, Worker, open_storage, task
from pinion.task import Task

BULK = 1000


@task
def note(number: int, milliseconds: float = 0) -> None:
    ran(number, milliseconds)


class Producer:
    """Enqueues jobs of a task that takes a number and milliseconds."""

    def __init__(self, url: str, task: Task[..., Any] = note) -> None:
        self.queue, self.task = Queue(url), task

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            self.queue.enqueue(self.task, number, milliseconds)

    def enqueue_many(self, numbers: Sequence[int], milliseconds: float) -> None:
        for start in range(0, len(numbers), BULK):
            batch = numbers[start : start + BULK]
            self.queue.submit_many(Job(self.task.name, (number, milliseconds)) for number in batch)


def url() -> str:
    return os.environ["PINION_URL"].format(folder=os.environ["PINION_BENCH_FOLDER"])


def producer() -> Producer:
    return Producer(url())


def main() -> None:
    storage = open_storage(url())
    worker = Worker(storage)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run_forever()


if __name__ == "__main__":
    main()
