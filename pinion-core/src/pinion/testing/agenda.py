"""Agenda: when something comes due next, so that the clock of a rehearsal need only stop there."""

import sys
from typing import Any

from pinion.clock import as_microseconds
from pinion.job import Job, Status
from pinion.registry import Registry
from pinion.storage import Query

__all__ = ["Agenda"]


class Agenda:
    """The moments, in microseconds, of waiting jobs and of the schedules that the registry declares.

    It is told of what is enqueued and tried again, and looks through the storage only where that isn't all.
    """

    def __init__(self, storage: Any, registry: Registry) -> None:
        self._storage = storage
        self._registry = registry
        self._due: dict[str, int] = {}  # of the jobs that wait, by their ids

    def note(self, job: Job) -> None:
        """The job waits."""
        self._due[job.id] = 0 if job.run_at is None else as_microseconds(job.run_at)

    def strike(self, job: Job) -> None:
        """The job was claimed."""
        self._due.pop(job.id, None)

    def next(self, now: int) -> int | None:
        """The first moment after now at which something is due."""
        if len(self._due) != self._waiting():
            self._due.clear()
            for job in self._storage.find(Query(status=Status.PENDING, limit=sys.maxsize)):
                self.note(job)
        return min((moment for moment in (*self._due.values(), *self.ticks()) if moment > now), default=None)

    def _waiting(self) -> int:
        return sum(tally.get(Status.PENDING, 0) for tally in self._storage.counts().values())

    def ticks(self) -> list[int]:
        """When the schedules are due."""
        declared = self._registry.schedules
        entries = self._storage.schedules() if declared else []
        return [as_microseconds(entry.next) for entry in entries if entry.next is not None and entry.name in declared]
