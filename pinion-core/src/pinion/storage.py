"""What a storage is: everything that a backend's author imports, besides `Job`, the codec and the errors.

There are two steps. `Storage` is five methods, and a class with just these works with `Worker`.
`ClaimStorage` is six methods from which the five follow; its claims carry tokens and leases, so that a
dead worker's jobs are taken over and a late one changes nothing. Beside it stand groups, such as
`Inspects`, that a storage inherits and promises by name; they are in `pinion.groups`, and offered here.

What a storage promises is its class attribute `promises`. Nothing is inferred from method names: the
worker, the queue and the conformance kit all read it, and the kit tests both directions.

All methods may be called from any thread. Errors are those of `pinion.errors`; a driver's own exception
never leaves a storage. The storage decides what time it is.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pinion.claim import (
    LEASE,
    Claim,
    ClaimRequest,
    Exchange,
    Inserted,
    KeyHeld,
    Settled,
    Settlement,
    Signal,
)
from pinion.clock import SECOND, SYSTEM, Clock, as_datetime, as_microseconds, monotonic, sleep
from pinion.errors import ClaimLost, DuplicateJob, PluginError, UniqueKeyHeld, Unsupported
from pinion.groups import (
    KEEP,
    Attempt,
    Change,
    Controls,
    Filter,
    Inspects,
    Line,
    Query,
    ScheduleEntry,
    Schedules,
    Steps,
    WorkerEntry,
    Workers,
    changes,
    matches,
)
from pinion.identity import host_name, new_token
from pinion.job import DEFAULT_QUEUE, Job, JobError, Status, check
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.promise import Promise

__all__ = [
    "KEEP",
    "SECOND",
    "SPI_VERSION",
    "SYSTEM",
    "Attempt",
    "Cancelled",
    "Change",
    "Claim",
    "ClaimRequest",
    "ClaimStorage",
    "Clock",
    "Controls",
    "Done",
    "Exchange",
    "Failed",
    "Filter",
    "Inserted",
    "Inspects",
    "KeyHeld",
    "Line",
    "Outcome",
    "Promise",
    "Query",
    "Released",
    "Retry",
    "ScheduleEntry",
    "Schedules",
    "Settled",
    "Settlement",
    "Signal",
    "Snoozed",
    "Steps",
    "Storage",
    "WorkerEntry",
    "Workers",
    "as_datetime",
    "as_microseconds",
    "changes",
    "check_spi_version",
    "describe_error",
    "matches",
    "monotonic",
    "new_token",
    "refuse_unpromised",
    "sleep",
]

SPI_VERSION = 1
"""Raised whenever a storage written for an older core would misbehave under a newer one."""


@runtime_checkable
class Storage(Protocol):
    """Five methods. Write a class with these, and `Worker` runs the jobs it holds."""

    def enqueue(self, job: Job) -> None:
        """Keep a snapshot of the job, PENDING. A job that was dequeued, marked failed and enqueued again comes
        back with its attempts."""
        ...

    def dequeue(self, timeout: float | None = None) -> Job | None:
        """Hand out the next job, RUNNING and with one more in `attempts`, to this caller alone.

        timeout: seconds to block until there is one; None blocks for ever, 0 not at all. After it, None.
        """
        ...

    def mark_done(self, job: Job) -> None:
        """The job's task returned: SUCCESS."""
        ...

    def mark_failed(self, job: Job, exc: Exception) -> None:
        """The job's task raised: FAILED, unless it is enqueued again."""
        ...

    def size(self) -> int:
        """How many jobs are PENDING."""
        ...


class ClaimStorage(ABC):
    """Six methods. The worker works with these; the five of `Storage` are made from them here.

    A storage written for another version of this interface is refused when it is opened. See `promises`
    for what else it may promise; every ClaimStorage promises what these methods say.

    Take a `clock` and a `codec` when you are made, and keep them as `self.clock` and `self.codec`: the core and the
    conformance kit look there. Ask that clock for every decision; without it the kit has to sleep.
    """

    spi_version: ClassVar[int] = SPI_VERSION
    promises: ClassVar[frozenset[Promise]] = frozenset()
    lease: float = LEASE

    @abstractmethod
    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        """Store snapshots of the jobs, PENDING, all of them in one transaction; one answer per job, in order.

        When it returns, the jobs are accepted: nothing that the storage promises to survive loses them.
        A job whose id is stored already is PENDING again (`AGAIN`: its new `run_at`, args and counts are
        taken) if it comes from its holder, that is RUNNING under the job's own token, or if it FAILED
        with the same `attempts`. In every other state nothing changes: `SAME_ID`. A job that is AGAIN counts as
        inserted when it was first.

        Where UNIQUE is promised, a job whose key another one holds isn't stored: `KeyHeld(holder)`. A job holds its
        key while it is PENDING or RUNNING (`unique_while="unfinished"`), or until it is first claimed ("pending"), or,
        with `unique_for`, for so many seconds from its insert, whatever becomes of it. A job that would be AGAIN, and
        whose key another has taken meanwhile, stays as it is: `KeyHeld` too. An AGAIN keeps the `keep`, `unique_while`
        and `unique_for` that are stored, and holds its key as if it were new, except that `unique_for` goes on from
        the first insert. What follows on a settlement (`then`) may take the key that the settlement frees; one whose
        key is held is not stored, which doesn't disturb the rest.

        Begin with `self.accept(jobs, connection)`, which refuses what can't be stored or isn't promised.
        connection: the caller's own transaction; only where TRANSACTIONS is promised.
        Raises Unserializable or PayloadTooLarge before anything is stored.
        """

    @abstractmethod
    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        """Settle what is finished and claim what is wanted, in one transaction.

        A settlement counts while its job is RUNNING under its token, also after the lease ran out as long as
        nobody claimed the job again. Repeating one with the same token and outcome succeeds and changes
        nothing, until the job is claimed or inserted again; then it is lost. So is another kind of outcome for the same
        claim; the same kind with other details may be answered either way. One that is lost doesn't disturb the
        others. A result that can't be stored raises Unserializable or PayloadTooLarge before anything is changed.

        Claimed jobs are RUNNING, with one more in `attempts` and a new `token`. Claimable is what is PENDING and
        due, and what is RUNNING with a lease that ran out, which adds one to `lost`; nothing of a paused queue. Within
        a queue, the order is priority (higher first), then run_at, then insertion. A job without a run_at has the
        moment of its insert, or of its being AGAIN, for one. A job that was released or whose lease ran out keeps its
        place.

        A job with `lost` > 0 (counting this claim) is claimed alone, so that one that kills its worker takes no others
        along: a claim ends before such a job, and the next one takes it. The worker settles it when it was lost too
        often. Where a claim may take from several queues, none of them starves. A stored job that can't be decoded
        is settled FAILED with UndecodableJob, alone.
        """

    @abstractmethod
    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        """Let the claims last `lease` seconds from now; one answer per claim, in order.

        A claim whose lease ran out is extended as long as nobody claimed the job again.
        """

    @abstractmethod
    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        """Block until something may be claimable in the queues, or `wake` is called, or the timeout passed.

        timeout: seconds of real time.

        Returns at once if something is claimable. It may return early; it must not return late: a job that comes
        due, or a lease that runs out, ends it.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make every `wait` in progress on this object return."""

    @abstractmethod
    def close(self) -> None:
        """Give back files, sockets and threads. Waiting calls end; later ones raise StorageClosed. May be repeated."""

    @abstractmethod
    def size(self) -> int:
        """How many jobs are PENDING."""

    # --- from here on: what follows from the six ---------------------------------------------------

    def accept(self, jobs: Iterable[Job], connection: Any = None) -> None:
        """Refuse, before anything is changed, a job that can't be stored or needs what isn't promised.

        Raises InvalidJob or Unsupported.
        """
        if connection is not None and Promise.TRANSACTIONS not in self.promises:
            raise Unsupported(f"{type(self).__name__} doesn't promise TRANSACTIONS: leave out connection=")
        for job in jobs:
            check(job)
            refuse_unpromised(self, job)

    def enqueue(self, job: Job) -> None:
        """Store the job. Raises DuplicateJob or UniqueKeyHeld if it isn't stored, and nothing is changed."""
        [inserted] = self.insert([job])
        if isinstance(inserted, KeyHeld):
            raise UniqueKeyHeld(f"{job}: unique key {job.unique_key!r} is held by {inserted.holder}", inserted.holder)
        if inserted is Inserted.SAME_ID:
            raise DuplicateJob(f"{job} is stored already and stays as it is; give a new job a new id")
        job.status = Status.PENDING

    def dequeue(self, timeout: float | None = None) -> Job | None:
        """Claim one job from any queue for `self.lease` seconds; nobody extends the claim."""
        deadline = None if timeout is None else monotonic() + timeout
        request = ClaimRequest(worker=_process_name(), lease=self.lease)
        while not (jobs := self.exchange(claim=request).jobs):
            left = 3600.0 if deadline is None else deadline - monotonic()
            if left <= 0:
                return None
            self.wait(None, left)
        return jobs[0]

    def mark_done(self, job: Job) -> None:
        """Settle the claim that `dequeue` made as SUCCESS. Raises ClaimLost."""
        _settle(self, job, Done(job.result))
        job.status = Status.SUCCESS

    def mark_failed(self, job: Job, exc: Exception) -> None:
        """Settle the claim that `dequeue` made as FAILED. Raises ClaimLost."""
        _settle(self, job, Failed(describe_error(exc)))
        job.status = Status.FAILED
        job.failures += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _settle(storage: ClaimStorage, job: Job, outcome: Outcome) -> None:
    """Not a method, lest the name be taken away from those who inherit."""
    if job.token is None:
        raise ClaimLost(f"{job} isn't claimed: dequeue it before it is settled")
    if storage.exchange([Settlement(Claim(job.id, job.token), outcome)]).settled[0] is Settled.LOST:
        raise ClaimLost(f"{job} is no longer held under this claim: it was claimed again, settled or deleted")


def describe_error(exc: BaseException, traceback: str = "") -> JobError:
    """The exception as a JobError; its class is named with its module unless that is builtins."""
    kind = type(exc)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(exc)
    except BaseException as broken:  # it may raise anything, as the task may
        message = f"(its text can't be made: {type(broken).__name__})"
    return JobError(name, message, traceback, exc)


def refuse_unpromised(storage: object, job: Job) -> None:
    """Raise Unsupported if the job needs what the storage doesn't promise; a `run_at` that has passed needs nothing."""
    if job.run_at is None and job.priority == 0 and job.unique_key is None and job.queue == DEFAULT_QUEUE:
        return
    promises: frozenset[Promise] = storage.promises if isinstance(storage, ClaimStorage) else frozenset()
    needs = {
        Promise.PRIORITY: job.priority != 0,
        Promise.QUEUES: job.queue != DEFAULT_QUEUE,
        Promise.UNIQUE: job.unique_key is not None,
        Promise.DELAY: job.run_at is not None and as_microseconds(job.run_at) > _clock(storage).now(),
    }
    for promise, needed in needs.items():
        if needed and promise not in promises:
            raise Unsupported(
                f"{job}: {type(storage).__name__} doesn't promise {promise}; leave it out or use another storage"
            )


def _clock(storage: object) -> Clock:
    clock: Clock = getattr(storage, "clock", SYSTEM)
    return clock


def check_spi_version(storage: object) -> None:
    """Raises PluginError, saying what to upgrade, if the storage, or its class, was built for another version."""
    built_for = getattr(storage, "spi_version", SPI_VERSION)
    if built_for != SPI_VERSION:
        kind = storage if isinstance(storage, type) else type(storage)
        name = f"{kind.__module__}.{kind.__qualname__}"
        older = "pinion-core" if built_for > SPI_VERSION else f"the package of {name.partition('.')[0]}"
        raise PluginError(
            f"{name} was built for version {built_for} of the storage interface, "
            f"this pinion-core speaks {SPI_VERSION}: upgrade {older}"
        )


def _process_name() -> str:
    return f"{host_name()}:{os.getpid()}"
