"""Jobs that take 0, 1, 10 and 100 ms, in one worker process and in two on one file, beside what is possible."""

from collections.abc import Iterator

from benchmarks import load
from benchmarks.contenders import PINION_SQLITE
from benchmarks.stage import Row, Stage

__all__ = ["measure"]

DURATIONS = (0.0, 1.0, 10.0, 100.0)


def measure(stage: Stage) -> Iterator[Row]:
    """A worker has one thread, so a process can run 1,000 / milliseconds jobs per second, and no more."""
    for milliseconds in DURATIONS:
        jobs = min(stage.jobs, int(stage.busy * 1000 / milliseconds)) if milliseconds else stage.jobs
        for name in ("default", "best"):
            setting = PINION_SQLITE.setting(name)
            row = load.measure(PINION_SQLITE, setting, stage, jobs=jobs, milliseconds=milliseconds, how="many")
            yield {**row, "possible_per_second": setting.processes * 1000 / milliseconds if milliseconds else None}
