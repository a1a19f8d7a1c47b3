"""Taskiq with Redis streams, whose messages are acknowledged; an async task, which is its native kind."""

import asyncio
import os
from collections.abc import Sequence

from taskiq_redis import RedisStreamBroker

from benchmarks.proof import ran

broker = RedisStreamBroker(url=os.environ["PINION_BENCH_VALKEY"])


@broker.task(task_name="note")
async def note(number: int, milliseconds: float = 0) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)
    ran(number)


class Producer:
    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.runner.run(broker.startup())

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        async def kick() -> None:
            for number in numbers:
                await note.kiq(number, milliseconds)

        self.runner.run(kick())

    enqueue_many = enqueue


def producer() -> Producer:
    return Producer()
