"""Handles: what became of a job, waited for by threads and in event loops, and results made what they are annotated."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from pinion import Cancel, Handle, Job, JobCancelled, JobFailed, Queue, Registry, Status, Worker, task
from pinion.clock import monotonic, sleep
from pinion.errors import InvalidResult, JobNotFound, StorageClosed, Unsupported
from pinion.lookout import IDLE
from pinion.storage import Promise
from pinion_memory import InMemoryStorage
from processes import until
from sums import add, fail, registry, work

SOON = 30.0


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    colour: Colour


@task(registry=registry)
def draw(x: int) -> list[Point]:
    return [Point(x, Colour.RED)]


@task(registry=registry)
async def draw_later(x: int) -> Point | None:
    return Point(x, Colour.RED) if x else None


@task(registry=registry)
def give_up() -> None:
    raise Cancel


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    with Queue(url, registry=registry) as opened:
        yield opened


def later(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def lookouts() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "pinion-lookout"}


# --- results --------------------------------------------------------------------------------------


def test_a_result_is_waited_for(queue: Queue) -> None:
    handle = queue.enqueue(add, 1, 2)
    working = later(lambda: work(queue))

    assert handle.result(SOON) == 3
    assert handle.wait(SOON).status is handle.status() is Status.SUCCESS
    working.join()


def test_a_result_is_made_what_the_task_is_annotated_to_return(queue: Queue) -> None:
    handles: list[Handle[Any]] = [queue.enqueue(draw, 1), queue.enqueue(draw_later, 2), queue.enqueue(draw_later, 0)]
    work(queue)

    assert [handle.result(0) for handle in handles] == [[Point(1, Colour.RED)], Point(2, Colour.RED), None]


def test_the_handle_of_a_job_enqueued_elsewhere_makes_it_too(queue: Queue) -> None:
    job_id = queue.enqueue("draw", 1).id
    work(queue)

    assert queue.handle(job_id, draw).result(0) == [Point(1, Colour.RED)]
    assert queue.handle(job_id).result(0) == [{"x": 1, "colour": "red"}]
    of_another_task: Handle[Any] = queue.handle(job_id, add)
    assert of_another_task.result(0) == [{"x": 1, "colour": "red"}]


def test_a_result_that_cannot_be_made_so_is_an_error_that_names_the_place(queue: Queue) -> None:
    other = Registry()

    @task("draw", registry=other)
    def blot(x: int) -> list[Any]:
        return [{"x": x, "colour": "blue"}]

    handle = queue.enqueue(draw, 1)
    Worker(queue.storage, registry=other, burst=True).run_forever()

    with pytest.raises(InvalidResult, match=r"task 'draw': the result\[0\].colour: expected a value of Colour"):
        handle.result(0)
    assert handle.job().result == [{"x": 1, "colour": "blue"}]


def test_the_error_of_a_job_that_failed_is_raised(queue: Queue) -> None:
    handle = queue.enqueue(fail)
    work(queue)

    with pytest.raises(JobFailed, match=r"fail\[.*\] failed: RuntimeError: no luck") as caught:
        handle.result(0)
    assert caught.value.error is not None
    assert "no luck" in caught.value.error.traceback
    assert handle.wait(0).status is Status.FAILED


def test_a_cancelled_job_has_no_result(queue: Queue) -> None:
    handle = queue.enqueue(give_up)
    work(queue)

    with pytest.raises(JobCancelled):
        handle.result(0)


def test_a_job_that_is_not_finished_in_time_goes_on(queue: Queue) -> None:
    handle = queue.enqueue(add, 1, 2)

    with pytest.raises(TimeoutError, match="it goes on"):
        handle.result(0.01)
    with pytest.raises(TimeoutError, match="it goes on"):
        asyncio.run(handle.aresult(0.01))
    work(queue)

    assert handle.result(0) == asyncio.run(handle.aresult()) == 3


def test_a_job_that_is_not_there_is_not_waited_for(queue: Queue) -> None:
    with pytest.raises(JobNotFound):
        queue.handle("nobody").result()
    with pytest.raises(JobNotFound):
        asyncio.run(queue.handle("nobody").aresult())


def test_a_result_is_refused_at_once_where_none_is_kept() -> None:
    class Forgetful(InMemoryStorage):
        promises = InMemoryStorage.promises - {Promise.RESULTS}

    handle = Queue(Forgetful(), registry=registry).enqueue(add, 1, 2)

    with pytest.raises(Unsupported, match="RESULTS"):
        handle.result()
    with pytest.raises(Unsupported, match="RESULTS"):
        asyncio.run(handle.aresult())


def test_waiting_asks_the_storage_and_does_not_poll() -> None:
    looks: list[str] = []
    waits: list[float] = []

    class Watched(InMemoryStorage):
        def get(self, job_id: str) -> Job:
            looks.append(job_id)
            return super().get(job_id)

        def wait_finished(self, job_id: str, timeout: float) -> None:
            waits.append(timeout)
            work(watched)

    watched = Queue(Watched(), registry=registry)

    assert watched.enqueue(add, 1, 2).result() == 3
    assert len(looks) == 2
    assert len(waits) == 1


def test_a_handle_says_what_it_is_of(memory: Queue) -> None:
    handle = memory.enqueue(add, 1, 2)

    assert str(handle) == str(handle.job()) == f"add[{handle.id}]"
    assert handle == memory.handle(handle.id)
    assert len({handle, memory.handle(handle.id)}) == 1


# --- in an event loop -----------------------------------------------------------------------------


def test_thousands_are_awaited_at_once_by_one_thread(queue: Queue) -> None:
    handles = queue.enqueue_many([add.job(number, 1) for number in range(2000)])

    async def results() -> list[int]:
        waiting = asyncio.gather(*handles)
        await asyncio.sleep(0)
        seen.append(len(lookouts() - before))
        await asyncio.to_thread(work, queue)
        return await waiting

    before, seen = lookouts(), list[int]()
    assert asyncio.run(results()) == list(range(1, 2001))
    assert seen == [1]


def test_one_that_waits_for_long_does_not_hold_up_the_others(queue: Queue) -> None:
    never = queue.enqueue_many([add.using(delay=3600).job(0, 0)])[0]

    async def results() -> list[int]:
        waiting = asyncio.ensure_future(never)
        found = []
        for number in range(5):
            handle = await queue.aenqueue(add, number, 1)
            result = asyncio.ensure_future(handle)
            await asyncio.to_thread(once, queue)
            found.append(await asyncio.wait_for(result, SOON))
        waiting.cancel()
        return found

    assert asyncio.run(results()) == [1, 2, 3, 4, 5]


def once(queue: Queue) -> None:
    """Run one job; a burst would wait for what is delayed."""
    job = queue.storage.dequeue(SOON)
    assert job is not None
    job.result = sum(job.args)
    queue.storage.mark_done(job)


def test_several_loops_wait_for_one_job(memory: Queue) -> None:
    handle = memory.enqueue(add, 1, 2)
    found: list[int] = []
    loops = [later(lambda: found.append(asyncio.run(handle.aresult()))) for _ in range(3)]

    work(memory)
    for loop in loops:
        loop.join(SOON)

    assert found == [3, 3, 3]


def test_whoever_stops_waiting_leaves_nothing_behind(memory: Queue) -> None:
    handle, before = memory.enqueue(add, 1, 2), lookouts()

    async def stop() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.01)

    asyncio.run(stop())

    assert memory._lookout is not None
    assert memory._lookout[1]._waiting == {}
    until(lambda: not lookouts() - before, IDLE + SOON)


def test_a_deleted_job_ends_the_waiting(memory: Queue) -> None:
    handle = memory.enqueue(add, 1, 2)

    async def delete() -> None:
        waiting = asyncio.ensure_future(handle)
        await asyncio.sleep(0)
        memory.delete(handle)
        with pytest.raises(JobNotFound):
            await asyncio.wait_for(waiting, SOON)

    asyncio.run(delete())


def test_a_storage_that_is_closed_ends_the_waiting() -> None:
    storage = InMemoryStorage()
    handle: Handle[int] = Queue(storage, registry=registry).enqueue(add, 1, 2)

    async def close() -> None:
        waiting = asyncio.ensure_future(handle)
        await asyncio.sleep(0)
        storage.close()
        with pytest.raises(StorageClosed):
            await asyncio.wait_for(waiting, SOON)

    asyncio.run(close())


def test_looks_take_a_small_share_of_the_time() -> None:
    looked = threading.Event()
    spent: list[tuple[float, float]] = []

    class Busy(InMemoryStorage):
        """Its waits end early each time, as those of a busy file may."""

        def finished(self, job_ids: Sequence[str]) -> list[str]:
            began = monotonic()
            sleep(0.01)
            spent.append((began, monotonic()))
            if len(spent) == 5:
                looked.set()
            return super().finished(job_ids)

        def wait_finished(self, job_id: str, timeout: float) -> None:
            return

    async def wait() -> None:
        waiting = asyncio.ensure_future(Queue(Busy(), registry=registry).enqueue(add, 1, 2))
        await asyncio.to_thread(looked.wait, SOON)
        waiting.cancel()

    asyncio.run(wait())

    for (began, ended), (again, _) in itertools.pairwise(spent):
        assert again - ended > (ended - began) * 5
