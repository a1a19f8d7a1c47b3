"""The pytest plugin, in a pytest of its own, as an application's author meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repository import project

APPLICATION = """
from pinion import task

@task
def add(a, b):
    return a + b

@task
def fail():
    raise ValueError("of the task")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "application.py").write_text(APPLICATION)
    return tmp_path


def run(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_application.py").write_text("from application import add, fail\n\n" + tests)
    # by name and not by the entry point, which an editable installation from before it was made lacks
    command = [sys.executable, "-m", "pytest", "-p", "pinion.testing.plugin", "-p", "no:cacheprovider", "-q"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)


def test_pytest_finds_the_plugin_where_the_distribution_is_installed() -> None:
    assert project("pinion-core")["entry-points"]["pytest11"] == {"pinion": "pinion.testing.plugin"}


def test_every_test_has_a_fresh_queue(folder: Path) -> None:
    tests = """
def test_one(pinion_rehearsal, pinion_queue):
    add.enqueue(1, 2)
    assert len(pinion_rehearsal.enqueued(add)) == 1
    assert [done.result for done in pinion_rehearsal.drain()] == [3]

def test_another(pinion_rehearsal):
    pinion_rehearsal.assert_not_enqueued(add)

def test_inline(pinion_inline):
    assert add.enqueue(1, 2).job().result == 3
"""
    done = run(folder, tests)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_a_test_that_failed_shows_what_failed_in_its_jobs(folder: Path) -> None:
    tests = """
def test_it(pinion_rehearsal):
    fail.enqueue()
    pinion_rehearsal.drain(raises=False)
    assert not "what the task should have done"
"""
    done = run(folder, tests)

    assert done.returncode == 1
    assert "Pinion: an attempt that failed" in done.stdout
    assert 'raise ValueError("of the task")' in done.stdout


def test_an_exception_of_a_task_is_shown_by_the_lines_of_the_test_and_the_task(folder: Path) -> None:
    tests = """
def test_it(pinion_rehearsal):
    fail.enqueue()
    pinion_rehearsal.drain()
"""
    done = run(folder, tests)

    assert done.returncode == 1
    assert "application.py:10: ValueError" in done.stdout
    assert "rehearsal.py:" not in done.stdout
    assert "execution.py:" not in done.stdout


def test_a_run_without_the_fixtures_loads_nothing_for_them(folder: Path) -> None:
    tests = """
import sys

def test_it():
    assert "pinion_memory" not in sys.modules
    assert "pinion.testing.rehearsal" not in sys.modules
"""
    done = run(folder, tests)

    assert done.returncode == 0, done.stdout + done.stderr
