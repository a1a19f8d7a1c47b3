"""Roll: which workers are alive."""

import json
import sqlite3
from typing import Any

from pinion.storage import WorkerEntry, Workers, as_microseconds
from pinion_sqlite.queries import SQL
from pinion_sqlite.queue_file import QueueFile
from pinion_sqlite.rows import after, moment

__all__ = ["Roll"]


class Roll(QueueFile, Workers):
    """The group Workers."""

    def report_worker(self, entry: WorkerEntry, lease: float) -> None:
        now = self.clock.now()
        queues = None if entry.queues is None else json.dumps(entry.queues)
        started_at = as_microseconds(entry.started_at)
        row = (entry.name, entry.host, entry.pid, started_at, queues, entry.slots, entry.running, now)

        def transaction(writer: sqlite3.Connection) -> None:
            writer.execute(SQL["forget_silent_workers"], (now,))
            writer.execute(SQL["report_worker"], (*row, after(now, lease)))

        self._connections.write(transaction, quick=True)

    def forget_worker(self, name: str) -> None:
        self._write_one(SQL["forget_worker"], (name,), quick=True)

    def workers(self) -> list[WorkerEntry]:
        return [_entry(row) for row in self._read_all(SQL["workers"], (self.clock.now(),))]


def _entry(row: Any) -> WorkerEntry:
    name, host, pid, started_at, queues, slots, running, seen_at = row
    names = None if queues is None else tuple(json.loads(queues))
    return WorkerEntry(name, host, pid, moment(started_at), names, slots, running, moment(seen_at))
