"""Workload: workers that behave as badly as workers do, and write down what they did for `pinion.conformance.history`."""

import random
from collections.abc import Callable
from math import inf

from pinion.clock import monotonic, sleep
from pinion.conformance.history import Operation
from pinion.job import Job, JobError
from pinion.outcome import Done, Outcome, Released, Retry
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Settled, Settlement, Signal

__all__ = ["Workload"]

LEASE = 0.08
ERROR = JobError("ValueError", "no")


class Workload:
    """One worker, or producer, on one storage.

    record: is given every operation, before it is begun without an answer and again with its answer.
    """

    def __init__(self, storage: ClaimStorage, seed: str, record: Callable[[Operation], None]) -> None:
        self._storage = storage
        self._random = random.Random(seed)
        self._record = record

    def produce(self, count: int) -> None:
        """Insert so many jobs, alone and in groups."""
        while count > 0:
            jobs = [Job("task") for _ in range(min(count, self._random.randrange(1, 4)))]
            self._insert(jobs)
            count -= len(jobs)

    def _insert(self, jobs: list[Job]) -> None:
        call = monotonic()
        for job in jobs:
            self._record(Operation("insert", job.id, call, ok=None))
        self._storage.insert(jobs)
        end = monotonic()
        for job in jobs:
            self._record(Operation("insert", job.id, call, end))

    def work(self, seconds: float) -> None:
        """Claim, and settle, retry, release, extend, come too late or forget, at random."""
        until = monotonic() + seconds
        habits = (self._finish, self._finish, self._retry, self._release, self._extend, self._oversleep, self._forget)
        while monotonic() < until:
            for job in self._claim(self._random.randrange(1, 4), LEASE):
                self._random.choice(habits)(job)

    def drain(self, quiet: float) -> None:
        """End every job there is, until none has come for so many seconds."""
        last = monotonic()
        while monotonic() - last < quiet:
            jobs = self._claim(20, 30.0)
            for job in jobs:
                self._finish(job)
                last = monotonic()
            if not jobs:
                sleep(0.01)

    def _claim(self, limit: int, lease: float) -> list[Job]:
        call = monotonic()
        jobs = self._storage.exchange(claim=ClaimRequest("history", limit, lease)).jobs
        end = monotonic()
        for job in jobs:
            self._record(Operation("claim", job.id, call, end, True, job.token or "", lease, job.attempts))
        return jobs

    def _finish(self, job: Job) -> None:
        self._settle("final", job, Done())

    def _retry(self, job: Job) -> None:
        self._settle("back", job, Retry(0.0, ERROR))

    def _release(self, job: Job) -> None:
        self._settle("back", job, Released())

    def _extend(self, job: Job) -> None:
        call, claim = monotonic(), Claim(job.id, job.token or "")
        signal = self._storage.extend([claim], LEASE)[0]
        held = signal is not Signal.LOST
        self._record(Operation("extend", job.id, call, monotonic(), held, claim.token, LEASE))
        self._finish(job)

    def _oversleep(self, job: Job) -> None:
        sleep(LEASE * 1.3)
        self._finish(job)

    def _forget(self, job: Job) -> None:
        """Do nothing, as a worker that died."""

    def _settle(self, kind: str, job: Job, outcome: Outcome) -> None:
        call, claim = monotonic(), Claim(job.id, job.token or "")
        self._record(Operation(kind, job.id, call, inf, None, claim.token))
        settled = self._storage.exchange([Settlement(claim, outcome)]).settled[0]
        self._record(Operation(kind, job.id, call, monotonic(), settled is Settled.SETTLED, claim.token))
