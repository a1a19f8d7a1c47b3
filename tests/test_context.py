"""What a running task asks and says of its own job, and what it raises to say how it goes on."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from five_methods import ListStorage
from pinion import Cancel, Job, JobExecution, Registry, Retry, RetryPolicy, Snooze, Status, Worker, current_job, task
from pinion.errors import NotRunning, StorageUnavailable
from pinion.notes import MOST_LINES
from pinion.storage import KEEP, Claim, Line, Promise, Steps
from pinion_memory import InMemoryStorage
from processes import until
from threads import run


class Noting(InMemoryStorage, Steps):
    """Keeps notes, and counts how often it was asked to."""

    promises = InMemoryStorage.promises | {Promise.STEPS}

    def __init__(self) -> None:
        super().__init__()
        self.progress: list[Any] = []
        self.kept: list[Line] = []
        self.away = 0

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        if self.away:
            self.away -= 1
            raise StorageUnavailable("the disk is being changed")
        if progress is not KEEP:
            self.codec.encode(progress)
            self.progress.append(progress)
        self.kept += lines
        return True

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        return self.kept[-limit:]


def test_a_task_sees_its_job_its_attempt_and_its_tick(registry: Registry) -> None:
    seen: list[object] = []

    @task(registry=registry, retry=RetryPolicy(1, 0.0))
    def look() -> None:
        here = current_job()
        seen.append((here.job.id, here.attempt, here.tick, here.cancelled))
        if here.attempt == 1:
            raise ValueError

    job = Job("look", headers={"pinion.tick": "2026-03-01T03:00:00+00:00"})
    run(InMemoryStorage(), registry, job)

    tick = datetime(2026, 3, 1, 3, tzinfo=UTC)
    assert seen == [(job.id, 1, tick, False), (job.id, 2, tick, False)]


def test_outside_of_a_task_there_is_no_current_job(registry: Registry) -> None:
    with pytest.raises(NotRunning, match="no worker runs a task"):
        current_job()


def test_every_thread_sees_its_own_job(registry: Registry) -> None:
    together, seen = threading.Barrier(4, timeout=20), []

    @task(registry=registry)
    def meet(name: int) -> None:
        together.wait()
        seen.append(current_job().job.args == (name,))

    run(InMemoryStorage(), registry, *(Job("meet", (name,)) for name in range(4)), threads=4)

    assert seen == [True] * 4


def test_the_current_job_is_found_by_what_an_async_task_awaits_and_in_its_threads(registry: Registry) -> None:
    seen: list[str] = []

    async def deeper() -> None:
        seen.append(current_job().job.id)

    @task(registry=registry)
    async def look() -> None:
        await asyncio.gather(deeper(), deeper())
        await asyncio.to_thread(lambda: seen.append(current_job().job.id))

    [job] = run(InMemoryStorage(), registry, Job("look"))

    assert seen == [job.id] * 3


def test_the_last_report_is_kept_whatever_came_of_the_attempt(registry: Registry) -> None:
    @task(registry=registry, retry=RetryPolicy(0))
    def halfway() -> None:
        current_job().report({"done": 1})
        current_job().report({"done": 2})
        raise ValueError

    storage = Noting()
    run(storage, registry, Job("halfway"))

    assert storage.progress[-1] == {"done": 2}


def test_a_report_is_of_the_moment_it_was_made(registry: Registry) -> None:
    @task(registry=registry)
    def change() -> None:
        rows = [1]
        current_job().report(rows)
        rows.append(2)

    storage = Noting()
    run(storage, registry, Job("change"))

    assert storage.progress == [[1]]


def test_a_task_that_reports_all_the_time_writes_now_and_then(registry: Registry) -> None:
    @task(registry=registry)
    def chatty() -> None:
        for number in range(100_000):
            current_job().report(number)

    storage = Noting()
    begun = datetime.now(UTC)
    run(storage, registry, Job("chatty"))

    seconds = (datetime.now(UTC) - begun).total_seconds()
    assert storage.progress[-1] == 99_999
    assert len(storage.progress) <= 4 * seconds + 2


def test_a_report_is_seen_while_the_task_runs_on(registry: Registry) -> None:
    storage, seen = Noting(), []

    @task(registry=registry)
    def wait_for_my_own_report() -> None:
        current_job().report(1)
        until(lambda: 1 in storage.progress)
        current_job().report(2)
        until(lambda: 2 in storage.progress)
        seen.extend(storage.progress)

    run(storage, registry, Job("wait_for_my_own_report"))

    assert seen == [1, 2]


def test_log_lines_are_kept_in_order_with_their_attempt_and_said_to_the_logger(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pinion.task")

    @task(registry=registry, retry=RetryPolicy(1, 0.0))
    def talk() -> None:
        current_job().log("one")
        current_job().log("two")
        if current_job().attempt == 1:
            raise ValueError

    storage = Noting()
    run(storage, registry, Job("talk"))

    assert [(line.attempt, line.text) for line in storage.kept] == [(1, "one"), (1, "two"), (2, "one"), (2, "two")]
    said = [record.getMessage() for record in caplog.records if record.name == "pinion.task"]
    assert [text[-3:] for text in said] == ["one", "two", "one", "two"]


def test_lines_beyond_the_bound_are_dropped_and_counted_in_the_last_line(registry: Registry) -> None:
    @task(registry=registry)
    def chatty() -> None:
        for number in range(MOST_LINES + 234):
            current_job().log(str(number))

    storage = Noting()
    run(storage, registry, Job("chatty"))

    texts = [line.text for line in storage.kept]
    assert (len(texts), texts[999]) == (MOST_LINES + 1, "999")
    assert "234 more lines" in texts[-1]


def test_what_a_storage_that_was_away_did_not_take_is_written_later(registry: Registry) -> None:
    @task(registry=registry)
    def say() -> None:
        current_job().log("once")
        current_job().report(1)
        until(lambda: not storage.away)

    storage = Noting()
    storage.away = 1
    run(storage, registry, Job("say"))

    assert ([line.text for line in storage.kept], storage.progress) == (["once"], [1])


@pytest.mark.parametrize("progress", [object(), threading.Lock()])
def test_a_report_that_cannot_be_stored_is_dropped_with_a_warning_and_the_lines_are_kept(
    registry: Registry, progress: object, caplog: pytest.LogCaptureFixture
) -> None:
    @task(registry=registry)
    def odd() -> str:
        current_job().log("kept")
        current_job().report(progress)
        return "done"

    storage = Noting()
    [job] = run(storage, registry, Job("odd"))

    assert (job.result, [line.text for line in storage.kept], storage.progress) == ("done", ["kept"], [])
    assert "can't be stored" in caplog.text


def test_where_no_steps_are_promised_reports_go_nowhere_and_nothing_breaks(registry: Registry) -> None:
    @task(registry=registry)
    def say() -> str:
        current_job().report(1)
        current_job().log("hello")
        return "done"

    storage = ListStorage()
    storage.enqueue(Job("say"))
    Worker(storage, registry=registry, burst=True).run_forever()

    assert [job.result for job in storage.done] == ["done"]


# --- how it goes on ---------------------------------------------------------------------------------


def test_a_snoozed_job_comes_back_and_counts_no_failure(registry: Registry) -> None:
    @task(registry=registry, retry=RetryPolicy(0))
    def later() -> str:
        if current_job().attempt < 3:
            raise Snooze(0.0)
        return "now"

    [job] = run(InMemoryStorage(), registry, Job("later"))

    assert (job.result, job.attempts, job.failures) == ("now", 3, 0)


def test_a_task_that_asks_for_another_try_counts_against_the_policy(registry: Registry) -> None:
    @task(registry=registry, retry=RetryPolicy(2, 3600.0, cap=3600.0, jitter=False))
    def again() -> None:
        raise Retry("the page isn't there yet", after=0.0)

    [job] = run(InMemoryStorage(), registry, Job("again"))

    assert (job.status, job.failures) == (Status.FAILED, 3)
    assert job.error is not None and job.error.message == "the page isn't there yet"


def test_a_task_may_cancel_its_job(registry: Registry) -> None:
    @task(registry=registry)
    def give_up() -> None:
        raise Cancel("nobody wants it")

    [job] = run(InMemoryStorage(), registry, Job("give_up"))

    assert (job.status, job.failures) == (Status.CANCELLED, 0)


@pytest.mark.parametrize("delay", [-1.0, float("nan"), "soon"])
def test_a_delay_of_nonsense_fails_the_job_and_not_the_worker(registry: Registry, delay: Any) -> None:
    @task(registry=registry)
    def odd() -> None:
        raise Snooze(delay)

    [job] = run(InMemoryStorage(), registry, Job("odd"))

    assert job.status is Status.FAILED
    assert job.error is not None and "number of seconds" in job.error.message


@pytest.mark.parametrize(("raised", "status"), [(Snooze(60), Status.PENDING), (Cancel(), Status.CANCELLED)])
def test_job_execution_gives_a_task_what_it_asked_for(registry: Registry, raised: Exception, status: Status) -> None:
    @task(registry=registry)
    def ask() -> None:
        raise raised

    storage = InMemoryStorage()
    storage.enqueue(Job("ask"))
    job = storage.dequeue(0)
    assert job is not None

    with pytest.raises(type(raised)), JobExecution(storage, job, registry) as fn:
        fn()

    left = storage.get(job.id)
    assert (job.status, left.status, left.failures) == (status, status, 0)


def test_job_execution_on_five_methods_marks_what_it_cannot_express_as_failed(registry: Registry) -> None:
    @task(registry=registry)
    def ask() -> None:
        current_job().log("heard")
        raise Snooze(60)

    storage = ListStorage()
    storage.enqueue(Job("ask"))
    job = storage.dequeue(0)
    assert job is not None

    with pytest.raises(Snooze), JobExecution(storage, job, registry) as fn:
        fn()

    assert [type(exc) for _, exc in storage.failed] == [Snooze]
