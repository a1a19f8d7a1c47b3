"""Signals, and what they leave behind."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinion import Queue, Status
from processes import until, worker

TASKS = """
import os, pathlib, signal, time
from pinion import task

@task()
def sleep(seconds):
    pathlib.Path("begun").touch()
    time.sleep(seconds)

@task()
def until_file(name):
    pathlib.Path("begun").touch()
    while not pathlib.Path(name).exists():
        time.sleep(0.01)

@task()
def kill_worker():
    with open("kills", "a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)

@task()
def noop():
    pass
"""


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    (tmp_path / "stop_tasks.py").write_text(TASKS)
    with Queue(f"sqlite:///{tmp_path}/jobs.db") as opened:
        yield opened


def _url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db"


def test_sigterm_hands_long_jobs_back_within_the_grace_period_and_counts_no_failure(
    queue: Queue, tmp_path: Path
) -> None:
    jobs = [queue.enqueue("sleep", 30) for _ in range(3)]
    with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks", "--threads", "3", "--grace", "1") as process:
        until(lambda: queue.counts()["default"].get(Status.RUNNING) == 3)
        until((tmp_path / "begun").exists)

        begun = time.monotonic()
        process.signal(signal.SIGTERM)
        process.wait(10)
        taken = time.monotonic() - begun

    assert taken < 5
    for job in jobs:
        left = queue.get(job.id)
        assert (left.status, left.failures, left.lost, left.error) == (Status.PENDING, 0, 0, None)


def test_a_second_sigterm_stops_at_once(queue: Queue, tmp_path: Path) -> None:
    job = queue.enqueue("sleep", 30)
    with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks", "--grace", "60") as process:
        until((tmp_path / "begun").exists)
        process.signal(signal.SIGTERM)
        until(lambda: process.has_said("worker.stopping"))

        process.signal(signal.SIGTERM)
        process.wait(10)

    assert queue.get(job.id).status is Status.PENDING


def test_a_job_that_finishes_within_the_grace_period_is_settled(queue: Queue, tmp_path: Path) -> None:
    job = queue.enqueue("until_file", "go")
    with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks", "--grace", "20") as process:
        until((tmp_path / "begun").exists)
        process.signal(signal.SIGTERM)
        until(lambda: process.has_said("worker.stopping"))

        (tmp_path / "go").touch()

        assert process.wait(15) == 0
    assert queue.get(job.id).status is Status.SUCCESS


def test_an_idle_worker_is_gone_soon_after_sigterm(queue: Queue, tmp_path: Path) -> None:
    queue.enqueue("noop")
    with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks") as process:
        until(lambda: process.has_said("job.succeeded"))

        begun = time.monotonic()
        process.signal(signal.SIGTERM)

        assert process.wait(10) == 0
        assert time.monotonic() - begun < 3


def test_the_late_settlement_of_a_frozen_worker_is_refused_and_said_in_a_sentence(queue: Queue, tmp_path: Path) -> None:
    job = queue.enqueue("until_file", "go")
    options = ("--import", "stop_tasks", "--lease", "1", "--threads", "1")
    with worker(_url(tmp_path), tmp_path, *options) as frozen:
        until((tmp_path / "begun").exists)
        frozen.signal(signal.SIGSTOP)
        with worker(_url(tmp_path), tmp_path, *options) as second:
            until(lambda: queue.get(job.id).lost == 1)
            (tmp_path / "go").touch()
            until(lambda: second.has_said("job.succeeded"))

        frozen.signal(signal.SIGCONT)
        until(lambda: frozen.has_said("job.lost"))

        [line] = [entry for entry in frozen.events() if entry["event"] == "job.lost"]
        assert "late" in line["message"] and "refused" in line["message"]
    settled = queue.get(job.id)
    assert (settled.status, settled.attempts, settled.lost) == (Status.SUCCESS, 2, 1)


def test_a_job_that_kills_its_workers_fails_as_such_and_takes_no_other_along(queue: Queue, tmp_path: Path) -> None:
    poison = queue.enqueue("kill_worker")
    others = [queue.enqueue("noop") for _ in range(20)]
    deaths = 0
    while queue.get(poison.id).status is not Status.FAILED and deaths < 10:
        with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks", "--lease", "0.3", "--burst") as process:
            deaths += process.wait() < 0

    assert (tmp_path / "kills").read_text() == "x" * 6
    failed = queue.get(poison.id)
    assert failed.status is Status.FAILED
    assert failed.error is not None and failed.error.type.endswith("WorkerLost")
    assert all(queue.get(job.id).status is Status.SUCCESS for job in others)


def test_a_second_sigterm_ends_a_worker_though_somebody_holds_the_write_lock(queue: Queue, tmp_path: Path) -> None:
    queue.enqueue("until_file", "go")
    with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks", "--grace", "1") as process:
        until((tmp_path / "begun").exists)
        other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process.signal(signal.SIGTERM)
        until(lambda: process.has_said("worker.stopping"))

        process.signal(signal.SIGTERM)

        assert process.wait(20) == 3
        other.execute("ROLLBACK")
        other.close()


def test_a_worker_survives_that_its_tasks_raise_anything(queue: Queue, tmp_path: Path) -> None:
    (tmp_path / "stop_tasks.py").write_text(
        "import sys\nfrom pinion import task\n"
        "@task()\ndef leave(): sys.exit(3)\n"
        "@task()\ndef interrupt(): raise KeyboardInterrupt\n"
        "@task()\ndef unprintable():\n class Odd(Exception):\n  def __str__(self): raise ValueError\n raise Odd\n"
        "@task()\ndef noop(): pass\n"
    )
    bad = [queue.enqueue(name) for name in ("leave", "interrupt", "unprintable")]
    good = queue.enqueue("noop")
    with worker(_url(tmp_path), tmp_path, "--import", "stop_tasks") as process:
        until(lambda: all(queue.get(job.id).failures for job in bad) and queue.get(good.id).status is Status.SUCCESS)
        assert process.process.poll() is None
