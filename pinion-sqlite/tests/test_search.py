"""Jobs are found by any conditions, whichever way they are looked for."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from pinion.job import FINISHED, Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed
from pinion.storage import Change, Claim, ClaimRequest, Filter, Query, Settlement, matches
from pinion.testing import ManualClock
from pinion_sqlite import SqliteStorage

ENDS = (Done(), Failed(JobError("ValueError")), Cancelled())
QUEUES, TASKS = ("a", "b", "B"), ("add", "ADD", "ÄNDERN", "sub")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def storage(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "jobs.db", clock=clock, synchronous="off") as opened:
        yield opened


def _fill(storage: SqliteStorage, clock: ManualClock) -> list[Job]:
    """Jobs in every status, whose ids are in another order than they came and ended; as they are stored."""
    rnd = random.Random(1)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for number, name in enumerate(rnd.sample([f"job-{number:03}" for number in range(120)], 120)):
        created = began + timedelta(seconds=number)
        job = Job(rnd.choice(TASKS), id=name, queue=rnd.choice(QUEUES), created_at=created)
        if number % 5 == 0:
            job.run_at = datetime(2100, 1, 1, tzinfo=UTC)
        storage.insert([job])
    for job in storage.exchange(claim=ClaimRequest("w", 75)).jobs:
        clock.advance(1.0)
        if rnd.random() < 0.8:
            storage.exchange([Settlement(Claim(job.id, job.token or ""), rnd.choice(ENDS))])
    return storage.find(Query(limit=1000))


@pytest.mark.parametrize("many", [1, 50_000])
def test_a_query_finds_what_looking_at_every_job_finds(
    storage: SqliteStorage, clock: ManualClock, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinion_sqlite.search.MANY", many)
    jobs = _fill(storage, clock)
    assert len(jobs) == 120
    assert {job.status for job in jobs} == set(Status)

    for status, queue, task, after in product(
        (None, *Status), (None, *QUEUES), (None, "Add", "ändern", ""), (None, "job-05")
    ):
        which = Filter(status=status, queue=queue, task=task)
        wanted = [job.id for job in jobs if matches(which, job, job.created_at) and job.id > (after or "")]
        for limit in (3, 1000):
            found = storage.find(Query(status, queue, task, limit, after))
            assert [job.id for job in found] == wanted[:limit], (which, after, limit)


@pytest.mark.parametrize("many", [1, 50_000])
def test_a_filter_by_age_goes_by_the_end_of_what_is_finished_and_the_beginning_of_the_rest(
    storage: SqliteStorage, clock: ManualClock, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinion_sqlite.search.MANY", many)
    jobs = _fill(storage, clock)
    moments = {job.id: job.finished_at if job.status in FINISHED else job.created_at for job in jobs}
    before = sorted(moment for moment in moments.values() if moment)[100]

    for which in (Filter(before=before), Filter(before=before, queue="a"), Filter(before=before, status=Status.FAILED)):
        wanted = [
            job.id
            for job in jobs
            if job.status is not Status.RUNNING and matches(which, job, moments[job.id] or job.created_at)
        ]
        assert storage.change(Change.DELETE, which, dry_run=True) == wanted
        assert wanted


def test_a_change_of_as_many_ids_as_its_limit_changes_no_other_job(storage: SqliteStorage) -> None:
    jobs = [Job("add", id=name) for name in "abcd"]
    storage.insert(jobs)

    assert storage.change(Change.DELETE, Filter(ids=("a", "unknown")), limit=2) == ["a"]
    assert storage.change(Change.DELETE, Filter(ids=("b",), task="sub"), limit=1) == []
    assert storage.counts() == {"default": {Status.PENDING: 3}}


def test_a_change_goes_on_to_the_next_jobs_where_keys_are_held(storage: SqliteStorage) -> None:
    jobs = [Job("add", id=name, unique_key="key") for name in "abc"] + [Job("add", id="d")]
    for job in jobs:
        storage.insert([job])
        storage.change(Change.CANCEL, Filter(ids=(job.id,)))

    assert storage.change(Change.REQUEUE, Filter(), limit=2, dry_run=True) == ["a", "d"]
    assert storage.change(Change.REQUEUE, Filter(), limit=2) == ["a", "d"]


def test_what_a_deleted_job_left_goes_with_it_whoever_deletes_it(storage: SqliteStorage) -> None:
    storage.insert([Job("add")])
    [job] = storage.exchange(claim=ClaimRequest("w")).jobs
    storage.insert([replace(job)])
    connection = storage.connect()
    connection.execute("INSERT INTO pinion_lines (job, at, attempt, text) VALUES (?, 0, 1, 'text')", (job.id,))
    before = connection.execute("SELECT count(*) FROM pinion_attempts").fetchone()

    connection.execute("DELETE FROM pinion_jobs")

    left = [connection.execute(f"SELECT count(*) FROM pinion_{table}").fetchone()[0] for table in ("attempts", "lines")]
    connection.close()
    assert (before, left) == ((1,), [0, 0])


def test_whoever_waits_for_the_end_of_a_job_reads_nothing_while_nobody_commits(storage: SqliteStorage) -> None:
    storage.insert([Job("add")])
    [job] = storage.exchange(claim=ClaimRequest("w")).jobs
    read: list[str] = []
    assert storage._connections._reader is None
    storage.size()
    assert storage._connections._reader
    storage._connections._reader.set_trace_callback(read.append)

    storage.wait_finished(job.id, 0.5)

    looks = [statement for statement in read if "status" in statement]
    assert len(looks) == 1
