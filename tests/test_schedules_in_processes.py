"""Schedules among real processes on one file: each tick makes one job, and that is run, whoever is killed."""

import itertools
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import pytest

from command import Folder
from pinion import Job, Status
from pinion.storage import Query, ScheduleEntry
from pinion_sqlite import SqliteStorage
from processes import until, worker

URL = Folder.URL
RECURRING = """
from pinion import Job, schedule, task

@task(every=0.5, missed="all")
def tick() -> str:
    return "ran"
"""
NIGHTLY = """
from pinion import Job, schedule, task

@task
def report(country: str) -> None: ...

schedule("report-de", Job("report", ("de",)), cron="0 3 * * *", tz="Europe/Berlin")
schedule("report-fr", Job("report", ("fr",)), every=60)
"""
DIES_AFTER_A_TICK = """
import os, signal
import recurring
from pinion import Worker, open_storage
from pinion.hooks import Hooks

def die(job):
    os.kill(os.getpid(), signal.SIGKILL)

storage = open_storage("sqlite:///jobs.db")  # whose job another thread could claim before the tick's is synced
Worker(storage, queues=["another"], hooks=Hooks([("job_enqueued", die)])).run_forever()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "recurring.py").write_text(RECURRING)
    (tmp_path / "nightly.py").write_text(NIGHTLY)
    return Folder(tmp_path)


def jobs(folder: Folder) -> list[Job]:
    with SqliteStorage(folder.path / "jobs.db") as storage:
        return storage.find(Query(limit=10_000))


def ticks(folder: Folder) -> list[datetime]:
    return sorted(datetime.fromisoformat(job.headers["pinion.tick"]) for job in jobs(folder))


def until_it_grows(folder: Folder) -> None:
    before = len(jobs(folder))
    until(lambda: len(jobs(folder)) >= before + 3, 60)


def test_of_several_processes_one_makes_each_tick_and_a_killed_one_loses_none(folder: Folder) -> None:
    with ExitStack() as stack:
        options = ("--import", "recurring", "--lease", "1")
        workers = [stack.enter_context(worker(URL, folder.path, *options)) for _ in range(3)]
        until(lambda: (folder.path / "jobs.db").exists() and len(jobs(folder)) >= 4, 60)
        for each in workers[:2]:
            each.signal(SIGKILL)
            until_it_grows(folder)
        stack.enter_context(worker(URL, folder.path, *options))
        until(lambda: {job.status for job in jobs(folder)[:6]} == {Status.SUCCESS}, 60)
    folder.pinion("worker", URL, "--import", "recurring", "--burst")

    made = ticks(folder)
    assert {later - earlier for earlier, later in itertools.pairwise(made)} == {timedelta(seconds=0.5)}
    assert {job.status for job in jobs(folder)} == {Status.SUCCESS}


def test_a_worker_that_is_killed_between_a_tick_and_its_run_loses_neither(folder: Folder) -> None:
    died = subprocess.run([sys.executable, "-c", DIES_AFTER_A_TICK], cwd=folder.path, timeout=60)
    assert died.returncode == -SIGKILL
    [made] = jobs(folder)
    assert made.status is Status.PENDING

    folder.pinion("worker", URL, "--import", "recurring", "--burst")

    after = {job.id: job.status for job in jobs(folder)}
    assert after[made.id] is Status.SUCCESS
    assert len(set(ticks(folder))) == len(after)


# --- the command line -----------------------------------------------------------------------------


def test_schedules_are_shown_with_when_they_are_due(folder: Folder) -> None:
    folder.pinion("worker", URL, "--import", "nightly", "--burst")

    de, fr = folder.pinion("schedules", URL, "--json").json()
    text = folder.pinion("schedules", URL)

    assert (de["name"], de["task"], de["when"]) == ("report-de", "report", "0 3 * * * Europe/Berlin")
    assert (fr["name"], fr["when"], fr["last"], fr["overdue"]) == ("report-fr", "every 60 s", None, False)
    assert datetime.fromisoformat(fr["next"]).second == 0
    assert text.status == 0 and text.out.splitlines()[0].split() == ["name", "task", "when", "next", "last"]
    assert "report-de  report  0 3 * * * Europe/Berlin" in text.out and "never" in text.out


def test_a_schedule_that_nobody_sees_to_is_shown_as_overdue(folder: Folder) -> None:
    folder.enqueue("add")
    storage: Any = SqliteStorage(folder.path / "jobs.db")
    with storage:
        storage.put_schedule(ScheduleEntry("orphan", "?", datetime.fromisoformat("2020-01-01T00:00+00:00")))

    [orphan] = folder.pinion("schedules", URL, "--json").json()

    assert (orphan["name"], orphan["task"], orphan["overdue"]) == ("orphan", "?", True)
    assert folder.pinion("schedules", URL).out.rstrip().endswith("overdue")


def test_a_schedule_is_deleted_by_its_name(folder: Folder) -> None:
    folder.pinion("worker", URL, "--import", "nightly", "--burst")

    done = folder.pinion("schedules", URL, "--delete", "report-fr")
    again = folder.pinion("schedules", URL, "--delete", "report-fr")

    assert (done.status, done.out) == (0, "report-fr is deleted\n")
    assert again.status == 1 and again.only_error() == "there is no schedule 'report-fr'; there are: 'report-de'"
    assert [each["name"] for each in folder.pinion("schedules", URL, "--json").json()] == ["report-de"]


def test_where_nothing_recurs_and_nobody_works_that_is_said(folder: Folder) -> None:
    folder.enqueue("add")

    assert folder.pinion("schedules", URL).out == "nothing recurs: no worker has declared a schedule here\n"
    assert folder.pinion("workers", URL).out == "no worker is alive\n"
    assert folder.pinion("workers", URL, "--json").json() == []


def test_workers_are_seen_alive_and_health_counts_them(folder: Folder) -> None:
    folder.enqueue("add", "--args", "[1, 2]", "--queue", "other")
    options = ("--import", "some_tasks", "--queue", "mail", "--threads", "2", "--name", "w1")

    with worker(URL, folder.path, *options) as running:
        until(lambda: folder.pinion("workers", URL, "--json").json(), 60)
        [seen] = folder.pinion("workers", URL, "--json").json()
        well = folder.pinion("health", URL, "--workers", "1")
        ill = folder.pinion("health", URL, "--workers", "2")
        running.signal(SIGTERM)
        running.wait()

    assert (seen["name"], seen["pid"], seen["queues"]) == ("w1", running.process.pid, ["mail"])
    assert (seen["slots"], seen["running"], seen["host"]) == (2, 0, os.uname().nodename)
    assert (well.status, well.out) == (0, "healthy: jobs waiting: 1, running: 0, workers alive: 1\n")
    assert (ill.status, ill.out) == (1, "not healthy: workers alive: 1, fewer than 2\n")
    assert folder.pinion("workers", URL).out == "no worker is alive\n"


def test_health_complains_of_many_jobs_of_old_ones_and_of_neither(folder: Folder) -> None:
    first, _ = folder.enqueue("add"), folder.enqueue("add", "--delay", "3600")

    many = folder.pinion("health", URL, "--max-waiting", "1", "--max-age", "1h")
    old = until(lambda: (done := folder.pinion("health", URL, "--max-age", "0.001")).status == 1 and done)
    well = folder.pinion("health", URL, "--max-waiting", "2", "--max-age", "1h", "--workers", "0")
    folder.pinion("pause", URL, "default")
    paused = folder.pinion("health", URL, "--max-waiting", "0", "--max-age", "0.001")

    assert (many.status, many.out) == (1, "not healthy: jobs waiting: 2, more than 1\n")
    assert f"add[{first}] has been due for" in old.out
    assert well.status == paused.status == 0


def test_health_of_what_cannot_be_reached_is_told_apart(folder: Folder) -> None:
    (folder.path / "broken.db").write_bytes(b"this is no database, whatever its name says" * 100)

    assert folder.pinion("health", "sqlite:///nothing.db").status == 3
    assert folder.pinion("health", "sqlite:///broken.db").status == 3
    assert folder.pinion("health").status == 2
