"""Depth: does a claim cost more when many jobs wait, or are finished? And is a worker's memory flat over many jobs?

The pace of claims is that of claiming and settling 1,000 jobs in batches, as a worker does, but without one: how fast a
process starts, and how it is scheduled, varies by more than what is to be seen. Each look at the deep file has one at a
fresh file of 1,000 jobs right before it or behind it.

`pinion list` and `show` are timed as whole processes, in the deep file and in one of 1,000 jobs.
"""

import json
import statistics
import subprocess
import time
from pathlib import Path

from benchmarks.contender import BIN, Bout
from benchmarks.contenders import PINION_SQLITE
from benchmarks.processes import peak_rss, rss
from benchmarks.stage import Row, Stage

__all__ = ["measure"]

SHORT = 1000
STEPS = 10
LOOKS = ("list", "list_finished", "show")


def measure(stage: Stage, deep: int) -> Row:
    """One file that is filled with so many jobs, looked at, drained, and looked at again."""
    with _bout(stage) as bout:
        enqueued = bout.produce("many", deep)
        waiting, ran = _paces(bout, stage.repeats, waiting=True)
        drained = _drain(bout, deep - ran * len(waiting))
        finished, _ = _paces(bout, stage.repeats, waiting=False)
        seen = [(_seen_shallow(stage), _seen(bout)) for _ in range(3)]
    return {
        "deep": deep,
        "enqueued_per_second": enqueued,
        "per_second_shallow": statistics.median(shallow for shallow, _ in waiting + finished),
        "per_second_waiting": statistics.median(pace for _, pace in waiting),
        "per_second_finished": statistics.median(pace for _, pace in finished),
        "waiting_ratio": statistics.median(pace / shallow for shallow, pace in waiting),
        "finished_ratio": statistics.median(pace / shallow for shallow, pace in finished),
        **drained,
        **{f"{name}_shallow_ms": statistics.median(shallow[name] for shallow, _ in seen) for name in LOOKS},
        **{f"{name}_deep_ms": statistics.median(deep[name] for _, deep in seen) for name in LOOKS},
    }


def _bout(stage: Stage) -> Bout:
    return Bout(PINION_SQLITE, PINION_SQLITE.setting("default"), stage.place, {})


def _paces(bout: Bout, pairs: int, *, waiting: bool) -> tuple[list[tuple[float, float]], int]:
    """Pairs of jobs per second, shallow and deep, and how many jobs of the deep file each pair ran."""
    measured = bout.run("benchmarks.apps.pinion_claims", pairs, int(waiting))
    return measured["pairs"], measured["ran"]


def _seen_shallow(stage: Stage) -> dict[str, float]:
    with _bout(stage) as bout:
        bout.produce("many", SHORT)
        _drain(bout, SHORT)
        return _seen(bout)


def _seen(bout: Bout) -> dict[str, float]:
    """Milliseconds of each look from the command line."""
    url = f"sqlite:///{bout.folder}/jobs.db"
    looks = {
        "list": ["list", url, "--limit", "20", "--json"],
        "list_finished": ["list", url, "--status", "SUCCESS", "--task", "note", "--limit", "20"],
    }
    took, printed = {}, ""
    for name, words in looks.items():
        took[name], text = _timed(words)
        printed = printed or text
    took["show"], _ = _timed(["show", url, json.loads(printed)[-1]["id"]])
    return took


def _timed(words: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run([BIN / "pinion", *words], check=True, capture_output=True, text=True)
    return (time.perf_counter() - began) * 1000, done.stdout


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
