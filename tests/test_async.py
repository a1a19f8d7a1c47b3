"""Async tasks: many at once on one event loop, none of which can harm the others, or the worker."""

import asyncio
import contextvars
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pinion import Job, Queue, Registry, RetryPolicy, Status, Worker, current_job, task
from pinion.storage import Change, ClaimRequest, Exchange, Filter, Settlement
from pinion_memory import InMemoryStorage
from processes import until
from threads import run, running

ONCE = RetryPolicy(0)


def test_a_thousand_async_tasks_run_at_once_in_one_thread(registry: Registry) -> None:
    here, everybody = 0, asyncio.Event()

    @task(registry=registry)
    async def wait_for_all() -> None:
        nonlocal here
        here += 1
        if here == 1000:
            everybody.set()
        await everybody.wait()

    jobs = run(InMemoryStorage(), registry, *(Job("wait_for_all") for _ in range(1000)))

    assert {job.status for job in jobs} == {Status.SUCCESS}


def test_threads_go_on_with_other_jobs_while_async_tasks_run(registry: Registry) -> None:
    met = threading.Event()

    @task(registry=registry)
    async def meet() -> bool:
        while not met.is_set():
            await asyncio.sleep(0.005)
        return True

    @task(registry=registry)
    def come() -> None:
        met.set()

    jobs = run(InMemoryStorage(), registry, Job("meet"), Job("come"))

    assert jobs[0].result is True


class Counting(InMemoryStorage):
    """Knows how many jobs are claimed and not settled, and how many ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.most = self.claims = 0

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        answer = super().exchange(settle, claim, connection=connection)
        self.held += len(answer.jobs) - len(settle)
        self.most = max(self.most, self.held)
        self.claims += claim is not None
        return answer


def test_no_more_jobs_are_claimed_than_there_are_slots_and_idle_threads(registry: Registry) -> None:
    go, here = threading.Event(), 0

    @task(registry=registry)
    async def hold() -> None:
        nonlocal here
        here += 1
        while not go.is_set():
            await asyncio.sleep(0.005)

    storage = Counting()
    storage.insert([Job("hold") for _ in range(200)])
    with running(Worker(storage, registry=registry, async_tasks=10, threads=2)) as worker:
        until(lambda: here == 10)
        until(lambda: storage.held <= 10 or None)
        claims = storage.claims
        time.sleep(0.3)  # nothing is claimed again and again meanwhile
        assert (storage.held, storage.claims - claims <= 2) == (10, True)
        go.set()
        until(lambda: worker.summary.succeeded == 200)

    assert here == 200


def test_while_all_slots_are_taken_and_all_threads_busy_nothing_is_claimed(registry: Registry) -> None:
    go, begun = threading.Event(), threading.Event()

    @task(registry=registry)
    async def hold() -> None:
        while not go.is_set():
            await asyncio.sleep(0.005)

    @task(registry=registry)
    def block() -> None:
        begun.set()
        go.wait(30)

    storage = Counting()
    storage.insert([Job("hold"), Job("block")] + [Job("hold") for _ in range(20)])
    with running(Worker(storage, registry=registry, async_tasks=1)) as worker:
        assert begun.wait(20)
        until(lambda: storage.held <= 2)
        assert storage.counts()["default"][Status.RUNNING] == 2
        go.set()
        until(lambda: worker.summary.succeeded == 22)


def test_an_async_task_is_cancelled_by_its_timeout_and_the_others_go_on(registry: Registry) -> None:
    @task(registry=registry, retry=ONCE)
    async def for_ever() -> None:
        await asyncio.Event().wait()

    @task(registry=registry)
    async def quick() -> int:
        await asyncio.sleep(0.1)
        return 1

    late, fine = run(InMemoryStorage(), registry, Job("for_ever", timeout=0.05), Job("quick", timeout=30))

    assert late.error is not None and late.error.type.endswith("TaskTimeout")
    assert fine.result == 1


def test_a_cancelled_job_s_async_task_gets_a_cancelled_error(registry: Registry) -> None:
    begun, seen = threading.Event(), []

    @task(registry=registry)
    async def for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(current_job().cancelled)
            raise

    storage = InMemoryStorage()
    storage.enqueue(job := Job("for_ever"))
    with running(Worker(storage, registry=registry)) as worker:
        assert begun.wait(20)
        storage.change(Change.CANCEL, Filter(ids=(job.id,)))
        until(lambda: worker.summary.cancelled == 1)

    assert (storage.get(job.id).status, seen) == (Status.CANCELLED, [True])


RAISING: list[Callable[[], BaseException]] = [
    lambda: SystemExit(3),
    KeyboardInterrupt,
    asyncio.CancelledError,
    lambda: ValueError("no"),
    GeneratorExit,
]


@pytest.mark.parametrize("raised", RAISING)
def test_nothing_that_a_task_raises_ends_the_loop(registry: Registry, raised: Callable[[], BaseException]) -> None:
    @task(registry=registry, retry=ONCE)
    async def fail() -> None:
        await asyncio.sleep(0)
        raise raised()

    @task(registry=registry)
    async def fine() -> int:
        await asyncio.sleep(0.05)
        return 1

    failed, other, later = run(InMemoryStorage(), registry, Job("fail"), Job("fine"), Job("fine"))

    assert failed.status is Status.FAILED
    assert failed.error is not None and failed.error.type.endswith(type(raised()).__name__)
    assert (other.result, later.result) == (1, 1)


def test_nothing_that_a_task_s_own_task_raises_ends_the_loop(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    @task(registry=registry, retry=ONCE)
    async def start_one() -> str:
        background = asyncio.create_task(leave())
        await asyncio.sleep(0.05)
        return f"{background.done()}"

    @task(registry=registry)
    async def fine() -> int:
        await asyncio.sleep(0.1)
        return 1

    one, other = run(InMemoryStorage(), registry, Job("start_one"), Job("fine"))

    assert (one.result, other.result) == ("True", 1)
    assert "the loop goes on" in caplog.text


def test_the_traceback_of_an_async_task_begins_at_its_own_frames(registry: Registry) -> None:
    @task(registry=registry, retry=ONCE)
    async def fail() -> None:
        raise ValueError("kaboom")

    [job] = run(InMemoryStorage(), registry, Job("fail"))

    assert job.error is not None
    assert "in fail" in job.error.traceback and "loop.py" not in job.error.traceback


def test_an_async_task_is_tried_again_and_its_arguments_are_rebuilt(registry: Registry) -> None:
    import pathlib

    seen: list[object] = []

    @task(registry=registry, retry=RetryPolicy(1, 0.0))
    async def look(path: pathlib.Path) -> None:
        seen.append(path)
        if len(seen) == 1:
            raise ValueError

    [job] = run(InMemoryStorage(), registry, Job("look", ("/tmp",)))

    assert (job.status, job.failures, seen) == (Status.SUCCESS, 1, [pathlib.Path("/tmp")] * 2)


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_every_async_task_has_a_context_of_its_own(registry: Registry) -> None:
    seen: list[tuple[str, str]] = []

    @task(registry=registry)
    async def mark(name: str) -> None:
        before = variable.get()
        variable.set(name)
        await asyncio.sleep(0.02)
        seen.append((before, variable.get()))

    run(InMemoryStorage(), registry, *(Job("mark", (name,)) for name in "abc"))

    assert sorted(seen) == [("unset", "a"), ("unset", "b"), ("unset", "c")]


def test_a_task_that_blocks_the_loop_is_named_in_the_log(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "pinion.worker")

    def said() -> bool:
        return any("event loop" in record.getMessage() for record in caplog.records)

    @task(registry=registry)
    async def block() -> None:
        until(said)

    run(InMemoryStorage(), registry, Job("block"))

    [record] = [record for record in caplog.records if "event loop" in record.getMessage()]
    assert "block[" in record.getMessage()


def test_async_tasks_finish_within_the_grace_period(registry: Registry) -> None:
    begun, go = threading.Event(), threading.Event()

    @task(registry=registry)
    async def finish() -> str:
        begun.set()
        while not go.is_set():
            await asyncio.sleep(0.005)
        return "finished"

    storage = InMemoryStorage()
    storage.enqueue(job := Job("finish"))
    with running(Worker(storage, registry=registry, grace=30)) as worker:
        assert begun.wait(20)
        worker.stop()
        go.set()
        until(lambda: storage.get(job.id).status is Status.SUCCESS)

    assert (storage.get(job.id).result, worker.summary.abandoned) == ("finished", 0)


def test_async_tasks_that_outlast_the_grace_period_are_cancelled_and_handed_back(registry: Registry) -> None:
    begun, seen = threading.Semaphore(0), []

    @task(registry=registry)
    async def for_ever() -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    storage = InMemoryStorage()
    storage.insert(jobs := [Job("for_ever") for _ in range(3)])
    with running(Worker(storage, registry=registry, grace=0.1)) as worker:
        for _ in jobs:
            assert begun.acquire(timeout=20)

    assert [(storage.get(job.id).status, storage.get(job.id).failures) for job in jobs] == [(Status.PENDING, 0)] * 3
    assert (seen, worker.summary.released, worker.summary.abandoned) == (["cleaned up"] * 3, 3, 0)


def test_an_async_task_that_cannot_be_cancelled_is_abandoned_and_its_job_handed_back(registry: Registry) -> None:
    begun, go = threading.Event(), threading.Event()

    @task(registry=registry)
    async def block() -> None:
        begun.set()
        go.wait(30)

    storage = InMemoryStorage()
    storage.enqueue(job := Job("block"))
    with running(Worker(storage, registry=registry, grace=0.1)) as worker:
        assert begun.wait(20)
    go.set()

    assert (storage.get(job.id).status, worker.summary.abandoned) == (Status.PENDING, 1)


def test_leases_of_async_tasks_are_extended_together(registry: Registry) -> None:
    running = 0

    class Extending(InMemoryStorage):
        together = 0

        def extend(self, claims: Sequence[Any], lease: float) -> list[Any]:
            self.together = max(self.together, len(claims))
            return super().extend(claims, lease)

    storage = Extending()

    @task(registry=registry)
    async def hold() -> None:
        nonlocal running
        running += 1
        while storage.together < 50:
            await asyncio.sleep(0.01)

    jobs = run(storage, registry, *(Job("hold") for _ in range(50)), lease=3.0)

    assert {(job.status, job.lost) for job in jobs} == {(Status.SUCCESS, 0)}


@pytest.mark.skipif(sys.platform == "win32", reason="CPU time of processes")
def test_a_worker_with_an_idle_loop_takes_no_cpu(registry: Registry) -> None:
    @task(registry=registry)
    async def quick() -> None: ...

    storage = InMemoryStorage()
    with running(Worker(storage, registry=registry)) as worker:
        Queue(storage, registry=registry).enqueue("quick")
        until(lambda: worker.summary.succeeded == 1)
        before = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - before < 0.1


@pytest.mark.parametrize("options", [{"async_tasks": 0}, {"max_jobs": 0}, {"max_jobs": 1.5}, {"max_memory": -1}])
def test_bounds_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Worker(InMemoryStorage(), **options)
