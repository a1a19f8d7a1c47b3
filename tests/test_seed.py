"""What was asked for first: its two programs, word for word, and a storage of five methods in a user's own file."""

import re
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

MEMORY = """
import threading, time
from pinion import task, Job, InMemoryStorage, Worker, RetryPolicy

@task()
def add(a: int, b: int) -> int:
    return a + b

storage = InMemoryStorage()
worker = Worker(storage, retry=RetryPolicy(jitter=False))
thread = threading.Thread(target=worker.run_forever, daemon=True)
thread.start()

storage.enqueue(Job("add", (1, 2)))   # args tuple
storage.enqueue(Job("BOOM"))           # case-insensitive lookup (if registered)

time.sleep(2.5)
worker.stop()
thread.join()
"""

SQLITE = """
import threading, time
from pinion import task, Job, Worker, RetryPolicy
from pinion.queue import SqliteStorage  # durable backend

@task("boom")
def fail() -> None:
    raise ValueError("kaboom")

storage = SqliteStorage("pinion.db")
worker = Worker(storage, retry=RetryPolicy(jitter=False))
t = threading.Thread(target=worker.run_forever, daemon=True)
t.start()

storage.enqueue(Job("fail"))

time.sleep(4.5)
worker.stop()
t.join()
"""

OWN = """
import threading
from collections import deque
from pinion import Job, RetryPolicy, Status, Worker, task

class MyStorage:
    def __init__(self):
        self.jobs, self.changed, self.outcomes = deque(), threading.Condition(), []

    def enqueue(self, job: Job) -> None:
        with self.changed:
            job.status = Status.PENDING
            self.jobs.append(job)
            self.changed.notify()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        with self.changed:
            if not self.changed.wait_for(lambda: self.jobs, timeout):
                return None
            job = self.jobs.popleft()
            job.status = Status.RUNNING
            job.attempts += 1
            return job

    def mark_done(self, job: Job) -> None:
        self.outcomes.append((job.func_name, "done", job.attempts))

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.outcomes.append((job.func_name, str(exc), job.attempts))

    def size(self) -> int:
        return len(self.jobs)

tries = []

@task()
def add(a, b):
    return a + b

@task()
def third_time_lucky():
    tries.append(1)
    if len(tries) < 3:
        raise ValueError("not yet")

@task()
def never():
    raise KeyError("no")

storage = MyStorage()
storage.enqueue(Job("Add", (1, 2)))
storage.enqueue(Job("third_time_lucky"))
storage.enqueue(Job("never"))
worker = Worker(storage, retry=RetryPolicy(max_retries=2, base_delay=0.01, jitter=False))
thread = threading.Thread(target=worker.run_forever)
thread.start()
while sum(1 for each in storage.outcomes if each[1] == "done") < 2 or ("never", "'no'", 3) not in storage.outcomes:
    thread.join(0.01)
worker.stop()
thread.join()
print(sorted(storage.outcomes))
"""


def _run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_program_in_memory_runs_add_retries_the_unknown_task_and_ends_by_itself(tmp_path: Path) -> None:
    watched = MEMORY + textwrap.dedent("""
        from pinion.storage import Query
        print([(job.func_name, str(job.status), job.attempts, job.result) for job in storage.find(Query())])
        """)

    run = _run(tmp_path, watched)

    assert run.returncode == 0, run.stderr
    assert run.stdout == "[('add', 'SUCCESS', 1, 3), ('BOOM', 'PENDING', 3, None)]\n"


def test_the_program_on_sqlite_fails_the_unknown_task_after_four_attempts_and_ends_by_itself(tmp_path: Path) -> None:
    begun = time.monotonic()
    run = _run(tmp_path, SQLITE)

    assert run.returncode == 0, run.stderr
    assert time.monotonic() - begun < 10
    connection = sqlite3.connect(tmp_path / "pinion.db")
    assert connection.execute("SELECT func_name, status, attempts FROM pinion_jobs").fetchall() == [("fail", 3, 4)]
    connection.close()


@pytest.mark.parametrize("program", [MEMORY, SQLITE], ids=["memory", "sqlite"])
def test_the_programs_run_word_for_word(tmp_path: Path, program: str) -> None:
    run = _run(tmp_path, program)

    assert (run.returncode, run.stdout) == (0, "")
    assert not re.search(r"Traceback|Warning", run.stderr), run.stderr


def test_a_class_with_exactly_the_five_methods_works_with_the_worker(tmp_path: Path) -> None:
    run = _run(tmp_path, OWN)

    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(
        [
            ("Add", "done", 1),
            ("never", "'no'", 1),
            ("never", "'no'", 2),
            ("never", "'no'", 3),
            ("third_time_lucky", "done", 3),
            ("third_time_lucky", "not yet", 1),
            ("third_time_lucky", "not yet", 2),
        ]
    )


def test_a_storage_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pinion_sqlite.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pinion_sqlite'\", name='pinion_sqlite')"
    )

    run = _run(tmp_path, "from pinion import SqliteStorage")

    assert run.returncode == 1
    assert "DistributionMissing: SqliteStorage comes with pinion-sqlite: pip install pinion-sqlite" in run.stderr
