"""The pace of claims: `python -m benchmarks.apps.pinion_claims PAIRS WAITING` prints pairs of paces as JSON, and how
many of the deep file's jobs it ran for each.

The first of a pair is that of 1,000 jobs in a fresh file with nothing else in it, the second that of 1,000 jobs in the
file at PINION_URL: of those that wait there already if WAITING is 1, of others that are put into it before if it is 0.
Before the clock runs, the file is opened anew, so that no page is in memory, and one batch is claimed and settled.
The two take turns at going first.
"""

import json
import os
import sys
import tempfile
import time

from benchmarks.apps.pinion_app import url
from pinion import Job
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Settlement
from pinion_sqlite import open_storage

SHORT = 1000
BATCH = 125
REQUEST = ClaimRequest("claims", BATCH, 30.0, None)


def pairs(count: int, *, waiting: bool) -> list[tuple[float, float]]:
    """So many pairs of jobs per second: in a fresh file, and in the deep one."""
    return [_deep_first(waiting) if number % 2 else (_shallow(), _deep(waiting)) for number in range(count)]


def _deep_first(waiting: bool) -> tuple[float, float]:
    deep = _deep(waiting)
    return _shallow(), deep


def _shallow() -> float:
    with tempfile.TemporaryDirectory(prefix="shallow-", dir=os.environ["PINION_BENCH_FOLDER"]) as folder:
        return _pace(f"sqlite:///{folder}/jobs.db", fill=True)


def _deep(waiting: bool) -> float:
    return _pace(url(), fill=not waiting)


def _pace(address: str, *, fill: bool) -> float:
    """Claim and settle a batch, then 1,000 jobs in batches; the pace of these."""
    if fill:
        with open_storage(address) as storage:
            storage.insert([Job("note", (number, 0.0)) for number in range(BATCH + SHORT)])
    with open_storage(address) as storage:
        _run(storage, BATCH)
        began = time.perf_counter()
        _run(storage, SHORT)
        return SHORT / (time.perf_counter() - began)


def _run(storage: ClaimStorage, jobs: int) -> None:
    """What a worker whose tasks take no time does with so many: each batch is settled with the claim of the next."""
    ended: list[Settlement] = []
    for _ in range(jobs // BATCH):
        claimed = storage.exchange(ended, REQUEST).jobs
        if len(claimed) != BATCH:
            raise RuntimeError(f"claimed {len(claimed)} jobs where {BATCH} were asked for, and wait")
        ended = [Settlement(Claim(job.id, job.token or ""), Done()) for job in claimed]
    storage.exchange(ended)


if __name__ == "__main__":
    print(json.dumps({"pairs": pairs(int(sys.argv[1]), waiting=sys.argv[2] == "1"), "ran": BATCH + SHORT}))
