"""Several worker processes under one command."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pinion import Job, Queue, Status

TASKS = """
from pinion import task

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


@pytest.mark.skipif(not _can_be_process_one(), reason="this system lets nobody make a process namespace")
def test_a_supervisor_may_be_process_one_as_in_a_container(folder: Path) -> None:
    command = [*UNSHARE, *COMMAND, "--processes", "2"]

    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)

    assert "died" not in run.stderr
    assert run.returncode == 0
    assert _counts(folder) == {"default": {Status.SUCCESS: 20}}
