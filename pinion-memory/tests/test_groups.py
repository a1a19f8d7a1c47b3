"""The groups in memory: what the kit doesn't ask of every storage, and the corners where several of them meet."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pinion.errors import JobNotFound
from pinion.job import Job, JobError, Status
from pinion.storage import (
    Cancelled,
    Change,
    Claim,
    ClaimRequest,
    Done,
    Failed,
    Filter,
    Inserted,
    KeyHeld,
    Line,
    Outcome,
    Query,
    Released,
    Retry,
    ScheduleEntry,
    Settled,
    Settlement,
    Signal,
    Snoozed,
    WorkerEntry,
    as_datetime,
)
from pinion.testing import ManualClock
from pinion_memory import InMemoryStorage

ERROR = JobError("ValueError", "no")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def storage(clock: ManualClock) -> Iterator[InMemoryStorage]:
    with InMemoryStorage(clock=clock) as opened:
        yield opened


def claim(storage: InMemoryStorage, limit: int = 1, lease: float = 30.0) -> list[Job]:
    return storage.exchange(claim=ClaimRequest("worker", limit, lease)).jobs


def held(job: Job) -> Claim:
    return Claim(job.id, job.token or "")


def settle(storage: InMemoryStorage, job: Job, outcome: Outcome) -> Settled:
    return storage.exchange([Settlement(held(job), outcome)]).settled[0]


def change(storage: InMemoryStorage, what: Change, *ids: str) -> list[str]:
    return storage.change(what, Filter(ids=ids))


# --- unique keys --------------------------------------------------------------------------------------


def test_a_key_of_a_period_is_free_after_it_and_nothing_of_it_stays_in_memory(
    storage: InMemoryStorage, clock: ManualClock
) -> None:
    first, second, third = (Job("add", unique_key="k", unique_for=60.0) for _ in range(3))
    assert storage.insert([first, second]) == [Inserted.NEW, KeyHeld(first.id)]
    [claimed] = claim(storage)
    settle(storage, claimed, Done())
    clock.advance(59)
    assert storage.insert([second]) == [KeyHeld(first.id)]

    clock.advance(1)

    assert storage.insert([third, Job("add", unique_key="other", unique_for=1.0)]) == [Inserted.NEW] * 2
    clock.advance(60)
    storage.insert([Job("add", unique_key="last")])
    assert set(storage._ledger.keys._holds) == {"last"}


def test_a_key_that_is_held_while_pending_is_free_once_the_job_was_claimed(storage: InMemoryStorage) -> None:
    first, second = (Job("add", unique_key="k", unique_while="pending") for _ in range(2))
    storage.insert([first])
    assert storage.insert([second]) == [KeyHeld(first.id)]
    [claimed] = claim(storage)

    assert storage.insert([second]) == [Inserted.NEW]
    assert settle(storage, claimed, Retry(0.0, ERROR)) is Settled.SETTLED
    assert storage.insert([Job("add", unique_key="k")]) == [KeyHeld(second.id)]


def test_of_two_jobs_of_one_key_only_the_first_is_requeued_also_in_a_dry_run(storage: InMemoryStorage) -> None:
    jobs = []
    for _ in range(3):
        storage.insert([Job("add", unique_key="k")])
        [job] = claim(storage)
        settle(storage, job, Failed(ERROR))
        jobs.append(job.id)

    planned = storage.change(Change.REQUEUE, Filter(), dry_run=True)

    assert planned == jobs[:1]
    assert storage.change(Change.REQUEUE, Filter()) == planned
    assert storage.change(Change.REQUEUE, Filter()) == []


def test_a_job_that_holds_its_key_for_a_period_is_kept_as_long(storage: InMemoryStorage, clock: ManualClock) -> None:
    storage.insert([Job("add", unique_key="k", unique_for=60.0, keep=0.0)])
    [job] = claim(storage)
    settle(storage, job, Done())

    assert storage.purge() == 0
    clock.advance(60)
    assert storage.purge() == 1


# --- history ------------------------------------------------------------------------------------------


def test_every_way_in_which_an_attempt_ends_is_told_once(storage: InMemoryStorage, clock: ManualClock) -> None:
    storage.insert([Job("add")])
    for outcome in (Retry(0.0, ERROR), Snoozed(0.0), Released()):
        [job] = claim(storage)
        settle(storage, job, outcome)
        settle(storage, job, outcome)
    claim(storage, lease=1.0)
    clock.advance(2)
    [job] = claim(storage)
    storage.insert([job])
    [job] = claim(storage)
    settle(storage, job, Failed(ERROR))
    change(storage, Change.REQUEUE, job.id)
    claim(storage)

    attempts = storage.attempts(job.id)

    outcomes = ["retry", "snoozed", "released", "lost", "released", "failed", None]
    assert [attempt.outcome for attempt in attempts] == outcomes
    assert [attempt.number for attempt in attempts] == list(range(1, 8))
    assert [attempt.error for attempt in attempts if attempt.error] == [ERROR, ERROR]
    assert all((attempt.ended_at is None) is (attempt.outcome is None) for attempt in attempts)


def test_a_retry_of_a_cancelled_job_is_a_cancelled_attempt(storage: InMemoryStorage) -> None:
    storage.insert([Job("add")])
    [job] = claim(storage)
    change(storage, Change.CANCEL, job.id)

    assert settle(storage, job, Retry(1.0, ERROR)) is Settled.SETTLED
    assert settle(storage, job, Retry(1.0, ERROR)) is Settled.SETTLED

    assert storage.get(job.id).status is Status.CANCELLED
    assert [(attempt.outcome, attempt.error) for attempt in storage.attempts(job.id)] == [("cancelled", None)]


# --- controls -----------------------------------------------------------------------------------------


def test_a_job_cancelled_after_its_lease_ran_out_is_not_handed_out_again(
    storage: InMemoryStorage, clock: ManualClock
) -> None:
    storage.insert([Job("add"), Job("other")])
    [job] = claim(storage, lease=1.0)
    clock.advance(2)
    storage.wait(None, 0)
    assert change(storage, Change.CANCEL, job.id) == [job.id]
    assert change(storage, Change.CANCEL, job.id) == []

    assert [each.func_name for each in claim(storage, limit=5)] == ["other"]
    assert storage.get(job.id).status is Status.CANCELLED
    assert settle(storage, job, Done()) is Settled.LOST


def test_the_holder_of_a_cancelled_job_goes_on_holding_it_but_cannot_give_it_back(storage: InMemoryStorage) -> None:
    storage.insert([Job("add")])
    [job] = claim(storage)
    change(storage, Change.CANCEL, job.id)

    assert storage.extend([held(job)], 30.0) == [Signal.CANCEL]
    assert storage.insert([job]) == [Inserted.SAME_ID]
    assert settle(storage, job, Done(3)) is Settled.SETTLED
    assert storage.get(job.id).result == 3


def test_a_paused_queue_keeps_its_places_and_other_queues_go_on(storage: InMemoryStorage) -> None:
    storage.insert([Job("first", queue="a"), Job("b", queue="b")])
    storage.pause("a")
    storage.pause("a")
    storage.insert([Job("second", queue="a"), Job("urgent", queue="a", priority=1)])

    assert [job.func_name for job in claim(storage, limit=9)] == ["b"]
    assert storage.paused() == {"a"}
    storage.resume("a")
    storage.resume("a")
    assert [job.func_name for job in claim(storage, limit=9)] == ["urgent", "first", "second"]


def test_the_end_of_a_pause_ends_a_wait(storage: InMemoryStorage) -> None:
    storage.pause("default")
    storage.insert([Job("add")])
    waiting = threading.Thread(target=storage.wait, args=(None, 60.0))
    waiting.start()

    storage.resume("default")

    waiting.join(10.0)
    assert not waiting.is_alive()


def test_a_job_requeued_before_its_keep_ran_out_is_not_purged(storage: InMemoryStorage, clock: ManualClock) -> None:
    storage.insert([Job("add", keep=10.0)])
    [job] = claim(storage)
    settle(storage, job, Cancelled())
    change(storage, Change.REQUEUE, job.id)
    clock.advance(11)

    assert storage.purge() == 0
    [job] = claim(storage)
    settle(storage, job, Done())
    assert storage.purge() == 0
    clock.advance(10)
    assert storage.purge() == 1
    assert storage.find(Query()) == []


# --- waiting for the end ------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["done", "deleted", "cancelled", "closed"])
def test_whoever_waits_for_the_end_of_a_job_is_told(storage: InMemoryStorage, ending: str) -> None:
    storage.insert([Job("add")])
    [job] = claim(storage)
    waiting = threading.Thread(target=storage.wait_finished, args=(job.id, 60.0))
    waiting.start()

    if ending == "done":
        settle(storage, job, Done())
    elif ending == "deleted":
        change(storage, Change.DELETE, job.id)
    elif ending == "cancelled":
        settle(storage, job, Released())
        change(storage, Change.CANCEL, job.id)
    else:
        storage.close()

    waiting.join(10.0)
    assert not waiting.is_alive()
    assert storage._ledger._awaited == {}


def test_waiting_for_the_end_of_an_unknown_job_is_refused(storage: InMemoryStorage) -> None:
    with pytest.raises(JobNotFound):
        storage.wait_finished("nobody", 1.0)


# --- schedules, steps, workers ------------------------------------------------------------------------


def test_a_tick_is_fired_once_and_a_held_key_does_not_disturb_it(storage: InMemoryStorage, clock: ManualClock) -> None:
    due = as_datetime(clock.now())
    later = due + timedelta(hours=1)
    storage.put_schedule(ScheduleEntry("hourly", "v1", due))
    holder = Job("add", unique_key="k")
    storage.insert([holder])

    assert storage.fire("hourly", due, later, [Job("a", unique_key="k"), Job("b")])
    assert not storage.fire("hourly", due, later, [Job("c")])

    assert {job.func_name for job in storage.find(Query())} == {"add", "b"}
    assert storage.put_schedule(ScheduleEntry("hourly", "v2", None)) == ScheduleEntry("hourly", "v2", None, due)


def test_progress_and_lines_outlive_the_attempt_and_come_back_with_the_next(storage: InMemoryStorage) -> None:
    storage.insert([Job("add")])
    [first] = claim(storage)
    line = Line(first.created_at, 1, "began")
    assert storage.note(held(first), progress={"done": (1, 2)}, lines=[line])
    settle(storage, first, Retry(0.0, ERROR))
    [second] = claim(storage)

    assert second.progress == {"done": (1, 2)}
    assert not storage.note(held(first), progress=None, lines=[line])
    assert storage.note(held(second), lines=[Line(first.created_at, 2, "again")])
    assert storage.get(first.id).progress == {"done": (1, 2)}
    assert [each.text for each in storage.lines(first.id)] == ["began", "again"]
    assert [each.text for each in storage.lines(first.id, limit=1)] == ["again"]


def test_a_worker_that_fell_silent_is_no_longer_among_the_living(storage: InMemoryStorage, clock: ManualClock) -> None:
    moment = as_datetime(clock.now())
    for name in ("b", "a"):
        storage.report_worker(WorkerEntry(name, "host", 1, moment), lease=30.0)
    clock.advance(20)
    storage.report_worker(WorkerEntry("b", "host", 1, moment, running=2), lease=30.0)

    assert [worker.name for worker in storage.workers()] == ["a", "b"]
    clock.advance(10)
    assert [(worker.name, worker.running) for worker in storage.workers()] == [("b", 2)]
    storage.forget_worker("b")
    storage.forget_worker("b")
    assert storage.workers() == []
