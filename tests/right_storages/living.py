"""Workers, in a dictionary."""

from dataclasses import replace
from typing import ClassVar

from pinion.clock import SECOND, as_datetime
from pinion.storage import Promise, WorkerEntry, Workers
from right_storages.claiming import PlainClaims


class PlainWorkers(PlainClaims, Workers):
    """By name, with the moment at which each is no longer alive."""

    promises: ClassVar[frozenset[Promise]] = PlainClaims.promises | {Promise.WORKERS}

    def report_worker(self, entry: WorkerEntry, lease: float) -> None:
        with self.locked():
            ends = self.now() + round(lease * SECOND)
            self.around.alive[entry.name] = (self.seen(entry), ends)

    def seen(self, entry: WorkerEntry) -> WorkerEntry:
        return replace(entry, seen_at=as_datetime(self.now()))

    def forget_worker(self, name: str) -> None:
        with self.locked():
            self.around.alive.pop(name, None)

    def workers(self) -> list[WorkerEntry]:
        with self.locked():
            return [entry for _, (entry, ends) in sorted(self.around.alive.items()) if self.is_alive(ends)]

    def is_alive(self, ends: int) -> bool:
        return self.now() < ends
