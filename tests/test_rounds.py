"""What a worker does beside running jobs: it ticks, says that it is alive, and deletes what is too old."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from five_methods import ListStorage, until
from kinds import opened, promising
from pinion import Job, Queue, Registry, RetryPolicy, Status, Worker, schedule, task
from pinion.clock import utc_now
from pinion.errors import InvalidJob, StorageClosed, StorageUnavailable, Unsupported
from pinion.hooks import Hooks
from pinion.storage import Change, Filter, Promise, Query
from pinion.testing import ManualClock
from pinion.worker.presence import BEAT, LEASE, Presence
from pinion.worker.report import Report
from pinion.worker.rounds import Rounds
from pinion.worker.sweeping import BATCH, Sweeping
from pinion_memory import InMemoryStorage
from threads import running

DAY = 86_400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=promising(Promise.CONTROLS), ids=lambda kind: kind.__name__)
def storage(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Any]:
    with opened(request.param, tmp_path, clock) as storage:
        yield storage


@pytest.fixture
def registry() -> Registry:
    tasks = Registry()

    @task(registry=tasks)
    def add(a: int = 1, b: int = 2) -> int:
        return a + b

    @task(retry=RetryPolicy(max_retries=0), registry=tasks)
    def fail() -> None:
        raise ValueError("kaboom")

    return tasks


def threads_of_rounds() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pinion-rounds"]


# --- ticking --------------------------------------------------------------------------------------


def test_a_worker_runs_the_jobs_of_its_schedules_each_knowing_its_tick(registry: Registry) -> None:
    schedule("sums", Job("add", (3, 4)), every=0.1, registry=registry)

    with InMemoryStorage() as storage:
        with running(Worker(storage, registry=registry)):
            until(lambda: storage.counts().get("default", {}).get(Status.SUCCESS, 0) >= 3, 30)
        jobs = [job for job in storage.find(Query()) if job.status is Status.SUCCESS]

    assert {job.result for job in jobs} == {7}
    assert len({job.headers["pinion.tick"] for job in jobs}) == len(jobs) >= 3


def test_a_burst_runs_what_is_due_at_its_start_and_does_not_wait_for_more(
    storage: Any, clock: ManualClock, registry: Registry
) -> None:
    schedule("sums", registry["add"], every=DAY, registry=registry)
    assert Worker(storage, registry=registry, burst=True).run_forever().succeeded == 0
    clock.advance(3 * DAY)

    summary = Worker(storage, registry=registry, burst=True).run_forever()

    assert summary.succeeded == 1
    assert Worker(storage, registry=registry, burst=True).run_forever().succeeded == 0


def test_whoever_listens_is_told_of_the_jobs_that_ticks_make(
    storage: Any, clock: ManualClock, registry: Registry
) -> None:
    told: list[Job] = []
    hooks = Hooks([("job_enqueued", lambda job: told.append(job))])
    schedule("sums", registry["add"], every=DAY, registry=registry)
    Worker(storage, registry=registry, burst=True).run_forever()
    clock.advance(DAY)

    Worker(storage, registry=registry, burst=True, hooks=hooks).run_forever()

    assert [job.id for job in storage.find(Query())] == [job.id for job in told]


@pytest.mark.parametrize("kind", [ListStorage, "without"])
def test_a_storage_without_schedules_is_complained_of_once_and_its_jobs_run(
    kind: Any, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    class WithoutSchedules(InMemoryStorage):
        promises = InMemoryStorage.promises - {Promise.SCHEDULES}

    storage = ListStorage() if kind is ListStorage else WithoutSchedules()
    schedule("sums", registry["add"], every=60, registry=registry)
    storage.enqueue(Job("add"))

    summary = Worker(storage, registry=registry, burst=True).run_forever()

    assert summary.succeeded == 1
    assert caplog.text.count(f"{type(storage).__name__} doesn't promise SCHEDULES: nobody makes the jobs of sums") == 1


# --- who is alive ---------------------------------------------------------------------------------


def test_a_worker_is_seen_while_it_runs_with_what_it_does(registry: Registry) -> None:
    begun, end = threading.Event(), threading.Event()

    @task(registry=registry)
    def wait() -> None:
        begun.set()
        assert end.wait(30)

    before = utc_now()
    with InMemoryStorage() as storage:
        with running(Worker(storage, registry=registry, name="w1", threads=3, queues=["default", "mail"])):
            until(storage.workers, 30)
            [worker] = storage.workers()
            Queue(storage, registry=registry).enqueue(wait)
            assert begun.wait(30)
            end.set()
        assert storage.workers() == []

    assert (worker.name, worker.queues, worker.slots, worker.running) == ("w1", ("default", "mail"), 3, 0)
    assert before - timedelta(seconds=1) <= worker.started_at <= utc_now()


def test_how_many_jobs_run_is_said_at_each_beat_and_a_silent_worker_is_forgotten(
    storage: Any, clock: ManualClock
) -> None:
    busy = 2
    presence = Presence(storage, "w1", None, 4, lambda: busy)

    assert presence.act() == BEAT
    assert [worker.running for worker in storage.workers()] == [2]
    busy = 0
    clock.advance(BEAT)
    presence.act()
    assert [worker.running for worker in storage.workers()] == [0]

    clock.advance(LEASE + 1)
    assert storage.workers() == []


def test_a_worker_with_nothing_to_do_beside_its_jobs_starts_no_thread(registry: Registry) -> None:
    seen: list[threading.Thread] = []

    @task(registry=registry)
    def look() -> None:
        seen.extend(threads_of_rounds())

    storage = ListStorage()
    storage.enqueue(Job("look"))

    assert Worker(storage, registry=registry, burst=True).run_forever().succeeded == 1
    assert seen == []


def test_a_stop_ends_the_rounds_at_once(registry: Registry) -> None:
    schedule("rarely", registry["add"], every=DAY, registry=registry)

    with InMemoryStorage() as storage:
        with running(Worker(storage, registry=registry)):
            until(lambda: storage.workers() and storage.schedules(), 30)
            assert threads_of_rounds()
        assert threads_of_rounds() == [] and storage.workers() == []


# --- what is too old ------------------------------------------------------------------------------


def finish(storage: Any, registry: Registry, *jobs: Job) -> None:
    Queue(storage, registry=registry).submit_many(jobs)
    Worker(storage, registry=registry, burst=True).run_forever()


def left(storage: Any) -> list[str]:
    return [job.id for job in storage.find(Query())]


def test_a_worker_deletes_what_succeeded_long_ago_and_keeps_what_failed(
    storage: Any, clock: ManualClock, registry: Registry
) -> None:
    finish(storage, registry, Job("add", id="old"), Job("fail", id="failed"))
    clock.advance(7 * DAY)
    finish(storage, registry, Job("add", id="new"))

    Sweeping(storage, keep=8 * DAY).act()
    assert left(storage) == ["failed", "new", "old"]
    with running(Worker(storage, registry=registry, keep=6 * DAY)):
        until(lambda: "old" not in left(storage), 30)

    assert left(storage) == ["failed", "new"]


def test_a_cancelled_job_goes_with_those_that_succeeded(storage: Any, clock: ManualClock) -> None:
    storage.insert([Job("add", id="cancelled"), Job("add", id="waiting")])
    storage.change(Change.CANCEL, Filter(ids=("cancelled",)))
    clock.advance(DAY)

    Sweeping(storage, keep=DAY / 2).act()

    assert left(storage) == ["waiting"]


def test_a_job_goes_when_its_own_time_is_over_though_the_worker_keeps_all(
    storage: Any, clock: ManualClock, registry: Registry
) -> None:
    finish(storage, registry, Job("add", id="short", keep=60), Job("add", id="long"))
    clock.advance(61)

    Sweeping(storage).act()

    assert left(storage) == ["long"]


def test_what_is_too_old_goes_in_bounded_batches_with_rests_between_them() -> None:
    with InMemoryStorage(clock=(clock := ManualClock())) as storage:
        storage.insert([Job("add") for _ in range(2 * BATCH + 1)])
        while len(storage.change(Change.CANCEL, Filter())) == 1000:
            pass
        clock.advance(DAY)
        sweeping = Sweeping(storage, keep=60)
        rests, sizes = [], []

        for _ in range(3):
            rests.append(sweeping.act())
            sizes.append(sum(sum(by_status.values()) for by_status in storage.counts().values()))

    assert sizes == [BATCH + 1, 1, 0]
    assert rests[0] < 10 and rests[1] < 10 and rests[2] == 60


def test_a_burst_that_ends_at_once_deletes_what_is_too_old(
    storage: Any, clock: ManualClock, registry: Registry
) -> None:
    finish(storage, registry, Job("add"))
    clock.advance(DAY)

    Worker(storage, registry=registry, burst=True, keep=60).run_forever()

    assert left(storage) == []


@pytest.mark.parametrize("keep", [-1, float("nan"), "7d", True])
def test_a_time_to_keep_that_makes_no_sense_is_refused(keep: Any) -> None:
    with pytest.raises(InvalidJob, match="keep must be a number of seconds of at least 0"):
        Worker(InMemoryStorage(), keep=keep)


def test_keeping_for_a_time_is_refused_where_nothing_can_be_deleted() -> None:
    with pytest.raises(Unsupported, match="ListStorage doesn't promise CONTROLS: leave out keep="):
        Worker(ListStorage(), keep=60)


# --- rounds ---------------------------------------------------------------------------------------


class Broken:
    """A duty that can't be done while `away`."""

    def __init__(self, raised: Exception) -> None:
        self.raised = raised
        self.away = True
        self.acted = 0
        self.ended = 0

    def act(self) -> float:
        self.acted += 1
        if self.away:
            raise self.raised
        return 60.0

    def end(self) -> None:
        self.ended += 1


def rounds(*duties: Any) -> Rounds:
    return Rounds(duties, Report("w1", Hooks()))


@pytest.mark.parametrize("raised", [StorageUnavailable("away"), RuntimeError("a defect")])
def test_a_duty_that_fails_does_not_keep_others_from_theirs(
    raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    broken, whole = Broken(raised), Broken(raised)
    whole.away = False
    both = rounds(broken, whole)

    for _ in range(3):
        both.go()
        both.look_again()

    assert (broken.acted, whole.acted) == (3, 3)
    assert len(caplog.records) == 1


def test_a_new_outage_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    duty = Broken(StorageUnavailable("away"))
    one = rounds(duty)

    for away in (True, True, False, True):
        duty.away = away
        one.go()
        one.look_again()

    assert len(caplog.records) == 2


def test_a_duty_acts_when_it_asked_to_and_at_once_when_it_is_woken() -> None:
    duty = Broken(StorageUnavailable("away"))
    duty.away = False
    one = rounds(duty)
    one.start()
    try:
        until(lambda: duty.acted == 1, 30)
        one.wake()
        until(lambda: duty.acted == 2, 30)
    finally:
        one.stop()

    assert (duty.acted, duty.ended) == (2, 1)
    assert threads_of_rounds() == []


def test_every_duty_is_done_once_though_a_stop_comes_before() -> None:
    duty = Broken(StorageUnavailable("away"))
    duty.away = False
    one = rounds(duty)

    one.start()
    one.stop()

    assert (duty.acted, duty.ended) == (1, 1)


def test_a_storage_that_was_closed_ends_the_rounds_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    one = rounds(Broken(StorageClosed("closed")))

    one.start()
    until(lambda: not threads_of_rounds(), 30)

    one.stop()
    assert caplog.records == []
