"""Keys: which job holds which unique key, and until when."""

from heapq import heappop, heappush

from pinion_memory.moment import NEVER, later
from pinion_memory.record import Record

__all__ = ["Keys"]


class Keys:
    """The unique keys that are held: each by one job, until the job lets go of it or its period is over."""

    def __init__(self) -> None:
        self._holds: dict[str, tuple[str, int]] = {}  # the id of the holder, and when the period ends
        self._ends: list[tuple[int, str]] = []  # a heap of the periods' ends

    def holder(self, record: Record, now: int) -> str | None:
        """The id of another job that holds the record's key."""
        job_id, ends = self._holds.get(record.unique_key or "", (record.id, NEVER))
        return job_id if job_id != record.id and ends > now else None

    def take(self, record: Record, now: int) -> None:
        """Let the record hold its key, which nobody else does: a new one for its period, if it has one."""
        if record.unique_for is not None and not record.key_ends:
            record.key_ends = later(now, record.unique_for)
        for key in self.would_hold(record, now):
            self._holds[key] = (record.id, record.key_ends or NEVER)
            if record.key_ends:
                heappush(self._ends, (record.key_ends, key))
        self._drop_what_is_over(now)

    def would_hold(self, record: Record, now: int) -> list[str]:
        """The keys that the record needs: one or none."""
        over = record.unique_for is not None and record.key_ends <= now
        return [] if record.unique_key is None or over else [record.unique_key]

    def begin(self, record: Record) -> None:
        """The job was claimed: one that holds its key while it is pending lets go."""
        if record.unique_while == "pending":
            self.finish(record)

    def finish(self, record: Record) -> None:
        """The job needs the key no more, unless it holds it for a period."""
        if record.unique_for is None:
            self.release(record)

    def release(self, record: Record) -> None:
        """The job is gone, and its key is free."""
        key = record.unique_key
        if key is not None and key in self._holds and self._holds[key][0] == record.id:
            del self._holds[key]

    def _drop_what_is_over(self, now: int) -> None:
        while self._ends and self._ends[0][0] <= now:
            ends, key = heappop(self._ends)
            if key in self._holds and self._holds[key][1] == ends:
                del self._holds[key]
