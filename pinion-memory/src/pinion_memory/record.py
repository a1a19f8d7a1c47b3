"""Record: one job as it is kept, in text and numbers, so that nothing in it belongs to a caller."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pinion.job import Job, JobError, Status
from pinion.storage import Outcome, as_datetime, as_microseconds

__all__ = ["Entry", "Record", "snapshot"]

type Entry = tuple[int, int, int, Record]
"""What a record waits under: it sorts by the three numbers, which no two records share."""


@dataclass(slots=True, eq=False)
class Record:
    """A stored job. Times that the storage decided are microseconds; those that it was given stay datetimes.

    call: the arguments, encoded. result: likewise.
    rank: its `run_at`, or the moment of its insertion: the order within a priority.
    seq: the order of insertion.
    token: of the last claim. settled_as: how that claim ended; None while it is open.
    lease_ends: when a RUNNING job may be claimed again.
    entry: where it waits, if it does.
    """

    id: str
    func_name: str
    call: str
    queue: str
    priority: int
    attempts: int
    failures: int
    lost: int
    created_at: datetime
    run_at: datetime | None
    unique_key: str | None
    timeout: float | None
    headers: dict[str, str] | None
    token: str | None
    rank: int = 0
    seq: int = 0
    status: Status = Status.PENDING
    settled_as: type[Outcome] | None = None
    lease_ends: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    worker: str | None = None
    error: JobError | None = None
    result: str | None = None
    entry: Any = field(default=None, repr=False)

    def __lt__(self, other: "Record") -> bool:
        """Two entries of one moment and one place in line: all but the newest are void, so any order will do."""
        return id(self) < id(other)

    def job(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, token: str | None) -> Job:
        """A Job of the caller's own, made by the order of its fields: this is done for every claim."""
        headers = self.headers.copy() if self.headers else {}
        started_at, finished_at = _moment(self.started_at), _moment(self.finished_at)
        return Job(
            self.func_name, args, kwargs, self.id, self.status, self.attempts, self.created_at,
            self.queue, self.priority, self.run_at, started_at, finished_at, self.failures, self.lost,
            self.worker, self.error, result, self.unique_key, self.timeout, headers, None, token,
        )  # fmt: skip


def snapshot(job: Job, call: str) -> Record:
    """The record of a job that is to be inserted; `call` is what the codec made of its arguments."""
    run_at, rank = None, 0
    if job.run_at is not None:
        run_at, rank = _utc(job.run_at), as_microseconds(job.run_at)
    return Record(
        job.id, job.func_name, call, job.queue, job.priority, job.attempts, job.failures, job.lost,
        _utc(job.created_at), run_at, job.unique_key, job.timeout, job.headers.copy() or None,
        job.token, rank,
    )  # fmt: skip


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


@lru_cache(maxsize=2)
def _moment(microseconds: int | None) -> datetime | None:
    """The jobs of one claim share a moment, which is converted once."""
    return None if microseconds is None else as_datetime(microseconds)
