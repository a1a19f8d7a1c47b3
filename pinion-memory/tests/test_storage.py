"""What is private to the storage in memory: its names, its turns among queues, its waiting, forks."""

import os
import threading
from collections.abc import Iterator

import pytest

from pinion.errors import InvalidURL
from pinion.job import Job, JobError, Status
from pinion.outcome import Failed, Retry
from pinion.storage import Claim, ClaimRequest, Settlement
from pinion.testing import ManualClock
from pinion_memory import InMemoryStorage, open_storage


@pytest.fixture
def storage() -> Iterator[InMemoryStorage]:
    with InMemoryStorage() as opened:
        yield opened


def claim(
    storage: InMemoryStorage, limit: int = 1, lease: float = 30.0, queues: tuple[str, ...] | None = None
) -> list[Job]:
    return storage.exchange(claim=ClaimRequest("worker", limit, lease, queues)).jobs


# --- names --------------------------------------------------------------------------------------------


def test_a_url_without_a_name_is_a_new_queue_each_time() -> None:
    open_storage("memory://").enqueue(Job("add"))

    assert open_storage("memory://").size() == 0


def test_a_url_with_a_name_is_the_same_queue_each_time_also_after_it_was_closed() -> None:
    with open_storage("memory://test-names") as first:
        first.enqueue(Job("add"))

    with open_storage("memory://test-names") as second:
        assert second.size() == 1
        assert open_storage("memory://another-name").size() == 0


@pytest.mark.parametrize("url", ["memory:", "memory:/name", "memory://a/b", "memory://a?b=c", "sqlite://a"])
def test_a_url_that_is_no_name_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL, match="write memory:// for a queue of its own"):
        open_storage(url)


# --- turns --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("queues", [None, ("long", "short")])
def test_a_long_queue_does_not_keep_a_short_one_waiting(
    storage: InMemoryStorage, queues: tuple[str, ...] | None
) -> None:
    storage.insert([Job("add", queue="long") for _ in range(20)])
    storage.insert([Job("add", queue="short")])

    served = [job.queue for _ in range(2) for job in claim(storage, 5, queues=queues)]

    assert "short" in served


def test_a_batch_is_filled_from_several_queues(storage: InMemoryStorage) -> None:
    storage.insert([Job("add", queue=f"queue-{number % 3}") for number in range(9)])

    assert len(claim(storage, 9)) == 9


# --- what is kept -------------------------------------------------------------------------------------


def test_the_exception_behind_an_error_is_not_kept(storage: InMemoryStorage) -> None:
    storage.enqueue(Job("add"))
    [job] = claim(storage)
    error = JobError("ValueError", "no", "traceback", ValueError("no"))

    storage.exchange([Settlement(Claim(job.id, job.token or ""), Failed(error))])

    assert storage.get(job.id).error == error
    kept = storage.get(job.id).error
    assert kept is not None
    assert kept.cause is None


# --- waiting ------------------------------------------------------------------------------------------


def test_a_clock_that_is_moved_by_hand_ends_a_wait() -> None:
    clock = ManualClock()
    with InMemoryStorage(clock=clock) as storage:
        storage.enqueue(Job("add"))
        claim(storage, lease=3600.0)
        waiting = threading.Thread(target=storage.wait, args=(None, 60.0))
        waiting.start()

        clock.advance(3600.0)

        waiting.join(10.0)
        assert not waiting.is_alive()
        assert [job.lost for job in claim(storage)] == [1]


# --- fork ---------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_while_another_thread_uses_the_storage_has_a_whole_copy(storage: InMemoryStorage) -> None:
    over = threading.Event()

    def use() -> None:
        while not over.is_set():
            storage.insert([Job("add"), Job("add")])
            claim(storage, 2)

    thread = threading.Thread(target=use)
    thread.start()
    statuses = [os.waitstatus_to_exitcode(os.waitpid(_child(storage), 0)[1]) for _ in range(20)]
    over.set()
    thread.join()

    assert statuses == [0] * 20


def _child(storage: InMemoryStorage) -> int:
    child = os.fork()
    if child == 0:
        running = storage.counts().get("default", {}).get(Status.RUNNING, 0)
        os._exit((running + storage.size()) % 2)
    return child


def test_a_job_that_is_again_with_the_time_it_had_takes_its_place_in_line() -> None:
    clock = ManualClock()
    storage = InMemoryStorage(clock=clock)
    storage.insert([Job("a")])
    [first] = claim(storage)
    retry = Settlement(Claim(first.id, first.token or ""), Retry(0.0, JobError("ValueError")))
    [second] = storage.exchange([retry], ClaimRequest("worker")).jobs
    clock.advance(30)
    claim(storage, limit=0)

    storage.insert([second])
    storage.insert([Job("b")])

    assert [job.func_name for job in claim(storage, limit=2)] == ["a", "b"]
