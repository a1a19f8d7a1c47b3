"""Ledger: all jobs of one queue, and what inserting, claiming and settling does to them.

It asks no clock, encodes nothing and waits for nothing; whoever calls it holds `changed`.
"""

import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from heapq import heappop, heappush

from pinion.job import JobError, Status
from pinion.storage import (
    SECOND,
    Cancelled,
    Claim,
    ClaimRequest,
    Done,
    Failed,
    Inserted,
    Outcome,
    Released,
    Retry,
    Settled,
    Signal,
    Snoozed,
    as_datetime,
)
from pinion_memory.line import Line
from pinion_memory.record import Entry, Record

__all__ = ["NEVER", "Ledger"]

FAR = 253_402_300_799
"""The last second of the year 9999: no delay reaches beyond what a datetime can tell."""

NEVER = 2**63
"""A moment, in microseconds, that doesn't come."""


class Ledger:
    """The jobs, and where each of them waits. All times are noweconds.

    changed: guards everything in here, and is notified when a job may have become claimable.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.records: dict[str, Record] = {}
        self.tally: dict[str, dict[Status, int]] = {}  # jobs of each queue in each status
        self._lines: dict[str, Line] = {}  # of queues that have claimable jobs; the first is served next
        self._delayed: list[Entry] = []  # a heap by time
        self._running: dict[str, Record] = {}  # whose lease has not been seen to run out
        self._first_end = NEVER  # no lease of these ends before
        self._numbers = itertools.count(1)
        with _registering:
            _ledgers.add(self)

    # --- inserting --------------------------------------------------------------------------------

    def insert(self, record: Record, now: int) -> Inserted:
        """Keep the record, whose token is that of whoever brings it."""
        known = self.records.get(record.id)
        if known is None:
            self._keep(record, next(self._numbers), now)
            return Inserted.NEW
        if not _comes_back(known, record):
            return Inserted.SAME_ID
        self._forget(known)
        record.worker, record.started_at, record.error = known.worker, known.started_at, known.error
        self._keep(record, known.seq, now)
        return Inserted.AGAIN

    def _keep(self, record: Record, seq: int, now: int) -> None:
        record.seq, record.token = seq, None
        if record.run_at is None:
            record.rank = now
        self.records[record.id] = record
        tally = self.tally.get(record.queue)
        if tally is None:
            tally = self.tally[record.queue] = dict.fromkeys(Status, 0)
        tally[Status.PENDING] += 1
        self._place(record, now)

    def _forget(self, record: Record) -> None:
        self._running.pop(record.id, None)
        record.entry = None
        self.tally[record.queue][record.status] -= 1

    def _place(self, record: Record, now: int) -> None:
        """Let the job wait for its time, or for a worker."""
        if record.rank > now:
            record.entry = entry = (record.rank, record.seq, 0, record)
            heappush(self._delayed, entry)
        else:
            self._line_up(record)

    def _line_up(self, record: Record) -> None:
        line = self._lines.get(record.queue)
        if line is None:
            line = self._lines[record.queue] = Line(record.queue, next(self._numbers))
        line.add(record)

    # --- settling ---------------------------------------------------------------------------------

    def settle(self, claim: Claim, outcome: Outcome, result: str | None, now: int) -> tuple[Settled, bool]:
        """End the claim if it is held. Also says whether this changed anything: a repetition doesn't."""
        record = self.records.get(claim.id)
        if record is None or record.token != claim.token:
            return Settled.LOST, False
        if record.status is not Status.RUNNING:
            repeated = record.settled_as is type(outcome) and result == record.result
            return (Settled.SETTLED if repeated else Settled.LOST), False
        self._running.pop(record.id, None)
        record.entry = None
        record.settled_as = type(outcome)
        self._apply(record, outcome, result, now)
        return Settled.SETTLED, True

    def _apply(self, record: Record, outcome: Outcome, result: str | None, now: int) -> None:
        match outcome:
            case Done():
                record.result, record.error = result, None
                self._finish(record, Status.SUCCESS, now)
            case Failed(error):
                self._count_failure(record, error)
                self._finish(record, Status.FAILED, now)
            case Retry(delay, error):
                self._count_failure(record, error)
                self._postpone(record, delay, now)
            case Snoozed(delay):
                self._postpone(record, delay, now)
            case Released():
                self._move(record, Status.PENDING)
                self._line_up(record)
            case Cancelled():
                self._finish(record, Status.CANCELLED, now)

    def _finish(self, record: Record, status: Status, now: int) -> None:
        record.finished_at = now
        self._move(record, status)

    def _count_failure(self, record: Record, error: JobError) -> None:
        record.failures += 1
        record.error = JobError(error.type, error.message, error.traceback)  # the cause is the caller's

    def _postpone(self, record: Record, delay: float, now: int) -> None:
        record.rank = min(now + int(min(delay, FAR) * SECOND), FAR * SECOND)
        record.run_at = as_datetime(record.rank)
        self._move(record, Status.PENDING)
        self._place(record, now)

    def _move(self, record: Record, status: Status) -> None:
        tally = self.tally[record.queue]
        tally[record.status] -= 1
        tally[status] += 1
        record.status = status

    # --- claiming ---------------------------------------------------------------------------------

    def claim(self, request: ClaimRequest, token: str, now: int) -> list[Record]:
        """Hand out what the request asks for, under that token."""
        taken = self._choose(request, now)
        lease_ends = now + int(request.lease * SECOND)
        for record in taken:
            if record.status is Status.RUNNING:
                record.lost += 1
            else:
                self._move(record, Status.RUNNING)
            record.attempts += 1
            record.token, record.settled_as, record.worker = token, None, request.worker
            record.started_at = now
            self._hold(record, lease_ends)
        return taken

    def _choose(self, request: ClaimRequest, now: int) -> list[Record]:
        self._look_at_the_time(now)
        taken: list[Record] = []
        while len(taken) < request.limit and (line := self._next_line(request.queues)) is not None:
            if not self._take_from(line, request.limit, taken):
                break
        return taken

    def _take_from(self, line: Line, limit: int, taken: list[Record]) -> bool:
        """Take from the front of the line; another is served next. False if the claim ends here."""
        goes_on = True
        while goes_on and len(taken) < limit and (record := line.first()) is not None:
            if _is_suspect(record):
                goes_on = False
                if taken:
                    break
            record.entry = None
            taken.append(record)
        self._serve_last(line)
        return goes_on

    def _serve_last(self, line: Line) -> None:
        del self._lines[line.queue]
        if line.first() is not None:
            line.turn = next(self._numbers)
            self._lines[line.queue] = line

    def _next_line(self, queues: Sequence[str] | None) -> Line | None:
        if queues is None:
            return next(iter(self._lines.values()), None)
        return min(self._lines_of(queues), key=lambda line: line.turn, default=None)

    def _lines_of(self, queues: Sequence[str]) -> list[Line]:
        return [self._lines[name] for name in queues if name in self._lines]

    # --- time -------------------------------------------------------------------------------------

    def extend(self, claim: Claim, lease_ends: int) -> Signal:
        """Let the claim last until then if it is held."""
        record = self.records.get(claim.id)
        if record is None or record.token != claim.token or record.status is not Status.RUNNING:
            return Signal.LOST
        self._hold(record, lease_ends)
        return Signal.HELD

    def _hold(self, record: Record, lease_ends: int) -> None:
        record.entry = None
        record.lease_ends = lease_ends
        self._running[record.id] = record
        self._first_end = min(self._first_end, lease_ends)

    def claimable(self, queues: Sequence[str] | None, now: int) -> bool:
        """Whether a claim from these queues would find something."""
        self._look_at_the_time(now)
        lines = self._lines.values() if queues is None else self._lines_of(queues)
        return any(line.first() is not None for line in lines)

    def next_moment(self) -> int:
        """Nothing becomes claimable by itself before."""
        return min(self._first_end, self._delayed[0][0] if self._delayed else NEVER)

    def _look_at_the_time(self, now: int) -> None:
        """Line up the jobs whose time has come, and those whose lease ran out."""
        while self._delayed and self._delayed[0][0] <= now:
            entry = heappop(self._delayed)
            if entry[3].entry is entry:
                self._line_up(entry[3])
        if self._first_end <= now:
            for record in [record for record in self._running.values() if record.lease_ends <= now]:
                del self._running[record.id]
                self._line_up(record)
            self._first_end = min((record.lease_ends for record in self._running.values()), default=NEVER)


def _comes_back(known: Record, brought: Record) -> bool:
    """Whether a stored job may be PENDING again: its holder brings it, or it FAILED with as many attempts."""
    match known.status:
        case Status.RUNNING:
            return known.token == brought.token
        case Status.FAILED:
            return known.attempts == brought.attempts
        case _:
            return False


def _is_suspect(record: Record) -> bool:
    """Whether the job, claimed now, has lost a lease: it may have killed its worker, and is claimed alone."""
    return record.lost > 0 or record.status is Status.RUNNING


# --- fork: a child gets a copy of every ledger, whole and unlocked ------------------------------------

_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()
_registering = threading.Lock()
_held_for_fork: list[Ledger] = []


def _before_fork() -> None:
    _registering.acquire()
    _held_for_fork.extend(_ledgers)
    for ledger in _held_for_fork:
        ledger.changed.acquire()


def _after_fork_in_parent() -> None:
    for ledger in _held_for_fork:
        ledger.changed.release()
    _held_for_fork.clear()
    _registering.release()


def _after_fork_in_child() -> None:
    for ledger in _held_for_fork:
        ledger.changed = threading.Condition()
    _held_for_fork.clear()
    _registering.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
