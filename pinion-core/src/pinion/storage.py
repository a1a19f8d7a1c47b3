"""What a storage is: everything that a backend's author imports, besides `Job`, the codec and the errors.

There are two steps. `Storage` is five methods, and a class with just these works with `Worker`.
`ClaimStorage` is six methods from which the five follow; its claims carry tokens and leases, so that a
dead worker's jobs are taken over and a late one changes nothing. Beside it stand groups, such as
`Inspects`, that a storage inherits and promises by name.

What a storage promises is its class attribute `promises`. Nothing is inferred from method names: the
worker, the queue and the conformance kit all read it, and the kit tests both directions.

All methods may be called from any thread. Errors are those of `pinion.errors`; a driver's own exception
never leaves a storage. The storage decides what time it is.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

from pinion.clock import SECOND, SYSTEM, Clock, as_datetime, as_microseconds, monotonic, sleep
from pinion.errors import ClaimLost, DuplicateJob, PluginError, UniqueKeyHeld, Unsupported
from pinion.identity import host_name, new_token
from pinion.job import DEFAULT_QUEUE, Job, JobError, Status, check
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed

__all__ = [
    "SECOND",
    "SPI_VERSION",
    "SYSTEM",
    "Cancelled",
    "Claim",
    "ClaimRequest",
    "ClaimStorage",
    "Clock",
    "Done",
    "Exchange",
    "Failed",
    "Inserted",
    "Inspects",
    "KeyHeld",
    "Outcome",
    "Promise",
    "Query",
    "Released",
    "Retry",
    "Settled",
    "Settlement",
    "Signal",
    "Snoozed",
    "Storage",
    "as_datetime",
    "as_microseconds",
    "check_spi_version",
    "describe_error",
    "monotonic",
    "new_token",
    "refuse_unpromised",
    "sleep",
]

SPI_VERSION = 1
"""Raised whenever a storage written for an older core would misbehave under a newer one."""

LEASE = 30.0
"""Seconds that a claim made by `dequeue` lasts, unless a storage says otherwise."""


class Promise(StrEnum):
    """One thing a storage may promise; the kit has one file of cases for each."""

    SHARED = "SHARED"
    """Several processes may open it at once, and see one queue."""
    DURABLE = "DURABLE"
    """What `insert` accepted is there after every process died by SIGKILL."""
    POWER_SAFE = "POWER_SAFE"
    """What `insert` accepted is there after a power cut."""
    DELAY = "DELAY"
    """A job with a `run_at` in the future is accepted, and not handed out before it."""
    QUEUES = "QUEUES"
    """Jobs go into named queues, and a claim may name those it wants."""
    PRIORITY = "PRIORITY"
    """Within a queue, higher priorities are handed out first."""
    UNIQUE = "UNIQUE"
    """At most one unfinished job holds a unique key."""
    RESULTS = "RESULTS"
    """The result of a job can be read after it succeeded."""
    TRANSACTIONS = "TRANSACTIONS"
    """`insert` and `exchange` may run in the caller's own transaction, given its connection."""
    WAKEUPS = "WAKEUPS"
    """`wait` returns within milliseconds of an insert by another process, without polling for it."""
    INSPECTS = "INSPECTS"
    """The group `Inspects`: jobs can be read, listed and counted."""


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


class Claim(NamedTuple):
    """Proof of holding a job: the token was made for this claim and no other."""

    id: str
    token: str


class ClaimRequest(NamedTuple):
    """What a worker wants.

    worker: its name, to be shown; it proves nothing.
    limit: at most so many jobs.
    lease: seconds until the claim may be taken over, unless it is extended.
    queues: the queues to take from; None means all of them.
    """

    worker: str
    limit: int = 1
    lease: float = LEASE
    queues: tuple[str, ...] | None = None


class Settlement(NamedTuple):
    """How a claim ends. `then` is inserted in the same transaction, if and only if the settlement counts."""

    claim: Claim
    outcome: Outcome
    then: Sequence[Job] = ()


class Settled(Enum):
    """What became of a settlement."""

    SETTLED = "settled"
    """It counts, or it had counted already: the same token and outcome were given before."""
    LOST = "lost"
    """The job is no longer RUNNING under that token. Nothing was changed."""


class Exchange(NamedTuple):
    """The answer to `exchange`: one entry per settlement, in order, and the jobs now claimed."""

    settled: list[Settled]
    jobs: list[Job]


class Inserted(Enum):
    """What became of an insert."""

    NEW = "new"
    """The job is stored."""
    AGAIN = "again"
    """The job was there, and is PENDING again: its holder gave it back, or it had FAILED with as many attempts."""
    SAME_ID = "same id"
    """A job of that id is stored, and stays as it is."""


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """The job was not stored: an unfinished job, `holder`, has its unique key."""

    holder: str


class Signal(Enum):
    """What the holder of a claim learns when it extends it."""

    HELD = "held"
    """The lease was extended; it now ends `lease` seconds from the storage's present."""
    CANCEL = "cancel"
    """Extended, but somebody asked that the task stop."""
    LOST = "lost"
    """The claim is no longer held: stop, and expect no settlement to count."""


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
        nothing, until the job is claimed or inserted again; then it is lost. One that is lost doesn't disturb the
        others. A result that can't be stored raises Unserializable or PayloadTooLarge before anything is changed.

        Claimed jobs are RUNNING, with one more in `attempts` and a new `token`. Claimable is what is PENDING and
        due, and what is RUNNING with a lease that ran out, which adds one to `lost`. Within a queue, the order
        is priority (higher first), then run_at, then insertion. A job without a run_at has the moment of its insert,
        or of its being AGAIN, for one. A job that was released or whose lease ran out keeps its place.

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


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs to find; None means any.

    after: the id of the last job of the page before; the next page begins behind it.
    """

    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    limit: int = 100
    after: str | None = None


class Inspects(ABC):
    """Read what is stored. Promise INSPECTS, and inherit this beside ClaimStorage."""

    @abstractmethod
    def get(self, job_id: str) -> Job:
        """A snapshot of the job, without its token, which proves who holds it. Raises JobNotFound."""

    @abstractmethod
    def find(self, query: Query) -> list[Job]:
        """Snapshots of the matching jobs in the order of their ids, which is that of their creation.

        Task names match without regard to case. A job that can't be decoded is listed with `error` set and no
        arguments. Pages neither skip nor repeat a job that exists throughout.
        """

    @abstractmethod
    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        """How many jobs each queue holds in each status; queues that hold none are left out."""


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
    promises: frozenset[Promise] = getattr(storage, "promises", frozenset())
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
