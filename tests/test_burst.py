"""A worker that stops by itself."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from pinion import Queue, Registry, Worker, task
from pinion_sqlite import SqliteStorage


class Announcing(SqliteStorage):
    """Says when a thread of the worker begins to wait."""

    waits: threading.Event

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        self.waits.set()
        super().wait(queues, timeout)


@pytest.mark.timeout(20)
def test_a_burst_worker_ends_though_a_thread_began_to_wait_while_another_ran_the_last_job(tmp_path: Path) -> None:
    tasks = Registry()
    with Announcing(tmp_path / "jobs.db") as storage:
        storage.waits = threading.Event()

        @task(registry=tasks)
        def until_somebody_waits() -> bool:
            return storage.waits.wait(10)

        job = Queue(storage, registry=tasks).enqueue(until_somebody_waits)

        summary = Worker(storage, registry=tasks, threads=2, burst=True).run_forever()

        assert summary.succeeded == 1
        assert storage.get(job.id).result is True
