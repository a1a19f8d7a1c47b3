"""Five methods around a Condition, as the seed of this project had them: a list, and whoever waits is notified."""

import threading
import time

from pinion import Job, Status


class ConditionStorage:
    """Keeps the caller's objects, as the shortest possible storage does."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.changed = threading.Condition()

    def enqueue(self, job: Job) -> None:
        with self.changed:
            job.status = Status.PENDING
            self.jobs.append(job)
            self.changed.notify()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.changed:
            while not self.jobs:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self.changed.wait(left)
            return self.hand_out(self.jobs.pop(0))

    def hand_out(self, job: Job) -> Job:
        job.status = Status.RUNNING
        job.attempts += 1
        return job

    def mark_done(self, job: Job) -> None:
        job.status = Status.SUCCESS

    def mark_failed(self, job: Job, exc: Exception) -> None:
        job.status = Status.FAILED

    def size(self) -> int:
        with self.changed:
            return len(self.jobs)
