"""RQ."""

import os
from collections.abc import Sequence

from redis import Redis
from rq import Queue

from benchmarks.proof import ran


def note(number: int, milliseconds: float = 0) -> None:
    ran(number, milliseconds)


class Producer:
    def __init__(self) -> None:
        self.queue = Queue(connection=Redis.from_url(os.environ["PINION_BENCH_VALKEY"]))

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            self.queue.enqueue(note, number, milliseconds)

    def enqueue_many(self, numbers: Sequence[int], milliseconds: float) -> None:
        for start in range(0, len(numbers), 1000):
            self.queue.enqueue_many(
                [Queue.prepare_data(note, (number, milliseconds)) for number in numbers[start : start + 1000]]
            )


def producer() -> Producer:
    return Producer()
