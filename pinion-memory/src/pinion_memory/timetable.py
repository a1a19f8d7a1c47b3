"""Timetable: when recurring jobs are due."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pinion.job import Job
from pinion.storage import ScheduleEntry, Schedules
from pinion_memory.keeper import Keeper
from pinion_memory.record import Record

__all__ = ["Timetable"]


class Timetable(Keeper, Schedules):
    """The group Schedules."""

    def put_schedule(self, entry: ScheduleEntry) -> ScheduleEntry:
        with self._ledger.changed:
            self._check_open()
            known = self._ledger.schedules.get(entry.name)
            if known is not None and known.definition == entry.definition:
                return known
            kept = replace(entry, last=known.last) if known is not None else entry
            self._ledger.schedules[entry.name] = kept
            return kept

    def schedules(self) -> list[ScheduleEntry]:
        with self._ledger.changed:
            self._check_open()
            return [entry for _, entry in sorted(self._ledger.schedules.items())]

    def delete_schedule(self, name: str) -> bool:
        with self._ledger.changed:
            self._check_open()
            return self._ledger.schedules.pop(name, None) is not None

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        self.accept(jobs)
        records = self._snapshots(jobs)
        with self._ledger.changed:
            self._check_open()
            return self._fire(name, expected, next, records)

    def _fire(self, name: str, expected: datetime, next: datetime | None, records: list[Record]) -> bool:
        known = self._ledger.schedules.get(name)
        if known is None or known.next != expected:
            return False
        self._ledger.schedules[name] = replace(known, next=next, last=expected)
        self._insert(records, self.clock.now())
        return True
