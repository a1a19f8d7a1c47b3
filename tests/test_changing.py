"""What a queue changes of its jobs, by handle, by id and in bulk, and what it reads of them."""

from collections.abc import Callable

import pytest

from pinion import JobCancelled, Queue, Status
from pinion.errors import JobNotFound, Unsupported
from pinion.storage import Change, Filter, Promise
from pinion_memory import InMemoryStorage
from sums import add, fail, work


def test_a_waiting_job_is_cancelled_once(memory: Queue) -> None:
    handle = memory.enqueue(add, 1, 2)

    assert handle.cancel() is True
    assert handle.cancel() is False
    with pytest.raises(JobCancelled):
        handle.result(0)


def test_jobs_are_changed_by_their_handles(memory: Queue) -> None:
    first, second, third = memory.enqueue_many([add.job(1, 2) for _ in range(3)])

    assert memory.cancel(first, second.id) == [first.id, second.id]
    assert memory.retry(first, third) == [first.id]
    assert memory.delete(second, "nobody") == [second.id]
    assert memory.change(Change.CANCEL, Filter(task="add"), dry_run=True) == [first.id, third.id]
    assert [first.status(), third.status()] == [Status.PENDING] * 2


def test_thousands_are_changed_by_one_call(memory: Queue) -> None:
    handles = memory.enqueue_many([add.job(1, 2) for _ in range(1500)])

    assert len(memory.cancel(*handles)) == 1500


def test_queues_are_paused_and_resumed(memory: Queue) -> None:
    handle = memory.enqueue(add, 1, 2)
    memory.pause("default")
    work_is_left = memory.paused()
    memory.resume("default")
    work(memory)

    assert work_is_left == {"default"}
    assert memory.paused() == frozenset()
    assert handle.result(0) == 3


def test_finished_jobs_are_purged_by_age_and_status(memory: Queue) -> None:
    done, failed, waiting = memory.enqueue(add, 1, 2), memory.enqueue(fail), memory.enqueue(add, 3, 4)
    memory.pause("other")
    work(memory)
    memory.retry(waiting)

    assert memory.purge(older_than=3600) == 0
    assert memory.purge(status=Status.FAILED) == 1
    assert memory.purge(queue="other") == 0
    assert memory.purge() == 0  # none has a `keep` that ran out
    assert [done.status(), waiting.status()] == [Status.SUCCESS, Status.PENDING]
    with pytest.raises(JobNotFound):
        failed.status()


def test_attempts_lines_workers_and_schedules_are_read(memory: Queue) -> None:
    handle = memory.enqueue(add, 1, 2)
    work(memory)

    assert [attempt.outcome for attempt in memory.attempts(handle.id)] == ["done"]
    assert memory.lines(handle.id) == []
    assert memory.workers() == []
    assert memory.schedules() == []


@pytest.mark.parametrize(
    ("promise", "ask"),
    [
        (Promise.CONTROLS, lambda queue: queue.cancel("x")),
        (Promise.CONTROLS, lambda queue: queue.retry("x")),
        (Promise.CONTROLS, lambda queue: queue.delete("x")),
        (Promise.CONTROLS, lambda queue: queue.pause("x")),
        (Promise.CONTROLS, lambda queue: queue.resume("x")),
        (Promise.CONTROLS, lambda queue: queue.paused()),
        (Promise.CONTROLS, lambda queue: queue.purge()),
        (Promise.CONTROLS, lambda queue: queue.purge(older_than=1)),
        (Promise.STEPS, lambda queue: queue.lines("x")),
        (Promise.WORKERS, lambda queue: queue.workers()),
        (Promise.SCHEDULES, lambda queue: queue.schedules()),
        (Promise.INSPECTS, lambda queue: queue.attempts("x")),
        (Promise.INSPECTS, lambda queue: queue.wait("x")),
    ],
)
def test_what_is_not_promised_is_refused(promise: Promise, ask: Callable[[Queue], object]) -> None:
    class Modest(InMemoryStorage):
        promises = InMemoryStorage.promises - {promise}

    with pytest.raises(Unsupported, match=f"Modest doesn't promise {promise}"):
        ask(Queue(Modest()))
