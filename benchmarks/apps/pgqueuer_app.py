"""PgQueuer with asyncpg; an async entrypoint, which is its native kind."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.proof import ran


@asynccontextmanager
async def worker() -> AsyncIterator[PgQueuer]:
    queuer = PgQueuer(AsyncpgDriver(await asyncpg.connect(os.environ["PINION_BENCH_POSTGRES"])))

    @queuer.entrypoint("note")
    async def note(job: Job) -> None:
        number, milliseconds = json.loads(job.payload or b"")
        if milliseconds:
            await asyncio.sleep(milliseconds / 1000)
        ran(number)

    yield queuer


class Producer:
    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.queries: Queries = self.runner.run(self._connected())

    async def _connected(self) -> Queries:
        queries = Queries(AsyncpgDriver(await asyncpg.connect(os.environ["PINION_BENCH_POSTGRES"])))
        if not await queries.schema_is_installed():
            await queries.install()
        return queries

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        async def all_of_them() -> None:
            for number in numbers:
                await self.queries.enqueue("note", json.dumps([number, milliseconds]).encode())

        self.runner.run(all_of_them())

    def enqueue_many(self, numbers: Sequence[int], milliseconds: float) -> None:
        async def all_of_them() -> None:
            for start in range(0, len(numbers), 1000):
                batch = [json.dumps([number, milliseconds]).encode() for number in numbers[start : start + 1000]]
                await self.queries.enqueue(["note"] * len(batch), list(batch), [0] * len(batch))

        self.runner.run(all_of_them())


def producer() -> Producer:
    return Producer()
