"""A task that completes its job in its own transaction: `current_job().complete`."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from five_methods import ListStorage
from pinion import Job, JobExecution, Registry, RetryPolicy, Status, Worker, current_job, task
from pinion.errors import ClaimLost, Unsupported
from pinion.storage import Claim, ClaimRequest, Released, Settlement
from pinion_sqlite import SqliteStorage
from threads import run


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "jobs.db") as storage:
        yield storage


def test_a_job_completed_in_a_transaction_that_commits_has_succeeded_with_its_result(
    registry: Registry, file: SqliteStorage
) -> None:
    @task(registry=registry)
    def book() -> str:
        connection = file.connect()
        with connection:
            connection.execute("CREATE TABLE bookings (id)")
            current_job().complete(connection=connection, result="booked")
        connection.close()
        assert file.get(current_job().job.id).status is Status.SUCCESS
        return "ignored"

    [job] = run(file, registry, Job("book"))

    assert (job.status, job.result) == (Status.SUCCESS, "booked")


def test_a_task_that_raises_after_its_transaction_committed_has_succeeded_and_the_log_says_so(
    registry: Registry, file: SqliteStorage, caplog: pytest.LogCaptureFixture
) -> None:
    @task(registry=registry)
    def book() -> None:
        connection = file.connect()
        with connection:
            current_job().complete(connection=connection, result="booked")
        connection.close()
        raise ValueError("too late to matter")

    file.enqueue(job := Job("book"))
    summary = Worker(file, registry=registry, burst=True).run_forever()

    assert (file.get(job.id).result, file.get(job.id).failures) == ("booked", 0)
    assert (summary.succeeded, summary.lost, summary.retried) == (1, 0, 0)
    assert "own transaction" in caplog.text and "too late to matter" in caplog.text


@pytest.mark.parametrize("fails", [False, True])
def test_after_a_rollback_the_job_goes_on_as_if_nothing_had_been_completed(
    registry: Registry, file: SqliteStorage, fails: bool
) -> None:
    @task(registry=registry, retry=RetryPolicy(0))
    def book() -> str:
        connection = file.connect()
        connection.execute("BEGIN IMMEDIATE")
        current_job().complete(connection=connection, result="booked")
        connection.rollback()
        connection.close()
        if fails:
            raise ValueError
        return "returned"

    [job] = run(file, registry, Job("book"))

    assert (job.status, job.result) == ((Status.FAILED, None) if fails else (Status.SUCCESS, "returned"))


def test_completing_a_job_that_was_lost_raises_so_that_the_transaction_rolls_back(
    registry: Registry, file: SqliteStorage
) -> None:
    @task(registry=registry)
    def book() -> None:
        connection = file.connect()
        try:
            current_job().complete(connection=connection)
        finally:
            connection.rollback()
            connection.close()

    file.enqueue(Job("book"))
    [lost] = file.exchange(claim=ClaimRequest("frozen")).jobs
    file.exchange([Settlement(Claim(lost.id, lost.token or ""), Released())])
    [held] = file.exchange(claim=ClaimRequest("other")).jobs

    with pytest.raises(ClaimLost), JobExecution(file, lost, registry) as fn:
        fn()

    file.mark_done(held)


def test_completing_is_refused_where_no_transactions_are_promised(registry: Registry) -> None:
    @task(registry=registry, retry=RetryPolicy(0))
    def book() -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            current_job().complete(connection=connection)

    storage = ListStorage()
    storage.enqueue(Job("book"))
    Worker(storage, registry=registry, burst=True).run_forever()

    assert [type(exc) for _, exc in storage.failed] == [Unsupported]
