"""From which of several queues a claim takes."""

from pathlib import Path

from pinion.job import Job
from pinion.storage import ClaimRequest
from pinion.testing import ManualClock
from pinion_sqlite import SqliteStorage


def test_an_empty_queue_is_no_company_for_a_job_that_is_claimed_alone(tmp_path: Path) -> None:
    clock = ManualClock()
    with SqliteStorage(tmp_path / "jobs.db", clock=clock) as storage:
        storage.insert([Job("lost", queue="second")])
        storage.exchange(claim=ClaimRequest("worker", lease=30.0))
        clock.advance(31.0)

        jobs = storage.exchange(claim=ClaimRequest("worker", 4, queues=("first", "second"))).jobs

    assert [job.func_name for job in jobs] == ["lost"]
