"""Files of version 1, and programs that know no other: what a migration leaves whole."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinion.job import Job, JobError, Status
from pinion.outcome import Done, Retry
from pinion.storage import Change, Claim, ClaimRequest, Filter, Inserted, KeyHeld, Settled, Settlement
from pinion_sqlite import SqliteStorage
from version_1 import claim, create, insert, opened, settle

SCRIPT = Path(__file__).with_name("version_1.py")
LATER = 2_000_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create(tmp_path / "jobs.db")
    return tmp_path / "jobs.db"


@pytest.fixture
def older(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker of version 1 that has inserted 200 jobs and works on them."""
    command = [sys.executable, SCRIPT, path, "200"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_worker_of_version_1_goes_on_through_the_migration_and_every_job_runs_once(
    path: Path, older: subprocess.Popen[str]
) -> None:
    assert older.stdin
    assert older.stdout
    ran = [older.stdout.readline().strip() for _ in range(20)]
    with SqliteStorage(path) as storage:
        storage.insert([Job("add", unique_key=f"key {number}", keep=3600) for number in range(200)])
        while sum(storage.counts()["default"].get(status, 0) for status in (Status.PENDING, Status.RUNNING)):
            for job in storage.exchange(claim=ClaimRequest("version 2", 2)).jobs:
                settlement = Settlement(Claim(job.id, job.token or ""), Done())
                assert storage.exchange([settlement]).settled == [Settled.SETTLED]
                ran.append(job.id)
        older.stdin.close()
        ran += older.stdout.read().split()
        attempts = [storage.attempts(job_id) for job_id in ran]

        assert older.wait(60) == 0
        assert storage.counts() == {"default": {Status.SUCCESS: 400}}
        assert Counter(ran).most_common(1)[0][1] == 1
        assert len(ran) == 400
        assert {len(each) for each in attempts} == {1}
        assert {each[0].worker for each in attempts} == {"version 1", "version 2"}


def test_what_was_there_before_the_migration_is_read_as_it_was(path: Path) -> None:
    connection = opened(path)
    waiting, held, done = insert(connection, 3)
    connection.execute("UPDATE pinion_jobs SET priority = -1 WHERE id = ?", (waiting,))
    connection.execute("UPDATE pinion_jobs SET priority = 1 WHERE id = ?", (done,))
    assert claim(connection, "one", 1) == [done]
    settle(connection, "done", (LATER, '"result"', done, "one"))
    assert claim(connection, "two", 1) == [held]

    with SqliteStorage(path) as storage:
        jobs = {job_id: storage.get(job_id) for job_id in (waiting, held, done)}
        outcomes = [attempt.outcome for attempt in storage.attempts(done)]

    assert [jobs[job_id].status for job_id in (waiting, held, done)] == [
        Status.PENDING,
        Status.RUNNING,
        Status.SUCCESS,
    ]
    assert (jobs[done].result, outcomes) == ("result", ["done"])
    connection.close()


def test_a_key_is_free_once_a_worker_of_version_1_has_finished_the_job(path: Path) -> None:
    with SqliteStorage(path) as storage:
        older = opened(path)
        first = Job("add", unique_key="key")
        storage.insert([first])
        claim(older, "token")
        held = storage.insert([Job("add", unique_key="key")])
        settle(older, "done", (LATER, None, first.id, "token"))

        assert held == [KeyHeld(first.id)]
        assert storage.insert([Job("add", unique_key="key")]) == [Inserted.NEW]
        older.close()


def test_a_key_that_is_held_while_pending_is_free_once_a_worker_of_version_1_claimed_the_job(path: Path) -> None:
    with SqliteStorage(path) as storage:
        older = opened(path)
        first = Job("add", unique_key="key", unique_while="pending")
        storage.insert([first])
        claim(older, "token")
        settle(older, "released", (first.id, "token"))

        assert storage.get(first.id).status is Status.PENDING
        assert storage.insert([Job("add", unique_key="key")]) == [Inserted.NEW]
        older.close()


def test_a_cancel_that_a_worker_of_version_1_does_not_obey_is_not_the_next_claims(path: Path) -> None:
    with SqliteStorage(path) as storage:
        older = opened(path)
        [job_id] = insert(older, 1)
        claim(older, "token")
        storage.change(Change.CANCEL, Filter())
        settle(older, "released", (job_id, "token"))

        [job] = storage.exchange(claim=ClaimRequest("version 2")).jobs
        retry = Settlement(Claim(job.id, job.token or ""), Retry(0.0, JobError("ValueError")))
        storage.exchange([retry])

        assert storage.get(job_id).status is Status.PENDING
        older.close()


def test_a_migrated_file_says_that_programs_of_version_1_may_use_it(path: Path) -> None:
    SqliteStorage(path).close()

    connection = opened(path)
    assert connection.execute("SELECT version, compatible FROM pinion_schema").fetchall() == [(2, 1)]
    connection.close()
