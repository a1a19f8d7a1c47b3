"""The worker on plain storages: threads, timeouts, what it refuses, and what it does when a storage is away."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from five_methods import AwayStorage, ListStorage, until
from pinion import Job, Registry, RetryPolicy, Worker, task
from pinion.errors import InvalidJob, Unsupported

AT_ONCE = RetryPolicy(max_retries=3, base_delay=0.0)


def test_an_unknown_task_is_retried_like_any_failure(registry: Registry) -> None:
    storage = ListStorage()
    storage.enqueue(Job("nobody knows"))

    Worker(storage, AT_ONCE, registry=registry, burst=True).run_forever()

    assert len(storage.failed) == 4


def test_stop_returns_at_once_and_ends_an_idle_worker(registry: Registry, start: Callable[[Worker], Any]) -> None:
    running = start(Worker(ListStorage(), registry=registry))
    running.stop()


def test_a_worker_stopped_before_it_runs_ends_at_once(registry: Registry) -> None:
    worker = Worker(ListStorage(), registry=registry)
    worker.stop()

    worker.run_forever()


def test_finished_work_waits_in_memory_while_the_storage_is_away(
    registry: Registry, start: Callable[[Worker], Any]
) -> None:
    storage, entered, go = AwayStorage(), threading.Event(), threading.Event()

    @task(registry=registry)
    def slow() -> str:
        entered.set()
        go.wait(10)
        return "kept"

    storage.enqueue(Job("slow"))
    start(Worker(storage, registry=registry))
    assert entered.wait(10)
    storage.away = True
    go.set()
    until(lambda: storage.refused >= 3)

    storage.away = False

    until(lambda: storage.done)
    assert storage.done[0].result == "kept"


def test_an_outage_is_said_once_and_so_is_its_end(
    registry: Registry, start: Callable[[Worker], Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "pinion.worker")
    storage = AwayStorage()
    storage.away = True
    start(Worker(storage, registry=registry))
    until(lambda: storage.refused >= 4)

    storage.away = False

    until(lambda: any("answers again" in record.message for record in caplog.records))
    assert sum("doesn't answer" in record.message for record in caplog.records) == 1


def test_a_worker_that_stops_during_an_outage_ends_within_its_grace(
    registry: Registry, start: Callable[[Worker], Any]
) -> None:
    storage = AwayStorage()
    storage.away = True
    running = start(Worker(storage, registry=registry, grace=0.5))
    until(lambda: storage.refused >= 2)

    running.stop()


def test_many_threads_run_each_job_once(registry: Registry) -> None:
    storage, seen, lock = ListStorage(), [], threading.Lock()

    @task(registry=registry)
    def note(number: int) -> None:
        with lock:
            seen.append(number)

    for number in range(500):
        storage.enqueue(Job("note", (number,)))

    summary = Worker(storage, registry=registry, threads=8, burst=True).run_forever()

    assert sorted(seen) == list(range(500))
    assert summary.succeeded == 500


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": 1.5}, {"lease": 0}, {"lease": "1"}, {"grace": -1}])
def test_values_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidJob, match=next(iter(options))):
        Worker(ListStorage(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("queues", [[""], [1], ["mail", None]])
def test_queues_without_a_name_are_refused(queues: list[object]) -> None:
    with pytest.raises(InvalidJob, match="queues must be names"):
        Worker(ListStorage(), queues=queues)  # type: ignore[arg-type]


def test_what_is_no_storage_is_refused() -> None:
    with pytest.raises(InvalidJob, match="needs a storage"):
        Worker("sqlite:///jobs.db")  # type: ignore[arg-type]


def test_queues_are_refused_where_they_are_not_promised() -> None:
    with pytest.raises(Unsupported, match="QUEUES"):
        Worker(ListStorage(), queues=["mail"])


def test_an_async_task_is_cancelled_by_its_timeout(registry: Registry) -> None:
    storage, cancelled = ListStorage(), []

    @task(registry=registry)
    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    storage.enqueue(Job("for_ever", timeout=0.05))

    Worker(storage, RetryPolicy(max_retries=0), registry=registry, burst=True).run_forever()

    assert cancelled == [True]
    assert [type(exc).__name__ for _, exc in storage.failed] == ["TaskTimeout"]


def test_an_async_task_runs_to_its_end(registry: Registry) -> None:
    storage = ListStorage()

    @task(registry=registry)
    async def later() -> str:
        return "awaited"

    storage.enqueue(Job("later"))

    Worker(storage, registry=registry, burst=True).run_forever()

    assert storage.done[0].result == "awaited"


def test_a_task_that_runs_longer_than_its_timeout_gets_an_exception_and_counts_as_failed(registry: Registry) -> None:
    storage, turns = ListStorage(), []

    @task(registry=registry)
    def for_ever() -> None:
        while True:
            turns.append(None)
            turns.pop()

    storage.enqueue(Job("for_ever", timeout=0.05))
    storage.enqueue(Job("add", (1, 2), timeout=60))

    Worker(storage, RetryPolicy(max_retries=1, base_delay=0.0), registry=registry, burst=True).run_forever()

    assert [type(exc).__name__ for _, exc in storage.failed] == ["TaskTimeout"] * 2
    assert [job.result for job in storage.done] == [3]


def test_a_timeout_that_comes_just_as_the_task_ends_never_breaks_the_worker(registry: Registry) -> None:
    storage = ListStorage()

    @task(registry=registry)
    def about_as_long(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    for _ in range(150):
        storage.enqueue(Job("about_as_long", (0.005,), timeout=0.005))

    Worker(storage, RetryPolicy(max_retries=0), registry=registry, threads=2, burst=True).run_forever()

    assert len(storage.done) + len(storage.failed) == 150


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_task_that_catches_its_timeout_keeps_no_thread(
    registry: Registry, start: Callable[[Worker], Any], wrapped: bool
) -> None:
    storage = ListStorage()

    @task(registry=registry)
    def stubborn() -> str:
        try:
            while True:
                pass
        except Exception as timeout:
            if wrapped:
                raise RuntimeError("wrapped") from timeout
            return "caught"

    storage.enqueue(Job("stubborn", timeout=0.05))
    storage.enqueue(Job("add", (1, 2)))
    worker = Worker(storage, RetryPolicy(max_retries=0), registry=registry, burst=True)
    running = start(worker)

    until(lambda: worker.summary.finished == 2)
    running.stop()

    assert [type(exc).__name__ for _, exc in storage.failed] == ["RuntimeError"] * wrapped
    assert {job.result for job in storage.done} == ({3} if wrapped else {"caught", 3})


class BrokenPolicy(RetryPolicy):
    def compute_delay(self, attempt: int, uniform: object = None) -> float:
        raise ZeroDivisionError


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(("policy", "raised"), [(BrokenPolicy(), ValueError), (RetryPolicy(0), Unspeakable)])
def test_neither_a_broken_policy_nor_a_broken_exception_ends_the_worker(
    registry: Registry, policy: RetryPolicy, raised: type[Exception]
) -> None:
    storage = ListStorage()

    @task(retry=policy, registry=registry)
    def broken() -> None:
        raise raised

    storage.enqueue(Job("broken"))
    storage.enqueue(Job("add", (1, 2)))

    summary = Worker(storage, registry=registry, burst=True).run_forever()

    assert (summary.failed, summary.succeeded, summary.abandoned) == (1, 1, 0)
