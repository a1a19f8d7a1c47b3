"""Workers in this process for tests: run until nothing is left, or in a thread until the end of a block."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from pinion import Job, Registry, Worker
from pinion_memory import InMemoryStorage
from pinion_sqlite import SqliteStorage


def run(storage: InMemoryStorage | SqliteStorage, registry: Registry, *jobs: Job, **options: Any) -> list[Job]:
    """Run the jobs to their end; what became of them."""
    storage.insert(jobs)
    Worker(storage, registry=registry, burst=True, **options).run_forever()
    return [storage.get(job.id) for job in jobs]


@contextlib.contextmanager
def running(worker: Worker) -> Iterator[Worker]:
    """A worker in a thread, stopped at the end of the block."""
    thread = threading.Thread(target=worker.run_forever, daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()
