"""Dramatiq with Redis."""

import os
from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.proof import ran

dramatiq.set_broker(RedisBroker(url=os.environ["PINION_BENCH_VALKEY"]))


@dramatiq.actor
def note(number: int, milliseconds: float = 0) -> None:
    ran(number, milliseconds)


class Producer:
    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            note.send(number, milliseconds)

    enqueue_many = enqueue


def producer() -> Producer:
    return Producer()
