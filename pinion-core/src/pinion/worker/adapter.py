"""The one adapter that lifts a five-method storage to what the engine works with.

Five methods know neither tokens nor leases nor delays. So retries wait here, in memory: each failure is marked failed
at once, and the job is enqueued again when it is due, or when the worker stops. What is claimed is never lost to
another worker, and a worker that is killed takes its jobs along; `MISSING` says so once, at start.
"""

import heapq
import itertools
import threading
from collections.abc import Sequence
from typing import Any

from pinion.clock import monotonic
from pinion.errors import WorkerLost
from pinion.identity import new_token
from pinion.job import Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import (
    Claim,
    ClaimRequest,
    ClaimStorage,
    Exchange,
    Inserted,
    KeyHeld,
    Settled,
    Settlement,
    Signal,
    Storage,
)

__all__ = ["FiveMethods"]

_SLICE = 0.1
"""Seconds that `dequeue` may block, since nothing can wake it: so long may a stop have to wait."""


class FiveMethods(ClaimStorage):
    """A ClaimStorage made of the five methods of `storage`."""

    MISSING = (
        "it has five methods and so no leases: jobs of a worker that is killed are not taken over, "
        "and retries wait in this "
        "worker's memory; a ClaimStorage does both"
    )

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._claimed: dict[str, Job] = {}
        self._ready: list[Job] = []
        self._delayed: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self._closed = False
        self._lock = threading.Lock()  # guards the four above
        self._failures: dict[str, int] = {}  # of jobs to be retried: only attempts are asked of a storage to keep
        self._applied: set[Claim] = set()  # by an exchange that failed later on, and is repeated whole

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        for job in jobs:
            self.storage.enqueue(job)
        return [Inserted.NEW] * len(jobs)

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        settled = [self._settle_one(settlement) for settlement in settle]
        self.enqueue_due()
        jobs = self._take(claim.limit) if claim else []
        self._applied.clear()
        return Exchange(settled, jobs)

    def _settle_one(self, settlement: Settlement) -> Settled:
        if settlement.claim in self._applied:
            return Settled.SETTLED
        with self._lock:
            job = self._claimed.get(settlement.claim.id)
        if job is None or job.token != settlement.claim.token:
            return Settled.LOST
        self._apply(job, settlement.outcome)
        self.insert(settlement.then)
        with self._lock:
            self._claimed.pop(job.id, None)
        self._applied.add(settlement.claim)
        return Settled.SETTLED

    def _apply(self, job: Job, outcome: Outcome) -> None:
        match outcome:
            case Done(result):
                job.result = result
                self.storage.mark_done(job)
                self._failures.pop(job.id, None)
            case Failed(error):
                self._mark_failed(job, error)
                self._failures.pop(job.id, None)
            case Retry(delay, error):
                self._mark_failed(job, error)
                self._later(job, delay)
            case Snoozed(delay):
                self._later(job, delay)
            case Released():
                self._again(job)
            case Cancelled():
                self._mark_failed(job, JobError("Cancelled"))

    def _mark_failed(self, job: Job, error: JobError) -> None:
        job.error = error
        raised = error.cause if isinstance(error.cause, Exception) else WorkerLost(str(error))
        self.storage.mark_failed(job, raised)
        job.failures += 1  # once, though it may take several tries to say so
        self._failures[job.id] = job.failures

    def _later(self, job: Job, delay: float) -> None:
        with self._lock:
            heapq.heappush(self._delayed, (monotonic() + delay, next(self._order), job))

    def _again(self, job: Job) -> None:
        job.status = Status.PENDING
        self.storage.enqueue(job)

    def enqueue_due(self, everything: bool = False) -> None:
        """Enqueue the retries that are due, or all of them because the worker stops."""
        while (job := self._due(everything)) is not None:
            try:
                self._again(job)
            except BaseException:  # Ctrl-C too: the job is nowhere else now
                self._later(job, 0.0)
                raise

    def _due(self, everything: bool) -> Job | None:
        with self._lock:
            if self._delayed and (everything or self._delayed[0][0] <= monotonic()):
                return heapq.heappop(self._delayed)[2]
        return None

    def _take(self, limit: int) -> list[Job]:
        jobs: list[Job] = []
        self._closed = False
        while len(jobs) < limit and (job := self._next(bool(jobs))) is not None:
            job.token = new_token()
            job.failures = max(job.failures, self._failures.get(job.id, 0))
            with self._lock:
                self._claimed[job.id] = job
            jobs.append(job)
        return jobs

    def _next(self, have_some: bool) -> Job | None:
        with self._lock:
            if self._ready:
                return self._ready.pop(0)
        try:
            return self.storage.dequeue(0)
        except Exception:  # whatever a storage raises: those that are taken would be lost with it
            if not have_some:
                raise
            return None  # what is wrong shows when they are settled

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        with self._lock:
            return [Signal.HELD if claim.id in self._claimed else Signal.LOST for claim in claims]

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        with self._lock:
            if self._delayed:
                timeout = min(timeout, max(0.0, self._delayed[0][0] - monotonic()))
        if timeout > 0:
            job = self.storage.dequeue(min(timeout, _SLICE))
            if job is not None:
                self._keep(job)

    def _keep(self, job: Job) -> None:
        with self._lock:
            if not self._closed:
                self._ready.append(job)
                return
        self._again(job)

    def wake(self) -> None:
        """Nothing to do: no wait lasts longer than a slice."""

    def unfinished(self) -> int:
        """How many jobs are only here: claimed, or waiting for their retry."""
        with self._lock:
            return len(self._claimed) + len(self._ready) + len(self._delayed)

    def close(self) -> None:
        """Give everything back that is only in memory: what was taken and not begun, and the retries."""
        with self._lock:
            self._closed = True
            taken, self._ready = self._ready, []
        for job in taken:
            self._again(job)
        self.enqueue_due(everything=True)

    def size(self) -> int:
        return self.storage.size()
