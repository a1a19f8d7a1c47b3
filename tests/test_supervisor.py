"""Several worker processes under one command."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pinion import Job, Queue, Status
from processes import WorkerProcess, until, worker

TASKS = """
from pinion import task

HOARD = []

@task()
def leak():
    HOARD.append(bytearray(20_000_000))

@task()
def noop():
    pass
"""

UNSHARE = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
COMMAND = [sys.executable, "-m", "pinion", "worker", "sqlite:///jobs.db", "--import", "supervised", "--burst"]


def _can_be_process_one() -> bool:
    return (
        shutil.which("unshare") is not None and subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "supervised.py").write_text(TASKS)
    with Queue(f"sqlite:///{tmp_path}/jobs.db") as queue:
        queue.submit_many([Job("noop") for _ in range(20)])
    return tmp_path


def _counts(folder: Path) -> object:
    with Queue(f"sqlite:///{folder}/jobs.db") as queue:
        return queue.counts()


def test_two_processes_end_together_when_nothing_is_left(folder: Path) -> None:
    run = subprocess.run([*COMMAND, "--processes", "2"], cwd=folder, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stderr
    assert _counts(folder) == {"default": {Status.SUCCESS: 20}}


def test_processes_that_are_given_a_name_have_one_each(folder: Path) -> None:
    options = ("--import", "supervised", "--processes", "2", "--name", "w")

    with worker("sqlite:///jobs.db", folder, *options) as supervisor:
        begun = until(lambda: len(found := _named(supervisor, "worker.started")) == 2 and found)
        supervisor.signal(signal.SIGTERM)
        supervisor.wait()

    assert sorted(begun) == ["w-1", "w-2"]


def _named(supervisor: WorkerProcess, event: str) -> list[str]:
    return [entry["worker"] for entry in supervisor.events() if entry.get("event") == event]


@pytest.mark.skipif(not _can_be_process_one(), reason="this system lets nobody make a process namespace")
def test_a_supervisor_may_be_process_one_as_in_a_container(folder: Path) -> None:
    command = [*UNSHARE, *COMMAND, "--processes", "2"]

    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)

    assert "died" not in run.stderr
    assert run.returncode == 0
    assert _counts(folder) == {"default": {Status.SUCCESS: 20}}


def test_a_worker_process_that_is_killed_is_replaced_and_all_end_at_one_signal(folder: Path) -> None:
    options = ("--import", "supervised", "--processes", "2", "--lease", "1")
    with worker("sqlite:///jobs.db", folder, *options) as supervisor:
        first, _ = until(lambda: _begun(supervisor, 2))
        os.kill(first, signal.SIGKILL)
        begun = until(lambda: _begun(supervisor, 3))
        until(lambda: _counts(folder) == {"default": {Status.SUCCESS: 20}})

        supervisor.signal(signal.SIGTERM)

        assert supervisor.wait() == 0
    [died] = [entry for entry in supervisor.events() if entry["event"] == "process.died"]
    assert "SIGKILL" in died["message"]
    assert not any(Path(f"/proc/{process}").exists() for process in begun)


def _begun(supervisor: WorkerProcess, count: int) -> list[int]:
    """The process ids of the workers that began, once there are so many."""
    names = [entry["worker"] for entry in supervisor.events() if entry["event"] == "worker.started"]
    return [int(name.split(":")[1]) for name in names] if len(names) == count else []


def test_workers_that_cannot_begin_are_not_started_again(folder: Path) -> None:
    command = [*COMMAND, "--import", "not_there_at_all", "--processes", "2"]

    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1 and "not_there_at_all" in run.stderr


def test_a_worker_process_that_has_run_so_many_jobs_is_replaced_at_once(folder: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--processes", "2", "--max-jobs", "4", "--log-format", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert run.returncode == 0, run.stderr
    assert _counts(folder) == {"default": {Status.SUCCESS: 20}}
    events = [json.loads(line)["event"] for line in run.stderr.splitlines()]
    assert events.count("process.replaced") >= 3 and "process.died" not in events


def test_a_worker_process_that_takes_too_much_memory_stops_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "supervised.py").write_text(TASKS)
    with (
        Queue(f"sqlite:///{tmp_path}/jobs.db") as queue,
        worker("sqlite:///jobs.db", tmp_path, "--import", "supervised", "--max-memory", "150") as process,
    ):
        for _ in range(8):
            queue.enqueue("leak")

        assert process.wait() == 0

    [worn] = [entry for entry in process.events() if entry["event"] == "worker.worn"]
    assert "MB" in worn["message"]
