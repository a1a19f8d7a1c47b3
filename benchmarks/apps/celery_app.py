"""Celery with Redis as its broker and no result backend."""

import os
from collections.abc import Sequence

from celery import Celery

from benchmarks.proof import ran

app = Celery("bench", broker=os.environ["PINION_BENCH_VALKEY"])
app.conf.worker_prefetch_multiplier = int(os.environ.get("PINION_BENCH_PREFETCH", "4"))


@app.task(name="note")
def note(number: int, milliseconds: float = 0) -> None:
    ran(number, milliseconds)


class Producer:
    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            note.delay(number, milliseconds)

    enqueue_many = enqueue


def producer() -> Producer:
    return Producer()
