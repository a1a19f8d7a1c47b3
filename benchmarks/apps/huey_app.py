"""huey; PINION_BENCH_HUEY chooses its storage."""

import os
from collections.abc import Sequence
from pathlib import Path

from huey import Huey, MemoryHuey, RedisHuey, SqliteHuey

from benchmarks.proof import ran


def made() -> Huey:
    file = str(Path(os.environ["PINION_BENCH_FOLDER"]) / "huey.db")
    match os.environ["PINION_BENCH_HUEY"]:
        case "sqlite":
            return SqliteHuey(filename=file)
        case "sqlite-nofsync":
            return SqliteHuey(filename=file, fsync=False)
        case "redis":
            return RedisHuey(url=os.environ["PINION_BENCH_VALKEY"])
        case "memory":
            return MemoryHuey()
    raise SystemExit("PINION_BENCH_HUEY must be sqlite, sqlite-nofsync, redis or memory")


huey = made()


@huey.task()
def note(number: int, milliseconds: float = 0) -> None:
    ran(number, milliseconds)


class Producer:
    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            note(number, milliseconds)

    enqueue_many = enqueue


def producer() -> Producer:
    return Producer()
