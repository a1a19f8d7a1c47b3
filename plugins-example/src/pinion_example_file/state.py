"""State: all jobs, where each of them waits, and what becomes of them. Pure: no file, no clock, no codec."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from heapq import heappop, heappush
from typing import Any

from pinion.job import Job, Status
from pinion.storage import Claim, Inserted, Settled, Settlement, Signal
from pinion_example_file.record import Fields, Record, settled

__all__ = ["SortedSet", "State"]


class SortedSet[Score: (int, tuple[int, int])]:
    """Members in the order of their scores, as in Redis: adding one again moves it."""

    def __init__(self) -> None:
        self._scores: dict[str, Score] = {}
        self._heap: list[tuple[Score, str]] = []  # also of what was moved or removed, until that comes to the top

    def add(self, member: str, score: Score) -> None:
        self._scores[member] = score
        heappush(self._heap, (score, member))

    def remove(self, member: str) -> None:
        self._scores.pop(member, None)

    def first(self) -> tuple[Score, str] | None:
        """The lowest score, and the member that has it."""
        while self._heap and self._scores.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0] if self._heap else None


class State:
    """What the changes so far come to.

    changes: those made by `change`, to be logged.
    applied: how many there were, logged ones included; many more than there are jobs, and the log has grown long.
    """

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.changes: list[Any] = []
        self.applied = 0
        self._ready: defaultdict[str, SortedSet[tuple[int, int]]] = defaultdict(SortedSet)  # per queue, by place
        self._timed: SortedSet[int] = SortedSet()  # what becomes claimable by itself, by the moment

    # --- changes ----------------------------------------------------------------------------------

    def change(self, job_id: str, fields: Fields) -> None:
        """Change a job, or add it, and remember to log that."""
        self.changes.append((job_id, fields))
        self.apply(job_id, fields)

    def apply(self, job_id: str, fields: Fields) -> None:
        """Give a job these fields, and let it wait where a job of its status waits."""
        self.applied += 1
        record = self.records.get(job_id)
        if record is None:
            record = self.records[job_id] = Record(job_id, **fields)
        else:
            self._timed.remove(job_id)
            self._ready[record.queue].remove(job_id)
            for name, value in fields.items():
                setattr(record, name, value)
        self._wait(record)

    def _wait(self, record: Record) -> None:
        if record.status == Status.RUNNING:
            self._timed.add(record.id, record.lease_ends)
        elif record.status == Status.PENDING and record.run_at is not None:
            self._timed.add(record.id, record.run_at)
        elif record.status == Status.PENDING:
            self._line_up(record)

    def _line_up(self, record: Record) -> None:
        self._ready[record.queue].add(record.id, (record.rank, record.seq))

    def transactions(self) -> Iterator[list[Any]]:
        """The shortest log that comes to this state."""
        for record in self.records.values():
            fields = asdict(record)
            yield [(fields.pop("id"), fields)]

    # --- what becomes of jobs ---------------------------------------------------------------------

    def insert(self, job: Job, fields: Fields, now: int) -> Inserted:
        """Store the job, of which `fields` is what `inserted` says."""
        rank = now if fields["run_at"] is None else fields["run_at"]
        known = self.records.get(job.id)
        if known is None:
            self.change(job.id, {**fields, "seq": len(self.records), "rank": rank})
            return Inserted.NEW
        if not known.comes_back(job):
            return Inserted.SAME_ID
        self.change(job.id, {**fields, "rank": rank})
        return Inserted.AGAIN

    def settle(self, settlement: Settlement, result: str | None, then: Sequence[Fields], now: int) -> Settled:
        """End a claim, if it is held. `result` and `then` are encoded already."""
        record = self.records.get(settlement.claim.id)
        if record is None:
            return Settled.LOST
        if not record.is_held(settlement.claim):
            repeated = record.was_settled(settlement.claim, settlement.outcome, result)
            return Settled.SETTLED if repeated else Settled.LOST
        self.change(record.id, settled(record, settlement.outcome, result, now))
        for job, fields in zip(settlement.then, then, strict=True):
            self.insert(job, fields, now)
        return Settled.SETTLED

    def extend(self, claim: Claim, lease_ends: int) -> Signal:
        """Let a claim last until then, if it is held."""
        record = self.records.get(claim.id)
        if record is None or not record.is_held(claim):
            return Signal.LOST
        self.change(record.id, {"lease_ends": lease_ends})
        return Signal.HELD

    # --- who is next ------------------------------------------------------------------------------

    def first(self, queues: Sequence[str] | None, now: int) -> Record | None:
        """The job that is to be claimed next: of several queues, from the one whose first job waits longest."""
        self._look_at_the_time(now)
        names = self._ready if queues is None else self._ready.keys() & set(queues)
        best = min((first for name in names if (first := self._ready[name].first()) is not None), default=None)
        return None if best is None else self.records[best[1]]

    def _look_at_the_time(self, now: int) -> None:
        """Make claimable what has come due, and what is RUNNING under a lease that ran out."""
        while (timed := self._timed.first()) is not None and timed[0] <= now:
            self._timed.remove(timed[1])
            self._line_up(self.records[timed[1]])

    def next_moment(self) -> int | None:
        """When the next job becomes claimable by itself; None if none will."""
        timed = self._timed.first()
        return None if timed is None else timed[0]
