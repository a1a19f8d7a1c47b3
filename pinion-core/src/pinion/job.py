"""Job, Status, and the transitions a job may take. Pure: no storage, no thread, no file.

              enqueue                claim                 Done
    (nothing) -------> PENDING ------------------> RUNNING ------> SUCCESS
                        ^  |  <------------------    |  |
                        |  |   Retry, Snoozed,       |  +--------> FAILED     (Failed)
                        |  |   Released              +-----------> CANCELLED  (Cancelled)
                        |  +------------------> CANCELLED                      (cancel)
                        +-- FAILED, CANCELLED, SUCCESS                         (requeue)

A delayed or retried job is PENDING with a later `run_at`. A job whose lease ran out stays RUNNING until
somebody claims it again: RUNNING to RUNNING, with one more in `lost`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from pinion.clock import utc_now
from pinion.errors import InvalidJob
from pinion.identity import new_id
from pinion.secrecy import redacted

__all__ = ["DEFAULT_QUEUE", "FINISHED", "TRANSITIONS", "Job", "JobError", "Status", "check"]

DEFAULT_QUEUE = "default"
MAX_NAME = 255
PRIORITIES = range(-(2**31), 2**31)
UNIQUE_WHILE = ("unfinished", "pending")


class Status(StrEnum):
    """Where a job is in its life."""

    PENDING = "PENDING"
    """Waiting for a worker, or for its `run_at`."""
    RUNNING = "RUNNING"
    """Claimed by a worker whose lease is renewed while the task runs."""
    SUCCESS = "SUCCESS"
    """The task returned. Final."""
    FAILED = "FAILED"
    """The task raised and no retry is left, or the job kept killing its workers. Final until requeued."""
    CANCELLED = "CANCELLED"
    """Somebody decided that it shall not run. Final until requeued."""


FINISHED = frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELLED})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset(Status),
    Status.SUCCESS: frozenset({Status.PENDING}),
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset({Status.PENDING}),
}


@dataclass(frozen=True, slots=True)
class JobError:
    """Why an attempt failed, as text: it outlives the process that saw the exception.

    type: the exception's class name, with its module unless that is builtins.
    message: `str()` of the exception.
    traceback: the formatted traceback of the task's own frames, or "".
    cause: the exception itself, in the process that caught it; never stored.
    """

    type: str
    message: str = ""
    traceback: str = ""
    cause: BaseException | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(slots=True, repr=False)
class Job:
    """One call of a task: what to run, and what became of it. Mutable, and coerces nothing.

    A storage keeps a snapshot: changing a Job changes nothing that is stored.

    func_name: the task's name; upper and lower case are the same.
    args, kwargs: what the task is called with.
    id: unique; made so that ids sort by creation time.
    attempts: how often the job was claimed.
    failures: how many attempts raised; this counts against the retry policy.
    lost: how often its lease ran out and it was claimed again.
    priority: higher runs first within a queue.
    run_at: not before this moment (aware); None means at once.
    worker: the name of the worker that holds or last held it.
    unique_key: no other job may have it, as long as the next two say.
    unique_while: hold the key while "unfinished" (waiting or running), or just while "pending" (until it first runs).
    unique_for: instead, hold it for so many seconds from the enqueueing, whatever becomes of the job.
    keep: seconds that the job is kept after it finished, with its result; None means for ever. A FAILED one stays.
    timeout: seconds that one attempt may take; None means no limit.
    headers: text by text, for trace context and the user's own notes.
    progress: what the running task last reported.
    token: proof of the claim, set by the storage that handed the job out.
    """

    func_name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    status: Status = Status.PENDING
    attempts: int = 0
    created_at: datetime = field(default_factory=utc_now)
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    run_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failures: int = 0
    lost: int = 0
    worker: str | None = None
    error: JobError | None = None
    result: Any = None
    unique_key: str | None = None
    timeout: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    progress: Any = None
    token: str | None = field(default=None, repr=False, compare=False)
    unique_while: str = "unfinished"
    unique_for: float | None = None
    keep: float | None = None

    def __str__(self) -> str:
        return f"{self.func_name}[{self.id}]"

    def __repr__(self) -> str:
        args, kwargs = redacted(self.headers, self.args, self.kwargs)
        shown = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        shown |= {"args": args, "kwargs": kwargs}
        return f"Job({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def check(job: Job) -> None:
    """Refuse a job that can't be stored as it is. Raises InvalidJob, naming the field and its value."""
    for name in (job.func_name, job.id, job.queue):  # without a call for each, since every job comes here
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
            _refuse_name(job)
    if type(job.args) is not tuple or type(job.kwargs) is not dict:
        _refuse(
            job,
            "args and kwargs must be a tuple and a dict",
            f"{type(job.args).__name__} and {type(job.kwargs).__name__}",
        )
    if type(job.priority) is not int or job.priority not in PRIORITIES:
        _refuse(job, "priority must be a whole number of at most 31 bits", job.priority)
    if job.timeout is not None or job.unique_key is not None or job.keep is not None:
        _check_options(job)
    for moment in (job.run_at, job.created_at):
        if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
            name = "run_at" if moment is job.run_at else "created_at"
            _refuse(job, f"{name} must be a datetime with a time zone, such as datetime.now(UTC)", moment)


def _check_options(job: Job) -> None:
    for name, value in (("timeout", job.timeout), ("unique_for", job.unique_for)):
        if value is not None and (isinstance(value, bool) or not _is_positive(value)):
            _refuse(job, f"{name} must be a number of seconds above 0, or None", value)
    if job.keep is not None and (isinstance(job.keep, bool) or not (job.keep == 0 or _is_positive(job.keep))):
        _refuse(job, "keep must be a number of seconds of at least 0, or None", job.keep)
    if job.unique_key is not None and not _is_name(job.unique_key):
        _refuse(job, f"unique_key must be printable text of 1 to {MAX_NAME} characters, or None", job.unique_key)
    if job.unique_while not in UNIQUE_WHILE:
        _refuse(job, f"unique_while must be one of {', '.join(UNIQUE_WHILE)}", job.unique_while)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < float("inf")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()


def _refuse_name(job: Job) -> None:
    for name in ("func_name", "id", "queue"):
        if not _is_name(value := getattr(job, name)):
            _refuse(job, f"{name} must be printable text of 1 to {MAX_NAME} characters", value)


def _refuse(job: Job, rule: str, got: object) -> None:
    raise InvalidJob(f"job {job.func_name!r}: {rule}, got {got!r:.200}")
