"""Record: a job as it is stored, and the rules of its life. Pure: a rule says what changes, and changes nothing."""

from dataclasses import dataclass
from typing import Any

from pinion.codec import Codec
from pinion.job import Job, JobError, Status
from pinion.storage import (
    SECOND,
    Cancelled,
    Claim,
    ClaimRequest,
    Done,
    Failed,
    Outcome,
    Query,
    Released,
    Retry,
    Snoozed,
    as_datetime,
    as_microseconds,
)

__all__ = ["Fields", "Record", "claimed", "inserted", "settled"]

type Fields = dict[str, Any]
"""Some fields of a record and their new values."""


@dataclass(slots=True)
class Record:
    """A job as JSON can carry it. Times are microseconds since 1970, UTC.

    call, headers, result: as the codec encoded them.
    rank: its `run_at`, or the moment of its insertion. With `seq`, the order of insertion, this is its place.
    token: of the last claim. settled_as: how that claim ended; None while it is open.
    lease_ends: when a RUNNING job may be claimed again.
    """

    id: str
    seq: int
    func_name: str
    queue: str
    call: str
    headers: str
    created_at: int
    run_at: int | None
    rank: int
    timeout: float | None
    attempts: int
    failures: int
    lost: int
    status: str = Status.PENDING
    token: str | None = None
    settled_as: str | None = None
    lease_ends: int = 0
    worker: str | None = None
    started_at: int | None = None
    finished_at: int | None = None
    error: list[str] | None = None
    result: str | None = None

    def is_held(self, claim: Claim) -> bool:
        """Whether the claim is open. That its lease ran out matters only once somebody has claimed the job again."""
        return self.status == Status.RUNNING and self.token == claim.token

    def was_settled(self, claim: Claim, outcome: Outcome, result: str | None) -> bool:
        """Whether the claim ended in just this way: then the reply was lost, and is given again."""
        return (self.token, self.settled_as, self.result) == (claim.token, type(outcome).__name__, result)

    def comes_back(self, job: Job) -> bool:
        """Whether inserting the job again makes it PENDING: its holder brings it, or it FAILED at that attempt."""
        if self.status == Status.RUNNING:
            return self.token == job.token
        return self.status == Status.FAILED and self.attempts == job.attempts

    def is_suspect(self) -> bool:
        """Whether the job, claimed now, has lost a lease: it may have killed its worker, and is claimed alone."""
        return self.lost > 0 or self.status == Status.RUNNING

    def matches(self, query: Query) -> bool:
        return (
            query.status in (None, self.status)
            and query.queue in (None, self.queue)
            and (query.task is None or query.task.lower() == self.func_name.lower())
            and (query.after is None or self.id > query.after)
        )

    def job(self, codec: Codec, *, token: str | None = None) -> Job:
        """The job as callers see it. Raises UndecodableJob."""
        args, kwargs = codec.decode_call(self.call)
        job = self.bare_job()
        job.args, job.kwargs, job.headers, job.token = args, kwargs, codec.decode(self.headers), token
        job.result = None if self.result is None else codec.decode(self.result)
        return job

    def bare_job(self) -> Job:
        """The job without what has to be decoded."""
        job = Job(self.func_name, id=self.id, status=Status(self.status), created_at=as_datetime(self.created_at))
        job.queue, job.timeout, job.worker = self.queue, self.timeout, self.worker
        job.attempts, job.failures, job.lost = self.attempts, self.failures, self.lost
        job.run_at, job.started_at, job.finished_at = map(_moment, (self.run_at, self.started_at, self.finished_at))
        if self.error is not None:
            kind, message, traceback = self.error
            job.error = JobError(kind, message, traceback)
        return job


def _moment(microseconds: int | None) -> Any:
    return None if microseconds is None else as_datetime(microseconds)


def inserted(job: Job, codec: Codec) -> Fields:
    """The job is stored, or stored again."""
    return {
        "func_name": job.func_name,
        "queue": job.queue,
        "call": codec.encode_call(job.args, job.kwargs),
        "headers": codec.encode(job.headers),
        "created_at": as_microseconds(job.created_at),
        "run_at": None if job.run_at is None else as_microseconds(job.run_at),
        "timeout": job.timeout,
        "attempts": job.attempts,
        "failures": job.failures,
        "lost": job.lost,
        "status": Status.PENDING,
        "token": None,
        "finished_at": None,
    }


def claimed(record: Record, request: ClaimRequest, token: str, now: int) -> Fields:
    """A worker gets the job. If it is still RUNNING, another worker lost it."""
    return {
        "status": Status.RUNNING,
        "attempts": record.attempts + 1,
        "lost": record.lost + (record.status == Status.RUNNING),
        "token": token,
        "settled_as": None,
        "worker": request.worker,
        "started_at": now,
        "lease_ends": now + int(request.lease * SECOND),
    }


def settled(record: Record, outcome: Outcome, result: str | None, now: int) -> Fields:
    """The claim ends. Its token stays, so that a repetition is known for what it is."""
    fields: Fields = {"settled_as": type(outcome).__name__}
    match outcome:
        case Done():
            return fields | {"status": Status.SUCCESS, "finished_at": now, "result": result, "error": None}
        case Failed(error):
            return fields | {"status": Status.FAILED, "finished_at": now} | _failure(record, error)
        case Retry(delay, error):
            return fields | _postponed(delay, now) | _failure(record, error)
        case Snoozed(delay):
            return fields | _postponed(delay, now)
        case Released():
            return fields | {"status": Status.PENDING}
        case Cancelled():
            return fields | {"status": Status.CANCELLED, "finished_at": now}


def _failure(record: Record, error: JobError) -> Fields:
    return {"failures": record.failures + 1, "error": [error.type, error.message, error.traceback]}


def _postponed(delay: float, now: int) -> Fields:
    due = now + int(delay * SECOND)
    return {"status": Status.PENDING, "run_at": due, "rank": due}
