"""Five methods around a deque and a lock, in which a waiting dequeue looks again and again; it keeps copies."""

import copy
import threading
import time
from collections import deque

from pinion import Job, Status


class PollingStorage:
    """Looks every 20 ms."""

    interval = 0.02

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.lock = threading.Lock()

    def enqueue(self, job: Job) -> None:
        kept = copy.deepcopy(job)
        kept.status = Status.PENDING
        with self.lock:
            self.waiting.append(kept)

    def dequeue(self, timeout: float | None = None) -> Job | None:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            with self.lock:
                if self.waiting:
                    return self.hand_out(self.waiting.popleft())
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(self.interval, left))

    def hand_out(self, job: Job) -> Job:
        job.status = Status.RUNNING
        job.attempts += 1
        return job

    def mark_done(self, job: Job) -> None:
        """Nothing is kept of a job that was handed out."""

    def mark_failed(self, job: Job, exc: Exception) -> None:
        """Nothing is kept of a job that was handed out."""

    def size(self) -> int:
        with self.lock:
            return len(self.waiting)
