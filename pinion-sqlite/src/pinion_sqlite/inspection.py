"""Inspection: reading what is in the file, and waiting for the end of a job."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinion.job import Job, Status
from pinion.storage import Attempt, Inspects, Query, monotonic
from pinion_sqlite.look import Version, data_version
from pinion_sqlite.queries import SQL
from pinion_sqlite.queue_file import QueueFile
from pinion_sqlite.rows import STATUSES, moment, stored_error, whole_job
from pinion_sqlite.search import ALL, Wanted, search
from pinion_sqlite.watch import FIRST_PAUSE, News, next_pause

__all__ = ["Inspection"]

OUTCOMES = {1: "done", 2: "failed", 3: "retry", 4: "snoozed", 5: "released", 6: "cancelled", 7: "lost", None: None}
FIRST_FINISHED = 2


class Inspection(QueueFile, Inspects):
    """The group Inspects."""

    def size(self) -> int:
        return int(self._read_one(SQL["size"])[0])

    def get(self, job_id: str) -> Job:
        if (row := self._read_one(SQL["get"], (job_id,))) is None:
            raise self._not_found(job_id)
        return whole_job(row, self.codec)

    def find(self, query: Query) -> list[Job]:
        wanted = Wanted(
            limit=max(query.limit, 0),
            statuses=ALL if query.status is None else 1 << STATUSES.index(query.status),
            queue=query.queue,
            task=None if query.task is None else query.task.lower(),
            after=query.after or "",
        )
        rows = self._connections.read_snapshot(lambda reader: _rows(reader, search(reader, wanted)))
        return [whole_job(row, self.codec) for row in rows]

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        counts: dict[str, dict[Status, int]] = {}
        for queue, status, number in self._read_all(SQL["counts"]):
            by_status = counts.setdefault(queue, {})
            by_status[STATUSES[status]] = by_status.get(STATUSES[status], 0) + number
        return {queue: {status: n for status, n in by_status.items() if n} for queue, by_status in counts.items()}

    def attempts(self, job_id: str) -> list[Attempt]:
        rows = self._read_all(SQL["attempts"], {"id": job_id})
        if not rows:
            raise self._not_found(job_id)
        return [
            Attempt(number, worker, moment(started), moment(ended), OUTCOMES[outcome], stored_error(error))
            for _, number, worker, started, ended, outcome, error, told in rows
            if told
        ]

    def finished(self, job_ids: Sequence[str]) -> list[str]:
        return self._connections.read(lambda reader: [each for each in job_ids if _is_over(reader, each)])

    def wait_finished(self, job_id: str, timeout: float) -> None:
        deadline, pause = monotonic() + timeout, FIRST_PAUSE
        ending = self._connections.read(lambda reader: _Ending.look(reader, job_id))  # opens the log, as `wait` does
        if ending.status is None:
            raise self._not_found(job_id)
        if ending.is_over():
            return
        with self._watches.take() as watch:
            while not ending.is_over() and (left := deadline - monotonic()) > 0:
                news = watch.wait(min(pause, left))
                if news is News.WOKEN:
                    return
                # As in `SqliteStorage.wait`: a commit shows some time after the log was written.
                pause = next_pause(pause, news)
                ending = self._connections.read(ending.again)


@dataclass(frozen=True, slots=True)
class _Ending:
    """What whoever waits for the end of a job knows, at one moment.

    status: None if there is no such job.
    """

    job_id: str
    version: Version
    status: int | None

    @classmethod
    def look(cls, reader: sqlite3.Connection, job_id: str) -> "_Ending":
        version = data_version(reader)
        row = reader.execute(SQL["status"], (job_id,)).fetchone()
        return cls(job_id, version, None if row is None else row[0])

    def again(self, reader: sqlite3.Connection) -> "_Ending":
        """Look once more, which costs next to nothing if nobody has committed meanwhile."""
        return self if data_version(reader) == self.version else _Ending.look(reader, self.job_id)

    def is_over(self) -> bool:
        return self.status is None or self.status >= FIRST_FINISHED


def _is_over(reader: sqlite3.Connection, job_id: str) -> bool:
    row = reader.execute(SQL["status"], (job_id,)).fetchone()
    return row is None or row[0] >= FIRST_FINISHED


def _rows(reader: sqlite3.Connection, ids: list[str]) -> list[Any]:
    return [reader.execute(SQL["get"], (job_id,)).fetchone() for job_id in ids]
