"""Under what conditions a run took place: machine, disk, versions; so that a figure can be judged, and repeated."""

import os
import platform
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contender import Contender
from benchmarks.processes import ROOT
from benchmarks.run import absent
from benchmarks.stage import Row, Stage

__all__ = ["conditions"]

SYNCS = 200


def conditions(contenders: Iterable[Contender], stage: Stage) -> Row:
    here = [contender for contender in contenders if not absent(contender)]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "filesystem": _filesystem(stage.place),
        "sync_ms": _sync(stage.place),
        "contenders": {
            contender.name: {
                "versions": contender.versions(),
                "store": contender.store,
                "durability": contender.durability,
                "delivery": contender.delivery,
                "task_layer": contender.task_layer,
                "settings": {
                    setting.name: {"words": setting.words, "processes": setting.processes}
                    for setting in contender.settings
                },
            }
            for contender in here
        },
        "absent": {contender.name: why for contender in contenders if (why := absent(contender))},
        "jobs": stage.jobs,
        "deep": stage.deep,
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _filesystem(place: Path) -> str:
    done = subprocess.run(["stat", "-f", "-c", "%T", place], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _sync(place: Path) -> float:
    """Milliseconds that it takes to write and sync one page; the median of many."""
    path, times = place / "sync", []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, bytes(4096), 0)
    for _ in range(SYNCS):
        before = time.perf_counter()
        os.pwrite(descriptor, os.urandom(4096), 0)
        os.fdatasync(descriptor)
        times.append(time.perf_counter() - before)
    os.close(descriptor)
    path.unlink()
    return statistics.median(times) * 1000
