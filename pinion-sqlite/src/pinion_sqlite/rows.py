"""Jobs to rows and back."""

import json
from datetime import datetime
from typing import Any

from pinion.codec import Codec
from pinion.errors import UndecodableJob
from pinion.job import Job, JobError, Status
from pinion.storage import SECOND, as_datetime, as_microseconds

__all__ = [
    "INSERTED",
    "PLAIN",
    "STATUSES",
    "after",
    "claimed_job",
    "error_text",
    "is_plain",
    "moment",
    "plain_row",
    "row_of",
    "stored_error",
    "whole_job",
]

FAR = 253_402_300_799 * SECOND
"""The last second of the year 9999, in microseconds: no delay reaches beyond what a datetime can tell."""

STATUSES = (Status.PENDING, Status.RUNNING, Status.SUCCESS, Status.FAILED, Status.CANCELLED)
"""A status is stored as its place here."""


INSERTED = [
    "id",
    "func_name",
    "queue",
    "call",
    "rank",
    "created_at",
    "priority",
    "ready",
    "due",
    "attempts",
    "failures",
    "lost",
    "run_at",
    "unique_key",
    "timeout",
    "headers",
    "keep",
    "unique_while",
    "unique_for",
    "key_until",
]
"""The parameters of the statement `insert`, in order; those of `insert_plain` are the first of them."""

PLAIN = (0, 1, None, 0, 0, 0, None, None, None, None, None, None, None, None)
"""The others, as `insert_plain` has them."""


def is_plain(job: Job) -> bool:
    """Whether `insert_plain` stores all that there is to store of it."""
    return (
        job.run_at is None
        and job.unique_key is None
        and job.keep is None
        and job.timeout is None
        and not (job.priority or job.attempts or job.failures or job.lost or job.headers)
    )


def plain_row(job: Job, codec: Codec, now: int) -> tuple[Any, ...]:
    """The parameters of `insert_plain`. Raises Unserializable or PayloadTooLarge."""
    call = codec.encode_call(job.args, job.kwargs)
    return job.id, job.func_name, job.queue, call, now, as_microseconds(job.created_at)


def row_of(job: Job, codec: Codec, now: int) -> tuple[Any, ...]:
    """The parameters of `insert`. Raises Unserializable or PayloadTooLarge."""
    run_at = None if job.run_at is None else as_microseconds(job.run_at)
    delayed = run_at is not None and run_at > now
    return (
        job.id,
        job.func_name,
        job.queue,
        codec.encode_call(job.args, job.kwargs),
        now if run_at is None else run_at,
        as_microseconds(job.created_at),
        job.priority,
        0 if delayed else 2 if job.lost else 1,
        run_at if delayed else None,
        job.attempts,
        job.failures,
        job.lost,
        run_at,
        job.unique_key,
        job.timeout,
        codec.encode(job.headers) if job.headers else None,
        *_options_of(job, now),
    )


def _options_of(job: Job, now: int) -> tuple[Any, ...]:
    """For how long the job, and its key, are kept."""
    if job.unique_key is None:
        return job.keep, None, None, None
    if job.unique_for is not None:
        return job.keep, None, job.unique_for, after(now, job.unique_for)
    return job.keep, None if job.unique_while == "unfinished" else job.unique_while, None, None


def after(now: int, seconds: float) -> int:
    """The moment so many seconds later."""
    return min(now + int(min(seconds * SECOND, FAR)), FAR)


def claimed_job(row: tuple[Any, ...], queue: str, worker: str, token: str, now: datetime, codec: Codec) -> Job:
    """The job of a row that the statement `claim` returned. Raises UndecodableJob."""
    (descending, _, _, job_id, func_name, call, attempts, failures, lost, created_at, run_at, unique_key, timeout,
     headers, progress, unique_while, unique_for, keep) = row  # fmt: skip
    args, kwargs = codec.decode_call(call)
    return Job(
        func_name,
        args,
        kwargs,
        job_id,
        Status.RUNNING,
        attempts,
        as_datetime(created_at),
        queue,
        -descending,
        None if run_at is None else as_datetime(run_at),
        now,
        None,
        failures,
        lost,
        worker,
        None,
        None,
        unique_key,
        timeout,
        codec.decode(headers) if headers else {},
        codec.decode(progress) if progress is not None else None,
        token,
        unique_while or "unfinished",
        unique_for,
        keep,
    )


def whole_job(row: tuple[Any, ...], codec: Codec) -> Job:
    """The job of a row of all COLUMNS. One that can't be decoded comes without arguments, and with the error."""
    (job_id, func_name, queue, call, priority, status, attempts, failures, lost, created_at, run_at, started_at,
    finished_at,
     worker, error, result, unique_key, timeout, headers, progress, unique_while, unique_for, keep) = row  # fmt: skip
    job = Job(func_name, id=job_id, status=STATUSES[status], attempts=attempts, created_at=as_datetime(created_at))
    job.queue, job.priority, job.failures, job.lost = queue, priority, failures, lost
    job.run_at, job.started_at, job.finished_at = moment(run_at), moment(started_at), moment(finished_at)
    job.worker, job.unique_key, job.timeout, job.keep = worker, unique_key, timeout, keep
    job.unique_while, job.unique_for = unique_while or "unfinished", unique_for
    job.error = stored_error(error)
    try:
        job.args, job.kwargs = codec.decode_call(call)
        job.result = codec.decode(result) if result is not None else None
        job.headers = codec.decode(headers) if headers else {}
        job.progress = codec.decode(progress) if progress is not None else None
    except UndecodableJob as undecodable:
        job.error = job.error or JobError("pinion.errors.UndecodableJob", str(undecodable))
    return job


def moment(microseconds: int | None) -> Any:
    """The moment as a datetime, if there is one."""
    return None if microseconds is None else as_datetime(microseconds)


def error_text(error: JobError) -> str:
    """An error as it is stored."""
    return json.dumps([error.type, error.message, error.traceback])


def stored_error(text: str | None) -> JobError | None:
    """The error that `error_text` made a text of."""
    return JobError(*json.loads(text)) if text else None
