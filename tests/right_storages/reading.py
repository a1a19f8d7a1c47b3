"""Inspects, on plain rows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pinion.clock import monotonic
from pinion.errors import JobNotFound, UndecodableJob
from pinion.job import FINISHED, Job, Status
from pinion.storage import Attempt, Inspects, Promise, Query, describe_error
from right_storages.claiming import PlainClaims
from right_storages.row import Row


class PlainReading(PlainClaims, Inspects):
    """Tells all that is in a row, its attempts among it."""

    promises: ClassVar[frozenset[Promise]] = PlainClaims.promises | {
        Promise.INSPECTS,
        Promise.HISTORY,
        Promise.RESULTS,
    }

    def get(self, job_id: str) -> Job:
        with self.locked():
            return self.shown(self.stored(job_id))

    def stored(self, job_id: str) -> Row:
        if job_id not in self.rows:
            raise JobNotFound(f"no job {job_id!r}")
        return self.rows[job_id]

    def find(self, query: Query) -> list[Job]:
        with self.locked():
            found = sorted((row for row in self.rows.values() if self.matches(row, query)), key=lambda row: row.job.id)
            return [self.shown(row) for row in found[: query.limit]]

    def matches(self, row: Row, query: Query) -> bool:
        job = row.job
        return (
            (query.after is None or job.id > query.after)
            and (query.status is None or job.status is query.status)
            and (query.queue is None or job.queue == query.queue)
            and (query.task is None or job.func_name.lower() == query.task.lower())
        )

    def shown(self, row: Row) -> Job:
        try:
            job = self.decoded(row)
        except UndecodableJob as undecodable:
            job = replace(row.job, error=describe_error(undecodable))
        job.token = None
        job.result = None if row.result is None else self.codec.decode(row.result)
        return job

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        with self.locked():
            counts: dict[str, dict[Status, int]] = {}
            for row in self.rows.values():
                by_status = counts.setdefault(row.job.queue, dict.fromkeys(Status, 0))
                by_status[row.job.status] += 1
            return counts

    def attempts(self, job_id: str) -> list[Attempt]:
        with self.locked():
            return list(self.stored(job_id).tries)

    def wait_finished(self, job_id: str, timeout: float) -> None:
        deadline = monotonic() + timeout
        with self.changed:
            self.stored(job_id)
            while not self.closed and not self.is_over(job_id) and (left := deadline - monotonic()) > 0:
                self.changed.wait(left)

    def is_over(self, job_id: str) -> bool:
        row = self.rows.get(job_id)
        return row is None or row.job.status in FINISHED
