"""Workers die at random moments. `tox -e chaos` kills 50 times among 5,000 jobs; the plain run is a short one."""

import os
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from pinion import Job, Queue, Status
from processes import WorkerProcess, until

TASKS = """
import os, time
from pinion import task

@task()
def work(number):
    time.sleep(0.025)
    with open("ran", "ab", buffering=0) as file:
        file.write(b"%d\\n" % number)
"""

LENGTHS = {"short": (600, 5), "long": (5000, 50)}


@pytest.mark.parametrize("length", [os.environ.get("PINION_CHAOS", "short")])
@pytest.mark.timeout(900)
def test_no_job_is_lost_when_workers_are_killed(tmp_path: Path, length: str) -> None:
    count, kills = LENGTHS[length]
    seed = int(os.environ.get("PINION_SEED", random.randrange(2**32)))
    chance = random.Random(seed)
    (tmp_path / "chaos_tasks.py").write_text(TASKS)
    path, url = tmp_path / "jobs.db", f"sqlite:///{tmp_path}/jobs.db"
    options = ("--import", "chaos_tasks", "--threads", "4", "--lease", "2")
    with Queue(url) as queue:
        queue.submit_many([Job("work", (number,)) for number in range(count)])
        workers = [WorkerProcess(url, tmp_path, *options) for _ in range(2)]
        in_flight = 0
        try:
            for kill in range(kills):
                _wait_for(queue, count * (kill + chance.random()) / (kills + 1))
                victim = workers.pop(0)
                in_flight += _held_by(path, victim.process.pid)
                victim.kill()
                assert _integrity(path) == "ok"
                workers.append(WorkerProcess(url, tmp_path, *options))
            _wait_for(queue, count)
        finally:
            for each in workers:
                each.kill()

        assert queue.counts() == {"default": {Status.SUCCESS: count}}
    runs = Counter((tmp_path / "ran").read_bytes().split())
    repeated = sum(runs.values()) - len(runs)
    print(f"\nseed {seed}: {count} jobs, {kills} kills, {repeated} run again, {in_flight} were in flight")
    assert len(runs) == count
    assert repeated <= in_flight + kills * 8


def _wait_for(queue: Queue, succeeded: float) -> None:
    until(lambda: queue.counts()["default"].get(Status.SUCCESS, 0) >= succeeded, 120)


def _held_by(path: Path, pid: int) -> int:
    """How many jobs a process holds, read by a connection that isn't Pinion's."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        [held] = connection.execute(
            "SELECT count(*) FROM pinion_jobs WHERE status = 1 AND worker LIKE ?", (f"%:{pid}:%",)
        ).fetchone()
    connection.close()
    return int(held)


def _integrity(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
