"""Storages a user might write: the five methods of the seed, in a list and a Condition."""

import threading
import time

from pinion import Job, Status
from pinion.errors import StorageUnavailable


class ListStorage:
    """Exactly the five methods, as plainly as can be."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.done: list[Job] = []
        self.failed: list[tuple[Job, Exception]] = []
        self.changed = threading.Condition()

    def enqueue(self, job: Job) -> None:
        with self.changed:
            job.status = Status.PENDING
            self.jobs.append(job)
            self.changed.notify()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        with self.changed:
            if not self.changed.wait_for(lambda: self.jobs, timeout):
                return None
            job = self.jobs.pop(0)
            job.status = Status.RUNNING
            job.attempts += 1
            return job

    def mark_done(self, job: Job) -> None:
        job.status = Status.SUCCESS
        self.done.append(job)

    def mark_failed(self, job: Job, exc: Exception) -> None:
        job.status = Status.FAILED
        self.failed.append((job, exc))

    def size(self) -> int:
        return len(self.jobs)


class AwayStorage(ListStorage):
    """Doesn't answer between `leave` and `come_back`."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.refused = 0

    def _answer(self) -> None:
        if self.away:
            self.refused += 1
            raise StorageUnavailable("the server is being restarted")

    def dequeue(self, timeout: float | None = None) -> Job | None:
        self._answer()
        return super().dequeue(timeout)

    def mark_done(self, job: Job) -> None:
        self._answer()
        super().mark_done(job)


def until(what: object, seconds: float = 10.0) -> None:
    """Look until it is true; fail after so many seconds."""
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "still not true"
        time.sleep(0.005)
