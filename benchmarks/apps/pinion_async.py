"""Pinion with async tasks that sleep. `python -m benchmarks.apps.pinion_async` is a worker; SIGTERM stops it.

With JOBS, SLOTS and SECONDS it is asyncio alone: so many coroutines, so many at once, that sleep so long; prints how
long that took, from the first one's start to the last one's end.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

from benchmarks.apps import pinion_app
from benchmarks.apps.pinion_app import Producer, url
from benchmarks.proof import ran
from pinion import task


@task
async def doze(number: int, milliseconds: float) -> None:
    await asyncio.sleep(milliseconds / 1000)
    ran(number)


def producer() -> Producer:
    return Producer(url(), doze)


async def alone(jobs: int, slots: int, seconds: float) -> float:
    left = iter(range(jobs))
    began = time.perf_counter()
    await asyncio.gather(*(_slot(left, seconds) for _ in range(min(slots, jobs))))
    return time.perf_counter() - began


async def _slot(left: Iterator[int], seconds: float) -> None:
    for number in left:
        await asyncio.create_task(_body(number, seconds))


async def _body(number: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    ran(number)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(asyncio.run(alone(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))
    else:
        pinion_app.main()
