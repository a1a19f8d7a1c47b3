"""Record: one job as it is kept, in text and numbers, so that nothing in it belongs to a caller."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pinion.job import Job, JobError, Status
from pinion.storage import Attempt, Line, Outcome, as_datetime, as_microseconds

__all__ = ["Entry", "Record", "snapshot"]

type Entry = tuple[int, int, int, Record]
"""What a record waits under: it sorts by the three numbers, which no two records share."""

_OUTCOMES = {Status.SUCCESS: "done", Status.FAILED: "failed", Status.CANCELLED: "cancelled"}


@dataclass(slots=True, eq=False)
class Record:
    """A stored job. Times that the storage decided are microseconds; those that it was given stay datetimes.

    call: the arguments, encoded. result, progress: likewise.
    rank: its `run_at`, or the moment of its insertion: the order within a priority.
    seq: the order of insertion.
    token: of the last claim. settled_as: how that claim ended; None while it is open.
    lease_ends: when a RUNNING job may be claimed again.
    entry: where it waits, if it does.
    cancelled: it runs, and was asked to stop.
    key_ends: with `unique_for`, until when it holds its key.
    past: the attempts that are over; `latest` says whether the last one isn't among them, but in the fields.
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
    unique_while: str
    unique_for: float | None
    keep: float | None
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
    progress: str | None = None
    entry: Any = field(default=None, repr=False)
    cancelled: bool = False
    key_ends: int = 0
    latest: bool = False
    past: list[Attempt] | None = None
    lines: list[Line] | None = None

    def __lt__(self, other: "Record") -> bool:
        """Two entries of one moment and one place in line: all but the newest are void, so any order will do."""
        return id(self) < id(other)

    def job(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, progress: Any, token: str | None) -> Job:
        """A Job of the caller's own, made by the order of its fields: this is done for every claim."""
        headers = self.headers.copy() if self.headers else {}
        started_at, finished_at = _moment(self.started_at), _moment(self.finished_at)
        return Job(
            self.func_name, args, kwargs, self.id, self.status, self.attempts, self.created_at,
            self.queue, self.priority, self.run_at, started_at, finished_at, self.failures, self.lost,
            self.worker, self.error, result, self.unique_key, self.timeout, headers, progress, token,
            self.unique_while, self.unique_for, self.keep,
        )  # fmt: skip

    def succeed(self, known: "Record") -> None:
        """Stand for a job that is PENDING again: what is known of its past, and how it is kept, stays."""
        self.seq, self.worker, self.started_at, self.error = known.seq, known.worker, known.started_at, known.error
        self.progress, self.past, self.lines = known.progress, known.past, known.lines
        self.keep, self.unique_while, self.unique_for = known.keep, known.unique_while, known.unique_for
        self.key_ends = known.key_ends

    # --- attempts ---------------------------------------------------------------------------------

    def history(self) -> list[Attempt]:
        """All attempts, the first one first."""
        past = self.past or []
        return [*past, self._last()] if self.latest else past.copy()

    def end_attempt(self, outcome: str | None = None, now: int | None = None) -> None:
        """Put the last attempt with those that are over, unless it is there.

        outcome: how it ended, and when; left out for a finished job, whose fields tell it.
        """
        if self.latest:
            self.past = self.past or []
            self.past.append(self._last() if outcome is None else self._ended(outcome, now))
            self.latest = False

    def _last(self) -> Attempt:
        return self._ended(_OUTCOMES.get(self.status), self.finished_at)

    def _ended(self, outcome: str | None, ended_at: int | None) -> Attempt:
        error = self.error if outcome in ("failed", "retry") else None
        started = _moment(self.started_at)
        return Attempt(self.attempts, self.worker, started, _moment(ended_at), outcome, error)


def snapshot(job: Job, call: str) -> Record:
    """The record of a job that is to be inserted; `call` is what the codec made of its arguments."""
    run_at, rank = None, 0
    if job.run_at is not None:
        run_at, rank = _utc(job.run_at), as_microseconds(job.run_at)
    return Record(
        job.id, job.func_name, call, job.queue, job.priority, job.attempts, job.failures, job.lost,
        _utc(job.created_at), run_at, job.unique_key, job.timeout, job.headers.copy() or None,
        job.token, job.unique_while, job.unique_for, job.keep, rank,
    )  # fmt: skip


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


@lru_cache(maxsize=2)
def _moment(microseconds: int | None) -> datetime | None:
    """The jobs of one claim share a moment, which is converted once."""
    return None if microseconds is None else as_datetime(microseconds)
