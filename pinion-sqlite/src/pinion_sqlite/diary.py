"""Diary: progress and log lines of running tasks."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from pinion.storage import KEEP, Claim, Line, Steps, as_datetime, as_microseconds
from pinion_sqlite.queries import SQL
from pinion_sqlite.queue_file import QueueFile

__all__ = ["Diary"]


class Diary(QueueFile, Steps):
    """The group Steps."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        text = None if progress is KEEP or progress is None else self.codec.encode(progress)
        rows = [(claim.id, as_microseconds(line.at), line.attempt, line.text) for line in lines]

        def transaction(writer: sqlite3.Connection) -> bool:
            if progress is KEEP:
                held = writer.execute(SQL["held"], claim).fetchone() is not None
            else:
                held = bool(writer.execute(SQL["progress"], (text, *claim)).rowcount)
            if held:
                writer.executemany(SQL["line"], rows)
            return held

        return self._connections.write(transaction, quick=True)

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        rows = self._read_all(SQL["lines"], (job_id, max(limit, 0)))
        if not rows and self._read_one(SQL["status"], (job_id,)) is None:
            raise self._not_found(job_id)
        return [Line(as_datetime(at), attempt, text) for at, attempt, text in reversed(rows)]
