"""tinyjobs on SQLite; an async task, which is its native kind, and a plain one."""

import asyncio
import os
from collections.abc import Sequence

from tinyjobs import TinyJobs

from benchmarks.proof import ran

app = TinyJobs(f"sqlite:///{os.environ['PINION_BENCH_FOLDER']}/jobs.db")


@app.task
async def note(number: int, milliseconds: float = 0) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)
    ran(number)


class Producer:
    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            note.enqueue(number, milliseconds)

    enqueue_many = enqueue


def producer() -> Producer:
    return Producer()
