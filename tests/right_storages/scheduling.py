"""Schedules, in a dictionary."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from pinion.job import Job
from pinion.storage import Promise, ScheduleEntry, Schedules
from right_storages.claiming import PlainClaims
from right_storages.row import Row


class PlainSchedules(PlainClaims, Schedules):
    """By name."""

    promises: ClassVar[frozenset[Promise]] = PlainClaims.promises | {Promise.SCHEDULES}

    def put_schedule(self, entry: ScheduleEntry) -> ScheduleEntry:
        with self.locked():
            known = self.around.timetable.get(entry.name)
            if known is None:
                kept = entry
            elif known.definition == entry.definition:
                kept = known
            else:
                kept = self.replaced(known, entry)
            self.around.timetable[entry.name] = kept
            return kept

    def replaced(self, known: ScheduleEntry, entry: ScheduleEntry) -> ScheduleEntry:
        return replace(entry, last=known.last)

    def schedules(self) -> list[ScheduleEntry]:
        with self.locked():
            return [entry for _, entry in sorted(self.around.timetable.items())]

    def delete_schedule(self, name: str) -> bool:
        with self.locked():
            return self.around.timetable.pop(name, None) is not None

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        self.accept(jobs)
        rows = [self.row_of(job) for job in jobs]
        with self.locked():
            entry = self.around.timetable.get(name)
            if entry is None or entry.next != expected:
                return False
            self.tick(entry, next, rows)
            return True

    def tick(self, entry: ScheduleEntry, next: datetime | None, rows: list[Row]) -> None:
        self.around.timetable[entry.name] = replace(entry, next=next, last=entry.next)
        for row in rows:
            self.put(row)
