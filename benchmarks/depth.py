"""Depth: does a claim cost more when many jobs wait, or are finished? And is a worker's memory flat over many jobs?

The pace is that of the first 1,000 jobs after a worker starts, at each depth, a few times over; so the start of a
worker, when its batches are still small, weighs the same everywhere.
"""

import statistics
from pathlib import Path

from benchmarks.contender import Bout
from benchmarks.contenders import PINION_SQLITE
from benchmarks.processes import peak_rss, rss
from benchmarks.stage import Row, Stage

__all__ = ["measure"]

SHORT = 1000
STEPS = 10


def measure(stage: Stage) -> Row:
    """On one file of its own; and beside it, on fresh files with 1,000 jobs."""
    shallow = [_shallow(stage) for _ in range(stage.repeats)]
    with _bout(stage) as bout:
        enqueued = bout.produce("many", stage.deep)
        waiting = [_pace(bout) for _ in range(stage.repeats)]
        drained = _drain(bout, stage.deep - sum(ran for ran, _ in waiting))
        finished = [_refilled(bout) for _ in range(stage.repeats)]
    return {
        "deep": stage.deep,
        "enqueued_per_second": enqueued,
        "per_second_shallow": statistics.median(shallow),
        "per_second_waiting": statistics.median(pace for _, pace in waiting),
        "per_second_finished": statistics.median(finished),
        **drained,
    }


def _bout(stage: Stage) -> Bout:
    return Bout(PINION_SQLITE, PINION_SQLITE.setting("default"), stage.place, {})


def _shallow(stage: Stage) -> float:
    with _bout(stage) as bout:
        return _refilled(bout)


def _refilled(bout: Bout) -> float:
    bout.produce("many", SHORT)
    return _pace(bout)[1]


def _pace(bout: Bout) -> tuple[int, float]:
    """Start a worker, let it run at least 1,000 jobs, stop it: how many ran, and the pace of the first 1,000."""
    bout.proof.clear()
    bout.start_workers()
    bout.wait(SHORT)
    bout.stop()
    moments = [moment for _, moment in bout.proof.records()]
    return len(moments), (SHORT - 1) * 1e9 / (moments[SHORT - 1] - moments[0])


def _drain(bout: Bout, jobs: int) -> Row:
    """Run them all in one worker, looking at its memory and at the files on the way."""
    bout.proof.clear()
    bout.start_workers()
    worker = bout.workers[0].pid
    memory, log, wal = [], 0.0, bout.folder / "jobs.db-wal"
    for step in range(1, STEPS + 1):
        bout.wait(jobs * step // STEPS)
        memory.append(rss(worker))
        log = max(log, _megabytes(wal))
    peak = peak_rss([worker])
    bout.stop()
    verdict = bout.proof.verdict(jobs)
    return {
        "drained": jobs,
        "drained_per_second": verdict.per_second,
        "rss_mb": memory,
        "peak_rss_mb": peak,
        "log_peak_mb": log,
        "file_mb": _megabytes(bout.folder / "jobs.db"),
        "runs_missing": jobs - bout.proof.count(),
    }


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 2**20 if path.exists() else 0.0
