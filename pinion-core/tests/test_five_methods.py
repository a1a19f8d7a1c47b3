"""The worker on storages of five methods: it keeps their retries in memory, and loses none."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from five_methods import ListStorage, until
from pinion import Job, Registry, RetryPolicy, Status, Worker, task
from pinion.errors import StorageUnavailable
from pinion.worker.adapter import FiveMethods

AT_ONCE = RetryPolicy(max_retries=3, base_delay=0.0)


def test_a_five_method_storage_runs_jobs_to_success(registry: Registry) -> None:
    storage = ListStorage()
    storage.enqueue(Job("ADD", (1, 2)))

    summary = Worker(storage, registry=registry, burst=True).run_forever()

    assert [(job.status, job.result) for job in storage.done] == [(Status.SUCCESS, 3)]
    assert (summary.succeeded, summary.failed) == (1, 0)


def test_on_five_methods_a_failing_job_is_marked_each_time_and_comes_back(registry: Registry) -> None:
    storage = ListStorage()
    storage.enqueue(Job("fail"))

    Worker(storage, AT_ONCE, registry=registry, burst=True).run_forever()

    assert [type(exc) for _, exc in storage.failed] == [ValueError] * 4
    assert storage.failed[0][0].attempts == 4


def test_on_five_methods_that_forget_failures_a_job_is_still_retried_as_often_as_the_policy_says(
    registry: Registry,
) -> None:
    class Forgetful(ListStorage):
        def enqueue(self, job: Job) -> None:
            super().enqueue(Job(job.func_name, job.args, job.kwargs, job.id, attempts=job.attempts))

    storage = Forgetful()
    storage.enqueue(Job("fail"))

    Worker(storage, AT_ONCE, registry=registry, burst=True).run_forever()

    assert len(storage.failed) == 4


def test_on_five_methods_retries_in_memory_are_enqueued_at_once_when_the_worker_stops(
    registry: Registry, start: Callable[[Worker], Any]
) -> None:
    storage = ListStorage()
    storage.enqueue(Job("fail"))
    running = start(Worker(storage, RetryPolicy(base_delay=60, cap=60, jitter=False), registry=registry))
    until(lambda: storage.failed)

    running.stop()

    assert [job.attempts for job in storage.jobs] == [1]


class FlakyStorage(ListStorage):
    """Every second call of `dequeue` and the first two of `mark_failed` find it away."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.refused = 0

    def dequeue(self, timeout: float | None = None) -> Job | None:
        self.calls += 1
        if self.calls % 2 == 0:
            raise StorageUnavailable("the connection was reset")
        return super().dequeue(timeout)

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.refused += 1
        if self.refused <= 2:
            raise StorageUnavailable("the connection was reset")
        super().mark_failed(job, exc)


def test_on_five_methods_no_job_is_lost_or_misreported_because_the_next_could_not_be_taken(registry: Registry) -> None:
    storage = FlakyStorage()
    for number in range(6):
        storage.enqueue(Job("add", (number, 1)))

    summary = Worker(storage, registry=registry, threads=2, burst=True).run_forever()

    assert sorted(job.result for job in storage.done) == [1, 2, 3, 4, 5, 6]
    assert (summary.succeeded, summary.lost) == (6, 0)


def test_on_five_methods_a_failure_counts_once_though_it_took_several_tries_to_say_so(registry: Registry) -> None:
    storage = FlakyStorage()
    storage.enqueue(Job("fail"))

    Worker(storage, RetryPolicy(max_retries=3, base_delay=0.0), registry=registry, burst=True).run_forever()

    assert [job.failures for job, _ in storage.failed] == [4] * 4  # the storage keeps the one object


def test_on_five_methods_retries_in_memory_are_enqueued_when_ctrl_c_ends_the_worker(registry: Registry) -> None:
    storage = ListStorage()

    @task(registry=registry)
    def press_ctrl_c() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    storage.enqueue(Job("fail"))
    storage.enqueue(Job("press_ctrl_c"))

    with pytest.raises(KeyboardInterrupt):
        Worker(storage, RetryPolicy(base_delay=60.0, cap=60.0, jitter=False), registry=registry).run_forever()

    assert "fail" in [job.func_name for job in storage.jobs]


def test_on_five_methods_a_job_that_comes_as_the_worker_has_ended_is_given_back() -> None:
    class Closing(ListStorage):
        def dequeue(self, timeout: float | None = None) -> Job | None:
            adapter.close()
            return super().dequeue(timeout)

    storage = Closing()
    adapter = FiveMethods(storage)
    storage.enqueue(Job("add"))

    adapter.wait(None, 0.1)

    assert storage.size() == 1
