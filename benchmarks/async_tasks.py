"""Async tasks that sleep 100 ms, a thousand at once in one worker, beside asyncio alone and beside what is possible."""

import math
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contender import PYTHON, Bout, Setting
from benchmarks.contenders import PINION_SQLITE
from benchmarks.stage import Row, Stage

__all__ = ["measure"]

SLOTS = 1000
"""How many run at once: a worker's default."""
SECONDS = 0.1
PROGRAM = "benchmarks.apps.pinion_async"
WORKER = Setting(name="async", processes=1, words="", command=(PYTHON, "-m", PROGRAM))


def measure(stage: Stage) -> Iterator[Row]:
    """A thousand alone, which is a worker's start and little else; and as many as the load test has."""
    contender = replace(PINION_SQLITE, app="pinion_async")
    for jobs in dict.fromkeys((min(SLOTS, stage.jobs), stage.jobs)):
        with Bout(contender, WORKER, stage.place, {}) as bout:
            alone = bout.run(PROGRAM, jobs, SLOTS, SECONDS)
            bout.proof.clear()
            bout.produce("many", jobs, SECONDS * 1000)
            bout.start_workers()
            bout.wait(jobs)
            bout.stop()
            ends = [moment for _, moment in bout.proof.records()]
            verdict = bout.proof.verdict(jobs)
        yield {
            "jobs": jobs,
            "possible_seconds": math.ceil(jobs / SLOTS) * SECONDS,
            "asyncio_seconds": alone,
            "seconds": SECONDS + (max(ends) - min(ends)) / 1e9,  # a body notes its end
            "lost": verdict.lost,
            "repeated": verdict.repeated,
        }
