"""Cancelling a job that runs, and interrupting a task in a thread."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from pinion import Job, Registry, RetryPolicy, Status, Worker, current_job, task
from pinion.context import Entry
from pinion.errors import TaskCancelled, TaskTimeout
from pinion.notes import Notes
from pinion.storage import Change, Claim, ClaimRequest, Filter, Released, Settlement, Signal
from pinion.worker import engine as engine_module
from pinion.worker.place import Place
from pinion.worker.report import Summary
from pinion_memory import InMemoryStorage
from processes import until
from threads import running


@pytest.fixture
def storage() -> InMemoryStorage:
    return InMemoryStorage()


def cancel(storage: InMemoryStorage, job: Job) -> None:
    assert storage.change(Change.CANCEL, Filter(ids=(job.id,))) == [job.id]


def run_and_cancel(
    storage: InMemoryStorage, registry: Registry, begun: threading.Event, job: Job, *others: Job
) -> Summary:
    """Run the jobs, cancel the first of them when it has begun, and wait until all have finished."""
    storage.insert([job, *others])
    with running(Worker(storage, registry=registry)) as worker:
        assert begun.wait(20)
        cancel(storage, job)
        until(lambda: worker.summary.finished == 1 + len(others))
    return worker.summary


def test_a_task_in_a_thread_gets_an_exception_when_its_job_is_cancelled(
    registry: Registry, storage: InMemoryStorage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pinion.worker")
    begun, seen = threading.Event(), []

    @task(registry=registry)
    def for_ever() -> None:
        begun.set()
        try:
            while True:
                pass
        except TaskCancelled:
            seen.append(current_job().cancelled)
            raise

    summary = run_and_cancel(storage, registry, begun, job := Job("for_ever"))

    assert summary.cancelled == 1
    assert (storage.get(job.id).status, storage.get(job.id).failures, seen) == (Status.CANCELLED, 0, [True])
    assert any(getattr(record, "pinion", {}).get("event") == "job.cancelled" for record in caplog.records)


def test_a_task_learns_by_checking_that_its_job_was_cancelled(registry: Registry, storage: InMemoryStorage) -> None:
    begun, seen = threading.Event(), []

    @task(registry=registry)
    def careful() -> None:
        begun.set()
        while True:
            try:
                time.sleep(0.01)
            except TaskCancelled:  # the thread's exception came first; what the flag says is the same
                seen.append(current_job().cancelled)
            current_job().check()

    summary = run_and_cancel(storage, registry, begun, job := Job("careful"))

    assert (storage.get(job.id).status, summary.cancelled) == (Status.CANCELLED, 1)


def test_a_cancelled_job_whose_task_ends_all_the_same_has_succeeded(
    registry: Registry, storage: InMemoryStorage
) -> None:
    begun = threading.Event()

    @task(registry=registry)
    def deaf() -> str:
        begun.set()
        while True:
            try:
                while True:
                    time.sleep(0.01)
            except TaskCancelled:
                return "done"

    run_and_cancel(storage, registry, begun, job := Job("deaf"))

    assert (storage.get(job.id).status, storage.get(job.id).result) == (Status.SUCCESS, "done")


def test_a_cancelled_job_that_would_be_tried_again_is_cancelled_and_said_to_be(
    registry: Registry, storage: InMemoryStorage
) -> None:
    begun = threading.Event()

    @task(registry=registry, retry=RetryPolicy(5, 0.0))
    def fail() -> None:
        begun.set()
        until(lambda: current_job().cancelled)
        raise ValueError

    summary = run_and_cancel(storage, registry, begun, job := Job("fail"))

    assert (storage.get(job.id).status, summary.cancelled, summary.retried) == (Status.CANCELLED, 1, 0)


def test_a_thread_that_was_interrupted_runs_the_next_jobs_undisturbed(
    registry: Registry, storage: InMemoryStorage
) -> None:
    begun = threading.Event()

    @task(registry=registry)
    def for_ever() -> None:
        begun.set()
        while True:
            pass

    @task(registry=registry)
    def quick() -> None:
        for _ in range(1000):
            pass

    summary = run_and_cancel(storage, registry, begun, Job("for_ever"), *(Job("quick") for _ in range(500)))

    assert (summary.cancelled, summary.succeeded, summary.failed) == (1, 500, 0)


def test_a_task_whose_lease_was_lost_is_told_to_stop(registry: Registry, storage: InMemoryStorage) -> None:
    begun, seen = threading.Event(), []

    @task(registry=registry)
    def for_ever() -> None:
        begun.set()
        try:
            while True:
                time.sleep(0.01)
        finally:
            seen.append(current_job().cancelled)

    storage.enqueue(job := Job("for_ever"))
    with running(Worker(storage, registry=registry)) as worker:
        assert begun.wait(20)
        storage.change(Change.DELETE, Filter(ids=(job.id,)))
        until(lambda: worker.summary.lost == 1)

    assert seen == [True]


def test_a_task_that_cannot_be_interrupted_is_named_in_the_log(
    registry: Registry,
    storage: InMemoryStorage,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "STUBBORN", 0.0)
    caplog.set_level(logging.WARNING, "pinion.worker")
    begun, go = threading.Event(), threading.Event()

    @task(registry=registry)
    def wait_in_c() -> None:
        begun.set()
        go.wait(30)

    storage.enqueue(job := Job("wait_in_c"))
    with running(Worker(storage, registry=registry)) as worker:
        assert begun.wait(20)
        cancel(storage, job)
        until(lambda: "doesn't react to TaskCancelled" in caplog.text)
        go.set()
        until(lambda: worker.summary.finished == 1)


def test_leases_are_extended_every_second_only_while_something_runs_for_longer(registry: Registry) -> None:
    class Extending(InMemoryStorage):
        times: list[float]

        def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
            self.times.append(time.monotonic())
            return super().extend(claims, lease)

    storage = Extending()
    storage.times = []

    @task(registry=registry)
    def until_extended() -> None:
        until(lambda: len(storage.times) >= 3)

    @task(registry=registry)
    def quick() -> None: ...

    storage.insert([Job("quick") for _ in range(10)])
    with running(Worker(storage, registry=registry, lease=60.0)) as worker:
        until(lambda: worker.summary.succeeded == 10)
        assert storage.times == []
        begun = time.monotonic()
        storage.enqueue(Job("until_extended"))
        until(lambda: worker.summary.succeeded == 11)

    assert storage.times[0] - begun > 0.9
    assert storage.times[2] - begun < 15  # far before a third of the lease


# --- the place, by itself ----------------------------------------------------------------------------


def entry() -> Entry:
    return (Job("any"), 0.0, Notes(InMemoryStorage()))


def test_an_attempt_that_is_over_is_not_interrupted() -> None:
    place, over = Place(), entry()
    place.thread = threading.get_ident()
    place.entry = entry()

    assert not place.interrupt(over, TaskTimeout)
    assert place.struck is None


def test_an_exception_that_has_not_arrived_when_the_attempt_ends_never_does() -> None:
    place, current = Place(), entry()
    place.thread = threading.get_ident()
    for _ in range(200):
        other = threading.Thread(target=place.interrupt, args=(current, TaskTimeout))
        place.entry = current
        try:
            other.start()
            place.entry = None
            if place.struck is not None:
                place.leave()
        except TaskTimeout:
            place.leave()
        other.join()
    for _ in range(1000):
        pass

    assert place.struck is None


def test_the_claim_of_a_frozen_worker_is_no_longer_cancelled_for_the_next(storage: InMemoryStorage) -> None:
    """What is known of one claim says nothing about the next one of the same job."""
    storage.enqueue(Job("any"))
    [first] = storage.exchange(claim=ClaimRequest("one")).jobs
    storage.exchange([Settlement(Claim(first.id, first.token or ""), Released())])
    [second] = storage.exchange(claim=ClaimRequest("two")).jobs
    notes = Notes(storage)
    notes.cancel(Claim(first.id, first.token or ""))

    assert (notes.is_cancelled(first), notes.is_cancelled(second)) == (True, False)


@pytest.mark.parametrize("bound", [{"max_jobs": 3}, {"max_memory": 0.001}])
def test_a_worn_worker_stops_by_itself_and_gives_back_what_it_has_not_begun(
    registry: Registry, storage: InMemoryStorage, bound: dict[str, Any]
) -> None:
    @task(registry=registry)
    def quick() -> None: ...

    storage.insert([Job("quick") for _ in range(10)])

    summary = Worker(storage, registry=registry, **bound).run_forever()

    assert summary.worn is not None
    assert storage.counts()["default"].get(Status.RUNNING, 0) == 0
    if "max_jobs" in bound:
        assert (summary.succeeded, storage.size()) == (3, 7)
