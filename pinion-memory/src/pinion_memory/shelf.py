"""Shelf: where each job of one queue stands: in which status, waiting for what, counted how.

It moves what it is told to move. Which moves a call makes is decided by the `Ledger`.
"""

import itertools
import threading
from collections.abc import Iterable
from heapq import heappop, heappush

from pinion.job import Status
from pinion.storage import ScheduleEntry, WorkerEntry
from pinion_memory.keys import Keys
from pinion_memory.lines import Lines
from pinion_memory.moment import NEVER, later
from pinion_memory.record import Entry, Record

__all__ = ["Shelf"]


class Shelf:
    """All that is stored. Times are microseconds. Whoever calls holds `changed`.

    changed: guards everything in here, and is notified when a job may have become claimable.
    """

    def __init__(self) -> None:
        self.renew_lock()
        self.records: dict[str, Record] = {}
        self.tally: dict[str, dict[Status, int]] = {}  # jobs of each queue in each status
        self.schedules: dict[str, ScheduleEntry] = {}
        self.workers: dict[str, tuple[int, WorkerEntry]] = {}  # with the end of what they reported for
        self.lines = Lines()
        self.keys = Keys()
        self.numbers = itertools.count(1)
        self._delayed: list[Entry] = []  # a heap by time
        self._kept: list[tuple[int, int, Record]] = []  # finished jobs, a heap by when they may go
        self._running: dict[str, Record] = {}  # whose lease has not been seen to run out
        self._first_end = NEVER  # no lease of these ends before

    def renew_lock(self) -> None:
        """Begin with nobody holding or awaiting anything."""
        self._lock = threading.RLock()
        self.changed = threading.Condition(self._lock)
        self._awaited: dict[str, list[threading.Condition]] = {}  # of those who wait for a job's end

    def add(self, record: Record, now: int) -> None:
        """Keep a PENDING record."""
        record.token = None
        if record.run_at is None:
            record.rank = now
        self.records[record.id] = record
        tally = self.tally.get(record.queue)
        if tally is None:
            tally = self.tally[record.queue] = dict.fromkeys(Status, 0)
        tally[Status.PENDING] += 1
        self.place(record, now)

    def remove(self, record: Record) -> None:
        """Keep it no more."""
        self.leave(record)
        self.tally[record.queue][record.status] -= 1
        del self.records[record.id]
        self._tell(self._awaited.get(record.id, ()))

    def leave(self, record: Record) -> None:
        """It waits for nothing any more, be it a worker, its time, or the end of its lease."""
        self._running.pop(record.id, None)
        record.entry = None

    def place(self, record: Record, now: int) -> None:
        """Let the job wait for its time, or for a worker."""
        if record.rank > now:
            record.entry = entry = (record.rank, record.seq, 0, record)
            heappush(self._delayed, entry)
        else:
            self.lines.add(record)

    def hold(self, records: list[Record], lease_ends: int) -> None:
        """Let the jobs be held until then."""
        for record in records:
            record.entry = None
            record.lease_ends = lease_ends
            self._running[record.id] = record
        if records:
            self._first_end = min(self._first_end, lease_ends)

    def move(self, record: Record, status: Status) -> None:
        """Count it in another status."""
        tally = self.tally[record.queue]
        tally[record.status] -= 1
        tally[status] += 1
        record.status = status

    def finish(self, record: Record, status: Status, now: int) -> None:
        """The job has come to its end."""
        record.finished_at = now
        self.move(record, status)
        if record.unique_key is not None:
            self.keys.finish(record)
        if record.keep is not None and status is not Status.FAILED:
            heappush(self._kept, (_goes_at(record), record.seq, record))
        if self._awaited:
            self._tell(self._awaited.get(record.id, ()))

    # --- whoever waits for the end of a job -------------------------------------------------------

    def expect_end(self, job_id: str) -> threading.Condition:
        """What is notified when the job has finished, or was deleted."""
        told = threading.Condition(self._lock)
        self._awaited.setdefault(job_id, []).append(told)
        return told

    def expect_no_more(self, job_id: str, told: threading.Condition) -> None:
        """Notify this one no more."""
        waiting = self._awaited.get(job_id, [])
        if told in waiting:
            waiting.remove(told)
        if not waiting:
            self._awaited.pop(job_id, None)

    def tell_all(self) -> None:
        """Let everybody look again."""
        self.changed.notify_all()
        for waiting in self._awaited.values():
            self._tell(waiting)

    @staticmethod
    def _tell(waiting: Iterable[threading.Condition]) -> None:
        for told in waiting:
            told.notify()

    # --- time -------------------------------------------------------------------------------------

    def look_at_the_time(self, now: int) -> None:
        """Line up the jobs whose time has come, and those whose lease ran out."""
        while self._delayed and self._delayed[0][0] <= now:
            entry = heappop(self._delayed)
            if entry[3].entry is entry:
                self.lines.add(entry[3])
        if self._first_end <= now:
            for record in [record for record in self._running.values() if record.lease_ends <= now]:
                del self._running[record.id]
                self.lines.add(record)
            self._first_end = min((record.lease_ends for record in self._running.values()), default=NEVER)

    def next_moment(self) -> int:
        """Nothing becomes claimable by itself before."""
        return min(self._first_end, self._delayed[0][0] if self._delayed else NEVER)

    def let_go(self, limit: int, now: int) -> list[Record]:
        """The finished jobs whose `keep` has run out; they are no longer looked after."""
        gone: list[Record] = []
        while self._kept and self._kept[0][0] <= now and len(gone) < limit:
            moment, _, record = heappop(self._kept)
            if self.records.get(record.id) is record and _may_go(record, moment):
                gone.append(record)
        return gone


def _goes_at(record: Record) -> int:
    """Not before its key is free: whom it belongs to can be asked as long as it is held."""
    return max(later(record.finished_at or 0, record.keep or 0.0), record.key_ends)


def _may_go(record: Record, moment: int) -> bool:
    return record.status in (Status.SUCCESS, Status.CANCELLED) and _goes_at(record) == moment
