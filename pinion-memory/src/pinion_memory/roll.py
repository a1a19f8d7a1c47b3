"""Roll: which workers are alive."""

from dataclasses import replace

from pinion.storage import WorkerEntry, Workers, as_datetime
from pinion_memory.keeper import Keeper
from pinion_memory.moment import later

__all__ = ["Roll"]


class Roll(Keeper, Workers):
    """The group Workers."""

    def report_worker(self, entry: WorkerEntry, lease: float) -> None:
        with self._ledger.changed:
            self._check_open()
            now = self.clock.now()
            self._strike_the_silent(now)
            self._ledger.workers[entry.name] = later(now, lease), replace(entry, seen_at=as_datetime(now))

    def forget_worker(self, name: str) -> None:
        with self._ledger.changed:
            self._check_open()
            self._ledger.workers.pop(name, None)

    def workers(self) -> list[WorkerEntry]:
        with self._ledger.changed:
            self._check_open()
            self._strike_the_silent(self.clock.now())
            return [entry for _, (_, entry) in sorted(self._ledger.workers.items())]

    def _strike_the_silent(self, now: int) -> None:
        alive = {name: (ends, entry) for name, (ends, entry) in self._ledger.workers.items() if ends > now}
        self._ledger.workers = alive
