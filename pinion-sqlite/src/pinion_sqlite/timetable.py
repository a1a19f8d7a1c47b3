"""Timetable: when recurring jobs are due."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pinion.job import Job
from pinion.storage import ScheduleEntry, Schedules, as_microseconds
from pinion_sqlite.inserts import batch_of, insert
from pinion_sqlite.queries import SQL
from pinion_sqlite.queue_file import QueueFile
from pinion_sqlite.rows import moment

__all__ = ["Timetable"]


class Timetable(QueueFile, Schedules):
    """The group Schedules."""

    def put_schedule(self, entry: ScheduleEntry) -> ScheduleEntry:
        row = self._read_one(SQL["schedule"], (entry.name,))  # mostly it is there, and nobody waits for the disk
        if row is None or row[1] != entry.definition:
            row = self._connections.write(lambda writer: _put(writer, entry))
        return _entry(row)

    def schedules(self) -> list[ScheduleEntry]:
        return [_entry(row) for row in self._read_all(SQL["schedules"])]

    def delete_schedule(self, name: str) -> bool:
        return bool(self._write_one(SQL["delete_schedule"], (name,)))

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        self.accept(jobs)
        batch = batch_of(jobs, self.codec, self.clock.now())
        tick = {"name": name, "expected": as_microseconds(expected), "next": _microseconds(next)}

        def transaction(writer: sqlite3.Connection) -> bool:
            if not writer.execute(SQL["fire"], tick).rowcount:
                return False
            insert(writer, batch)
            return True

        return self._connections.write(transaction)


def _put(writer: sqlite3.Connection, entry: ScheduleEntry) -> Any:
    row = (entry.name, entry.definition, _microseconds(entry.next), _microseconds(entry.last))
    writer.execute(SQL["put_schedule"], row)
    return writer.execute(SQL["schedule"], (entry.name,)).fetchone()


def _entry(row: Any) -> ScheduleEntry:
    name, definition, due, last = row
    return ScheduleEntry(name, definition, moment(due), moment(last))


def _microseconds(when: datetime | None) -> int | None:
    return None if when is None else as_microseconds(when)
