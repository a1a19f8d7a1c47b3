"""Claims as plain as can be: a list of rows and one lock; every rule of the interface is one short method."""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from typing import Any, ClassVar

from pinion.clock import SECOND, SYSTEM, Clock, as_datetime, as_microseconds, monotonic
from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import StorageClosed, UndecodableJob
from pinion.identity import new_token
from pinion.job import FINISHED, Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import (
    Attempt,
    Claim,
    ClaimRequest,
    ClaimStorage,
    Exchange,
    Inserted,
    KeyHeld,
    Promise,
    Settled,
    Settlement,
    Signal,
    describe_error,
)
from right_storages.row import Around, Connection, Row

OUTCOMES = {
    Done: "done", Failed: "failed", Retry: "retry", Snoozed: "snoozed", Released: "released", Cancelled: "cancelled",
}  # fmt: skip


class PlainClaims(ClaimStorage):
    """The jobs, all in memory."""

    promises: ClassVar[frozenset[Promise]] = frozenset(
        {Promise.DELAY, Promise.QUEUES, Promise.PRIORITY, Promise.UNIQUE, Promise.TRANSACTIONS, Promise.WAKEUPS}
    )

    def __init__(self, *, clock: Clock = SYSTEM, codec: Codec = DEFAULT_CODEC) -> None:
        self.clock = clock
        self.codec = codec
        self.changed = threading.Condition()  # guards all below
        self.rows: dict[str, Row] = {}
        self.numbers = 0
        self.around = Around()
        self.calls = 0
        self.closed = False

    def connect(self) -> Connection:
        return Connection(self)

    # --- the lock ---------------------------------------------------------------------------------

    @contextmanager
    def locked(self, connection: Any = None) -> Iterator[None]:
        with self.changed:
            self.check_open()
            with self.within(connection):
                yield
            self.changed.notify_all()

    @contextmanager
    def within(self, connection: Any) -> Iterator[None]:
        """Work on the rows of the caller's transaction, if there is one."""
        if connection is None:
            yield
            return
        committed = self.rows
        self.rows = copy.deepcopy(committed) if connection.rows is None else connection.rows
        try:
            yield
            connection.rows = self.rows
        finally:
            self.rows = committed

    def check_open(self) -> None:
        if self.closed:
            raise StorageClosed("it was closed")

    def now(self) -> int:
        return self.clock.now()

    # --- inserting --------------------------------------------------------------------------------

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        rows = [self.row_of(job) for job in jobs]
        with self.locked(connection):
            return [self.put(row) for row in rows]

    def row_of(self, job: Job) -> Row:
        """A snapshot, PENDING; it still has the token that the job came with."""
        call = self.codec.encode_call(job.args, job.kwargs)
        kept = replace(
            job, args=(), kwargs={}, headers=dict(job.headers), status=Status.PENDING, worker=None, result=None
        )
        due = 0 if job.run_at is None else as_microseconds(job.run_at)
        if job.run_at is not None:
            kept.run_at = job.run_at.astimezone(UTC)
        return Row(kept, call, 0, due)

    def put(self, row: Row) -> Inserted | KeyHeld:
        known = self.rows.get(row.job.id)
        if known is not None and not self.comes_back(known.job, row.job):
            return Inserted.SAME_ID
        if known is not None:
            self.keep_what_is_stored(row, known)
        if (holder := self.key_holder(row.job)) is not None:
            return KeyHeld(holder)
        self.place(row, known)
        row.job.token = None
        self.rows[row.job.id] = row
        return Inserted.NEW if known is None else Inserted.AGAIN

    def comes_back(self, known: Job, brought: Job) -> bool:
        if known.status is Status.RUNNING:
            return known.token == brought.token
        return known.status is Status.FAILED and known.attempts == brought.attempts

    def key_holder(self, job: Job) -> str | None:
        if job.unique_key is None:
            return None
        others = (row for row in self.rows.values() if row.job.id != job.id and self.holds_its_key(row))
        return next((other.job.id for other in others if other.job.unique_key == job.unique_key), None)

    def holds_its_key(self, row: Row) -> bool:
        if row.job.unique_for is not None:
            return self.now() < row.key_ends
        if row.job.unique_while == "pending":
            return row.job.status is Status.PENDING and not row.claimed
        return row.job.status not in FINISHED

    def keep_what_is_stored(self, row: Row, known: Row) -> None:
        """What an AGAIN doesn't bring."""
        job, was = row.job, known.job
        job.keep, job.unique_while, job.unique_for = was.keep, was.unique_while, was.unique_for
        row.key_ends, row.progress, row.lines = known.key_ends, known.progress, known.lines
        row.tries = list(known.tries)
        if was.status is Status.RUNNING:
            self.end_attempt(row, "released")

    def place(self, row: Row, known: Row | None) -> None:
        """Where it stands in the order."""
        if known is None:
            self.numbers += 1
            row.key_ends = self.now() + round((row.job.unique_for or 0) * SECOND)
        row.number = self.numbers if known is None else known.number
        row.due = row.due or self.now()

    # --- settling ---------------------------------------------------------------------------------

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        self.accept([job for settlement in settle for job in settlement.then], connection)
        then = [[self.row_of(job) for job in settlement.then] for settlement in settle]
        results = [self.encoded(settlement.outcome) for settlement in settle]
        with self.locked(connection):
            settled = [self.settle(*each) for each in zip(settle, results, then, strict=True)]
            return Exchange(settled, self.claim(claim) if claim else [])

    def encoded(self, outcome: Outcome) -> str | None:
        return self.codec.encode(outcome.result) if isinstance(outcome, Done) else None

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        row = self.rows.get(settlement.claim.id)
        if row is None or not self.is_held(row, settlement.claim):
            same = row is not None and self.repeats(row, settlement)
            return Settled.SETTLED if same else Settled.LOST
        row.settled_as = type(settlement.outcome)
        row.result = result
        self.conclude(row, self.meant(row, settlement.outcome))
        for following in then:
            self.put(following)
        return Settled.SETTLED

    def is_held(self, row: Row, claim: Claim) -> bool:
        return row.job.status is Status.RUNNING and row.job.token == claim.token

    def repeats(self, row: Row, settlement: Settlement) -> bool:
        return row.job.token == settlement.claim.token and row.settled_as is type(settlement.outcome)

    def meant(self, row: Row, outcome: Outcome) -> Outcome:
        """What the outcome comes to."""
        return outcome

    def conclude(self, row: Row, outcome: Outcome) -> None:
        self.apply(row, outcome)
        self.end_attempt(row, OUTCOMES[type(outcome)], outcome.error if isinstance(outcome, Failed | Retry) else None)

    def end_attempt(self, row: Row, outcome: str, error: JobError | None = None) -> None:
        kept = error and JobError(error.type, error.message, error.traceback)
        if row.tries and row.tries[-1].outcome is None:
            row.tries[-1] = replace(row.tries[-1], ended_at=as_datetime(self.now()), outcome=outcome, error=kept)

    def apply(self, row: Row, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self.finish(row, Status.SUCCESS)
            case Failed(error):
                self.count_failure(row, error)
                self.finish(row, Status.FAILED)
            case Cancelled():
                self.finish(row, Status.CANCELLED)
            case Retry(delay, error):
                self.count_failure(row, error)
                self.postpone(row, delay)
            case Snoozed(delay):
                self.postpone(row, delay)
            case Released():
                self.release(row)

    def finish(self, row: Row, status: Status) -> None:
        row.job.status = status
        row.job.finished_at = as_datetime(self.now())

    def count_failure(self, row: Row, error: JobError) -> None:
        row.job.failures += 1
        row.job.error = JobError(error.type, error.message, error.traceback)

    def postpone(self, row: Row, delay: float) -> None:
        row.job.status = Status.PENDING
        row.due = self.now() + round(delay * SECOND)

    def release(self, row: Row) -> None:
        row.job.status = Status.PENDING

    # --- claiming ---------------------------------------------------------------------------------

    def claim(self, request: ClaimRequest) -> list[Job]:
        jobs: list[Job] = []
        for row in sorted(self.rows.values(), key=self.order):
            if len(jobs) >= request.limit:
                break
            if self.is_wanted(row, request.queues) and self.is_claimable(row):
                if self.is_suspect(row) and jobs:
                    break
                alone = self.is_suspect(row)
                jobs += self.hand_out(row, request)
                if alone and jobs:
                    break
        return jobs

    def order(self, row: Row) -> Any:
        return -row.job.priority, row.due, row.number

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        return queues is None or row.job.queue in queues

    def is_claimable(self, row: Row) -> bool:
        if row.job.status is Status.RUNNING:
            return self.has_expired(row)
        return row.job.status is Status.PENDING and self.is_due(row)

    def is_due(self, row: Row) -> bool:
        return row.due <= self.now() or (row.job.run_at is None and row.settled_as is None)

    def has_expired(self, row: Row) -> bool:
        return row.lease_ends <= self.now()

    def is_suspect(self, row: Row) -> bool:
        return row.job.lost > 0 or row.job.status is Status.RUNNING

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        """The job to be given to its holder; none if it can't be decoded."""
        job = row.job
        if job.status is Status.RUNNING:
            job.lost += 1
            self.end_attempt(row, "lost")
        job.attempts += 1
        job.status, job.worker, job.token = Status.RUNNING, request.worker, self.token_for(row)
        job.started_at = as_datetime(self.now())
        row.settled_as, row.lease_ends, row.claimed = None, self.lease_end(row, request.lease), True
        row.tries.append(Attempt(job.attempts, job.worker, job.started_at))
        try:
            return [self.decoded(row)]
        except UndecodableJob as undecodable:
            self.conclude(row, Failed(describe_error(undecodable)))
            return []

    def token_for(self, row: Row) -> str:
        return new_token()

    def lease_end(self, row: Row, seconds: float) -> int:
        return self.now() + round(seconds * SECOND)

    def decoded(self, row: Row) -> Job:
        args, kwargs = self.codec.decode_call(row.call)
        progress = None if row.progress is None else self.codec.decode(row.progress)
        return replace(row.job, args=args, kwargs=kwargs, headers=dict(row.job.headers), progress=progress)

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        with self.locked():
            return [self.extend_one(claim, lease) for claim in claims]

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        row = self.rows.get(claim.id)
        if row is None or not self.is_held(row, claim):
            return Signal.LOST
        row.lease_ends = self.extended_end(row, lease)
        return Signal.HELD

    def extended_end(self, row: Row, lease: float) -> int:
        return self.now() + round(lease * SECOND)

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        with self.changed:
            self.check_open()
            calls = self.calls
            while not self.closed and self.calls == calls and not self.anything(queues):
                left = min(deadline - monotonic(), self.until_something_is_due())
                if left <= 0:
                    return
                self.changed.wait(left)

    def anything(self, queues: Sequence[str] | None) -> bool:
        return any(self.is_wanted(row, queues) and self.is_claimable(row) for row in self.rows.values())

    def until_something_is_due(self) -> float:
        moments = [row.lease_ends for row in self.rows.values() if row.job.status is Status.RUNNING]
        moments += [row.due for row in self.rows.values() if row.job.status is Status.PENDING]
        now = self.now()
        left = min((moment - now for moment in moments if moment > now), default=60 * SECOND) / SECOND
        return left if self.clock is SYSTEM else min(left, 0.05)

    def wake(self) -> None:
        with self.changed:
            self.calls += 1
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def size(self) -> int:
        with self.locked():
            return sum(row.job.status is Status.PENDING for row in self.rows.values())
