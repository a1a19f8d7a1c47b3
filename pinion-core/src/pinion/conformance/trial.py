"""Trial: what a check works with: a fresh storage, time, threads and processes; everything is given back at its end."""

import math
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pinion.clock import SECOND, SYSTEM, Clock, as_datetime, monotonic, sleep
from pinion.codec import Codec
from pinion.conformance.broken import Broken, expect
from pinion.conformance.errand import Errand
from pinion.conformance.facts import Facts
from pinion.conformance.nursery import Nursery
from pinion.conformance.process import Process
from pinion.conformance.target import Address, Target
from pinion.identity import new_id
from pinion.job import Job
from pinion.outcome import Outcome
from pinion.storage import (
    Claim,
    ClaimRequest,
    ClaimStorage,
    Controls,
    Inspects,
    Promise,
    Schedules,
    Settled,
    Settlement,
    Steps,
    Workers,
)
from pinion.testing import ManualClock

__all__ = ["SOON", "WORKER", "Trial", "claim_of", "names"]

SOON = 2.0
"""Seconds within which a thing must have happened that happens at once, also while the machine is busy."""
WORKER = "kit"


class Trial:
    """One run of one check.

    facts: what is known of the storage. random: seeded, for whatever is left to chance.
    lease: seconds; long where time is moved by hand, and otherwise as short as can be told apart.
    margin: seconds by which something must be missed to be told from a hit.
    """

    def __init__(
        self, target: Target, facts: Facts, seed: int, *, real_time: bool = False, nursery: Nursery | None = None
    ) -> None:
        self.target = target
        self.facts = facts
        self.seed = seed
        self.random = random.Random(seed)
        self.clock = ManualClock() if facts.clock and not real_time else None
        self.lease, self.margin = (30.0, 0.001) if self.clock else (1.0, 0.4)
        self.last_progress = monotonic()
        self._opened: list[Any] = []
        self._folders: list[Path] = []
        self._processes: list[Process] = []
        self._nursery = nursery
        self._storage: Any = None
        self._address: Address | None = None

    # --- storages ---------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """Where the storage of this trial is."""
        if self._address is None:
            self._address = self.elsewhere()
        return self._address

    def elsewhere(self) -> Address:
        """A place where no storage has been."""
        folder = Path(os.devnull)  # what can't be opened again has no place, and needs no folder
        if self.target.reopens:
            folder = Path(tempfile.mkdtemp(prefix="pinion-conformance-"))
            self._folders.append(folder)
        return self.target.fresh(folder, f"kit{new_id().replace('-', '')}")

    @property
    def storage(self) -> Any:
        """The fresh storage of this trial, by its five methods."""
        return self._storage

    @property
    def claims(self) -> ClaimStorage:
        """The fresh storage of this trial, by all that a ClaimStorage has."""
        storage: ClaimStorage = self.storage
        return storage

    @property
    def inspects(self) -> Inspects:
        """The fresh storage of this trial, where it promises INSPECTS; likewise those below."""
        inspects: Inspects = self.storage
        return inspects

    @property
    def controls(self) -> Controls:
        controls: Controls = self.storage
        return controls

    @property
    def schedules(self) -> Schedules:
        schedules: Schedules = self.storage
        return schedules

    @property
    def steps(self) -> Steps:
        steps: Steps = self.storage
        return steps

    @property
    def workers(self) -> Workers:
        workers: Workers = self.storage
        return workers

    def open(self, address: Address | None = None, *, codec: Codec | None = None, clock: Clock | None = None) -> Any:
        """One more object for the storage at that address, or at this trial's own."""
        storage = (address or self.address).open(clock=clock or self.clock, codec=codec)
        self._opened.append(storage)
        return storage

    def fresh(self) -> Any:
        """One more fresh storage, elsewhere."""
        return self.open(self.elsewhere())

    def check_reopens(self, promise: str) -> None:
        """Raise Broken unless the target lets one storage be opened twice, also by another process."""
        how = "give a URL with {tmp} or {unique}, or a factory that takes a directory"
        expect(self.facts.reopens, f"{promise} is promised, but {self.target.text!r} can't be opened twice: {how}")
        expect(bool(self.target.text), f"{promise} is promised, but no other process can import the factory: {how}")

    # --- jobs -------------------------------------------------------------------------------------

    def put(self, *func_names: str, into: Any = None, **options: Any) -> list[Job]:
        """Enqueue a job of each name, one after the other."""
        storage = into or self.storage
        jobs = [Job(name, **options) for name in func_names]
        for job in jobs:
            storage.enqueue(job)
            self.progress()
        return jobs

    def take(
        self, limit: int = 1, *, lease: float | None = None, queues: Sequence[str] | None = None, of: Any = None
    ) -> list[Job]:
        """Claim up to so many jobs."""
        wanted = ClaimRequest(WORKER, limit, lease or self.lease, None if queues is None else tuple(queues))
        jobs: list[Job] = (of or self.claims).exchange(claim=wanted).jobs
        self.progress()
        return jobs

    def take_one(self, *, lease: float | None = None, of: Any = None) -> Job:
        """Claim one job, which must be there."""
        jobs = self.take(lease=lease, of=of)
        expect(len(jobs) == 1, f"a job is claimable, but a claim of one got {len(jobs)}")
        return jobs[0]

    def expect_none(self, because: str, *, queues: Sequence[str] | None = None, of: Any = None) -> None:
        """Claim, and get nothing."""
        jobs = self.take(100, queues=queues, of=of)
        expect(not jobs, f"{because}, but a claim got {names(jobs)}")

    def settle(self, job: Job, outcome: Outcome, *, then: Sequence[Job] = (), of: Any = None) -> Settled:
        """Settle the claim that the job came with."""
        settlement = Settlement(claim_of(job), outcome, then)
        settled: Settled = (of or self.claims).exchange([settlement]).settled[0]
        self.progress()
        return settled

    def dequeue_after_put(self, name: str) -> Job:
        """Enqueue a job of that name, and dequeue what is handed out then, which must be a job."""
        self.put(name)
        job: Job | None = self.storage.dequeue(SOON)
        if job is None:
            raise Broken("a job was enqueued, but dequeue() returned None")
        return job

    def drain(self, storage: Any = None) -> list[Job]:
        """Dequeue until there is nothing more."""
        jobs: list[Job] = []
        while (job := (storage or self.storage).dequeue(0)) is not None:
            jobs.append(job)
            self.progress()
            expect(len(jobs) < 5000, "dequeue(0) goes on handing out jobs for ever")
        return jobs

    # --- time, threads and processes --------------------------------------------------------------

    def now(self) -> float:
        """Seconds on a clock that only goes on: to measure what a call takes."""
        return monotonic()

    def elapse(self, seconds: float) -> None:
        """Let so much time pass for the storage."""
        if self.clock is None:
            sleep(seconds)
            self.progress()
        else:
            self.clock.advance(seconds)

    def expire(self) -> None:
        """Let every claim of `self.lease` seconds run out."""
        self.elapse(self.lease + self.margin)

    def moment(self, seconds: float) -> datetime:
        """So many seconds from the storage's present, or before it."""
        return as_datetime((self.clock or SYSTEM).now() + round(seconds * SECOND))

    def progress(self) -> None:
        """Say that the check goes on, and hasn't been hanging until now."""
        self.last_progress = monotonic()

    def think(self) -> None:
        """Say that what follows, until there is progress, is the kit's own work: however long it takes, it doesn't hang."""
        self.last_progress = math.inf

    def start(self, call: Callable[..., Any], *arguments: Any) -> Errand:
        """Do something in a thread of its own."""
        return Errand(call, *arguments)

    def process(self, program: str, address: Address | None = None, *, anew: bool = False, **arguments: Any) -> Process:
        """Run one of the programs of `pinion.conformance.programs` in a process of its own.

        anew: Python is started for it. A copy has the hashes of the process that it was copied from.
        """
        self.check_reopens(Promise.SHARED if self.facts.makes(Promise.SHARED) else Promise.DURABLE)
        nursery = None if anew else self._nursery
        process = Process(program, (address or self.address).written(), arguments, self.progress, nursery)
        self._processes.append(process)
        return process

    def __enter__(self) -> Self:
        self._storage = self.open()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        try:
            for storage in self._opened:
                if isinstance(storage, ClaimStorage):
                    storage.close()
        finally:
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)


def claim_of(job: Job) -> Claim:
    """The proof that a claimed job came with."""
    if job.token is None:
        raise Broken(f"the claimed job {job.func_name!r} came without a token")
    return Claim(job.id, job.token)


def names(jobs: Iterable[Job]) -> str:
    """The jobs' names, for a sentence."""
    return ", ".join(job.func_name for job in jobs) or "nothing"
