"""How fast Pinion enqueues on SQLite: one by one, synced to disk (as it comes) and not; in bulk; from many threads."""

from collections.abc import Iterator

from benchmarks.contender import Bout, Contender
from benchmarks.contenders import PINION_SQLITE, PINION_SQLITE_NOFSYNC
from benchmarks.stage import Row, Stage

__all__ = ["measure", "measure_bulk"]

THREADS = 16


def measure(stage: Stage) -> Iterator[Row]:
    few = max(1, stage.jobs // 5)  # of what waits for the disk
    yield _row("one by one, synced", PINION_SQLITE, stage, "one", few)
    yield _row("one by one, not synced", PINION_SQLITE_NOFSYNC, stage, "one", stage.jobs)
    yield _row("1 thread, synced", PINION_SQLITE, stage, "threads", few, 1)
    yield _row(f"{THREADS} threads, synced", PINION_SQLITE, stage, "threads", stage.jobs, THREADS)
    yield _row("in bulk, synced", PINION_SQLITE, stage, "many", stage.jobs)


def measure_bulk(contender: Contender, stage: Stage) -> Row:
    """By the contender's own documented way to enqueue many."""
    return {"contender": contender.name, **_row("in bulk", contender, stage, "many", stage.jobs)}


def _row(how: str, contender: Contender, stage: Stage, *words: object) -> Row:
    with Bout(contender, contender.settings[0], stage.place, stage.environment(contender)) as bout:
        bout.produce("prepare")
        return {"how": how, "enqueued_per_second": bout.produce(*words)}
