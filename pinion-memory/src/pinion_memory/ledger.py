"""Ledger: what inserting, settling, claiming and changing does to the jobs of one queue.

It asks no clock, encodes nothing and waits for nothing; whoever calls it holds `changed`.
"""

from collections.abc import Sequence

from pinion.job import JobError, Status
from pinion.storage import (
    SECOND,
    Cancelled,
    Change,
    Claim,
    ClaimRequest,
    Done,
    Failed,
    Inserted,
    KeyHeld,
    Outcome,
    Released,
    Retry,
    Settled,
    Signal,
    Snoozed,
    as_datetime,
)
from pinion_memory.fork import survives_fork
from pinion_memory.line import Line
from pinion_memory.moment import later
from pinion_memory.record import Record
from pinion_memory.shelf import Shelf

__all__ = ["Ledger"]


class Ledger(Shelf):
    """The jobs of one queue. All times are microseconds."""

    def __init__(self) -> None:
        super().__init__()
        survives_fork(self)

    # --- inserting --------------------------------------------------------------------------------

    def insert(self, record: Record, now: int) -> Inserted | KeyHeld:
        """Keep the record, whose token is that of whoever brings it."""
        known = self.records.get(record.id)
        if known is not None and not _comes_back(known, record):
            return Inserted.SAME_ID
        if record.unique_key is not None and (holder := self.keys.holder(record, now)) is not None:
            return KeyHeld(holder)
        if known is None:
            record.seq = next(self.numbers)
        else:
            self._replace(known, record, now)
        if record.unique_key is not None:
            self.keys.take(record, now)
        self.add(record, now)
        return Inserted.NEW if known is None else Inserted.AGAIN

    def _replace(self, known: Record, record: Record, now: int) -> None:
        known.end_attempt("released" if known.status is Status.RUNNING else None, now)
        record.succeed(known)
        self.remove(known)

    # --- settling ---------------------------------------------------------------------------------

    def settle(self, claim: Claim, outcome: Outcome, result: str | None, now: int) -> tuple[Settled, bool]:
        """End the claim if it is held. Also says whether this changed anything: a repetition doesn't."""
        record = self.records.get(claim.id)
        if record is None or record.token != claim.token:
            return Settled.LOST, False
        if record.status is not Status.RUNNING:
            repeated = record.settled_as is type(outcome) and result == record.result
            return (Settled.SETTLED if repeated else Settled.LOST), False
        self.leave(record)
        record.settled_as = type(outcome)
        self._apply(record, outcome, result, now)
        return Settled.SETTLED, True

    def _apply(self, record: Record, outcome: Outcome, result: str | None, now: int) -> None:
        match outcome:
            case Done():
                record.result, record.error = result, None
                self.finish(record, Status.SUCCESS, now)
            case Failed(error):
                self._count_failure(record, error)
                self.finish(record, Status.FAILED, now)
            case _ if record.cancelled or isinstance(outcome, Cancelled):
                self.finish(record, Status.CANCELLED, now)
            case Retry(delay, error):
                self._count_failure(record, error)
                self._postpone(record, "retry", delay, now)
            case Snoozed(delay):
                self._postpone(record, "snoozed", delay, now)
            case Released():
                record.end_attempt("released", now)
                self.move(record, Status.PENDING)
                self.lines.add(record)

    def _count_failure(self, record: Record, error: JobError) -> None:
        record.failures += 1
        record.error = JobError(error.type, error.message, error.traceback)  # the cause is the caller's

    def _postpone(self, record: Record, outcome: str, delay: float, now: int) -> None:
        record.end_attempt(outcome, now)
        record.rank = later(now, delay)
        record.run_at = as_datetime(record.rank)
        self.move(record, Status.PENDING)
        self.place(record, now)

    # --- claiming ---------------------------------------------------------------------------------

    def claim(self, request: ClaimRequest, token: str, now: int) -> list[Record]:
        """Hand out what the request asks for, under that token."""
        taken = self._choose(request, now)
        for record in taken:
            if record.status is Status.RUNNING:
                record.end_attempt("lost", now)
                record.lost += 1
            else:
                self.move(record, Status.RUNNING)
            record.attempts += 1
            record.token, record.settled_as, record.worker = token, None, request.worker
            record.started_at, record.latest = now, True
            if record.unique_key is not None:
                self.keys.begin(record)
        self.hold(taken, now + int(request.lease * SECOND))
        return taken

    def _choose(self, request: ClaimRequest, now: int) -> list[Record]:
        self.look_at_the_time(now)
        taken: list[Record] = []
        while len(taken) < request.limit and (line := self.lines.next(request.queues)) is not None:
            if not self._take_from(line, request.limit, taken, now):
                break
        return taken

    def _take_from(self, line: Line, limit: int, taken: list[Record], now: int) -> bool:
        """Take from the front of the line; another is served next. False if the claim ends here.

        A job that was cancelled while it ran, and whose lease ran out, ends instead of being taken.
        """
        goes_on = True
        while goes_on and len(taken) < limit and (record := line.first()) is not None:
            if record.cancelled:
                record.entry = None
                self.finish(record, Status.CANCELLED, now)
                continue
            if _is_suspect(record):
                goes_on = False
                if taken:
                    break
            record.entry = None
            taken.append(record)
        self.lines.serve_last(line)
        return goes_on

    def claimable(self, queues: Sequence[str] | None, now: int) -> bool:
        """Whether a claim from these queues would find something."""
        self.look_at_the_time(now)
        return self.lines.any(queues)

    def extend(self, claim: Claim, lease_ends: int) -> Signal:
        """Let the claim last until then if it is held."""
        record = self.held(claim)
        if record is None:
            return Signal.LOST
        self.hold([record], lease_ends)
        return Signal.CANCEL if record.cancelled else Signal.HELD

    def held(self, claim: Claim) -> Record | None:
        """The job that is RUNNING under that token."""
        record = self.records.get(claim.id)
        if record is None or record.token != claim.token or record.status is not Status.RUNNING:
            return None
        return record

    # --- changing ---------------------------------------------------------------------------------

    def applies(self, change: Change, record: Record, now: int) -> bool:
        """Whether a change that its status allows is to be made."""
        if change is Change.CANCEL:
            return not record.cancelled
        if change is Change.REQUEUE:
            return record.unique_key is None or self.keys.holder(record, now) is None
        return True

    def change(self, change: Change, record: Record, now: int) -> None:
        """Do it."""
        match change:
            case Change.CANCEL:
                self._cancel(record, now)
            case Change.REQUEUE:
                self._requeue(record, now)
            case Change.DELETE:
                self.delete(record)

    def _cancel(self, record: Record, now: int) -> None:
        if record.status is Status.RUNNING:
            record.cancelled = True
        else:
            self.leave(record)
            self.finish(record, Status.CANCELLED, now)

    def _requeue(self, record: Record, now: int) -> None:
        record.end_attempt()
        record.failures = record.lost = 0
        record.result = record.error = record.finished_at = record.run_at = None
        record.token = record.settled_as = None
        record.cancelled = False
        record.rank, record.seq = now, next(self.numbers)
        self.keys.take(record, now)
        self.move(record, Status.PENDING)
        self.place(record, now)

    def delete(self, record: Record) -> None:
        """The job is gone, and its key is free."""
        self.keys.release(record)
        self.remove(record)


def _comes_back(known: Record, brought: Record) -> bool:
    """Whether a stored job may be PENDING again: its holder brings it, or it FAILED with as many attempts."""
    match known.status:
        case Status.RUNNING:
            return known.token == brought.token and not known.cancelled
        case Status.FAILED:
            return known.attempts == brought.attempts
        case _:
            return False


def _is_suspect(record: Record) -> bool:
    """Whether the job, claimed now, has lost a lease: it may have killed its worker, and is claimed alone."""
    return record.lost > 0 or record.status is Status.RUNNING
