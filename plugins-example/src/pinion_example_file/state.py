"""State: the jobs that a log comes to, and where each of them waits. Pure: no file, no clock, no codec."""

from collections import defaultdict
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from pinion.job import Status
from pinion_example_file.record import Record

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

    def change(self, job_id: str, **fields: Any) -> None:
        """Change a job, or add it, and remember to log that."""
        self.changes.append((job_id, fields))
        self.apply(job_id, fields)

    def apply(self, job_id: str, fields: dict[str, Any]) -> None:
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
        if record.status == Status.PENDING:
            self._timed.add(job_id, record.rank)
        elif record.status == Status.RUNNING:
            self._timed.add(job_id, record.lease_ends)

    def first(self, queues: Sequence[str] | None, now: int) -> Record | None:
        """The job that is to be claimed next: of several queues, from the one whose first job waits longest."""
        self._look_at_the_time(now)
        names = self._ready if queues is None else self._ready.keys() & set(queues)
        best = min((first for name in names if (first := self._ready[name].first()) is not None), default=None)
        return None if best is None else self.records[best[1]]

    def _look_at_the_time(self, now: int) -> None:
        """Make claimable what has come due, and what is RUNNING under a lease that ran out."""
        while (timed := self._timed.first()) is not None and timed[0] <= now:
            record = self.records[timed[1]]
            self._timed.remove(record.id)
            self._ready[record.queue].add(record.id, (record.rank, record.seq))

    def next_moment(self) -> int | None:
        """When the next job becomes claimable by itself; None if none will."""
        timed = self._timed.first()
        return None if timed is None else timed[0]
