"""The groups: what a storage may offer beside claims. Each is promised by name, and inherited beside ClaimStorage.

Inspects    INSPECTS, and HISTORY    read jobs, count them, wait until one is finished
Controls    CONTROLS                 cancel, requeue, delete, replace, pause, let go of what is too old
Schedules   SCHEDULES                when recurring jobs are due; one of many workers makes each
Steps       STEPS                    progress and log lines of a running task
Workers     WORKERS                  who is alive
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pinion.claim import Claim, Inserted, KeyHeld
from pinion.clock import monotonic, sleep
from pinion.errors import JobNotFound
from pinion.job import FINISHED, Job, JobError, Status

__all__ = [
    "KEEP",
    "Attempt",
    "Change",
    "Controls",
    "Filter",
    "Inspects",
    "Line",
    "Query",
    "ScheduleEntry",
    "Schedules",
    "Steps",
    "WorkerEntry",
    "Workers",
    "changes",
    "matches",
]

# --- Inspects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs to find; None means any.

    after: the id of the last job of the page before; the next page begins behind it.
    """

    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    limit: int = 100
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of a job, and how it ended.

    number: 1 is the first; the job's `attempts` when it was claimed.
    worker: who claimed it.
    ended_at: None while it runs.
    outcome: "done", "failed" (for good), "retry", "snoozed", "released" (also if its holder inserted it again),
        "cancelled" (also if a Retry, Snoozed or Released meant that), "lost" (the lease ran out and the job was claimed
        again), or None while it runs.
    error: why it failed, for "failed" and "retry".
    """

    number: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None = None
    outcome: str | None = None
    error: JobError | None = None


class Inspects(ABC):
    """Read what is stored. Promise INSPECTS, and inherit this beside ClaimStorage."""

    @abstractmethod
    def get(self, job_id: str) -> Job:
        """A snapshot of the job, without its token, which proves who holds it. Raises JobNotFound."""

    @abstractmethod
    def find(self, query: Query) -> list[Job]:
        """Snapshots of the matching jobs in the order of their ids, which is that of their creation.

        Task names match without regard to case. A job that can't be decoded is listed with `error` set and no
        arguments. Pages neither skip nor repeat a job that exists throughout.
        """

    @abstractmethod
    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        """How many jobs each queue holds in each status; queues that hold none are left out."""

    def attempts(self, job_id: str) -> list[Attempt]:
        """The attempts of a job, the first one first. Raises JobNotFound.

        All of them where HISTORY is promised; else the last one, as far as the job itself tells. A job that is enqueued
        again keeps those that it had. Every attempt stands here once, also one whose settlement was repeated.
        """
        return _last_attempt(self.get(job_id))

    def finished(self, job_ids: Sequence[str]) -> list[str]:
        """Those of the jobs that are finished, or aren't there. Many are asked for at once, and often."""
        return [job_id for job_id in job_ids if self._is_over(job_id)]

    def _is_over(self, job_id: str) -> bool:
        try:
            return self.get(job_id).status in FINISHED
        except JobNotFound:
            return True

    def wait_finished(self, job_id: str, timeout: float) -> None:
        """Block until the job is finished or deleted, or the timeout passed. It may return early, and not late.

        timeout: seconds of real time. Raises JobNotFound if there is no such job at the start.
        """
        deadline, pause = monotonic() + timeout, 0.002
        status = self.get(job_id).status
        while status not in FINISHED and (left := deadline - monotonic()) > 0:
            sleep(min(pause, left))
            pause = min(pause * 1.5, 0.25)
            try:
                status = self.get(job_id).status
            except JobNotFound:  # deleted meanwhile
                return


_OUTCOMES = {Status.SUCCESS: "done", Status.FAILED: "failed", Status.CANCELLED: "cancelled"}


def _last_attempt(job: Job) -> list[Attempt]:
    if not job.attempts or job.started_at is None:
        return []
    outcome = _OUTCOMES.get(job.status)
    error = job.error if job.status is Status.FAILED else None
    return [Attempt(job.attempts, job.worker, job.started_at, job.finished_at, outcome, error)]


# --- Controls -------------------------------------------------------------------------------------


class Change(Enum):
    """What can be done to many jobs at once."""

    CANCEL = "cancel"
    """PENDING jobs are CANCELLED. RUNNING ones are asked to stop: every `extend` of their claim answers CANCEL from now
    on, and they are never handed out again; a Retry, Snoozed or Released of one makes it CANCELLED, and so does its
    lease running out, as soon as a claim comes upon it. Done and Failed count as ever. One that was asked already is
    left alone."""
    REQUEUE = "requeue"
    """FAILED and CANCELLED jobs are PENDING again, due at once, at the end of the queue, with no failures and nothing
    lost; attempts go on counting, and result, error and `finished_at` are cleared. SUCCESS only where the filter names
    it or the job's id. One whose unique key another job holds by now is left alone. The claims that it had are lost,
    and it holds its key as if it were new, except that `unique_for` goes on from its insert."""
    DELETE = "delete"
    """Jobs that are PENDING or finished are gone, with their history, lines and keys. RUNNING only where the filter
    names it or the job's id; its holder's settlement is then lost."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs to change; every condition must hold, and None is no condition.

    ids: these jobs; none at all if it is empty. Unknown ones match nothing.
    status, queue, task: as for `Query`.
    before: finished jobs that finished before this moment, others that were created before it.
    """

    ids: tuple[str, ...] | None = None
    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    before: datetime | None = None


class Controls(ABC):
    """Change what is stored, from outside. Promise CONTROLS, and inherit this beside ClaimStorage and Inspects."""

    @abstractmethod
    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        """Change the matching jobs, in one transaction, in the order of their ids; the ids of those that were changed.

        A job that the change doesn't apply to is left alone and not counted. At most `limit` are changed: call again
        until fewer come back. With `dry_run`, nothing changes, and the answer is the same.
        """

    @abstractmethod
    def replace(self, job: Job, *, connection: Any = None) -> Inserted | KeyHeld:
        """Insert the job; if a job that is PENDING holds its unique key, delete that one, in the same transaction.

        The answer is that of `insert`: a holder that runs, or is finished, stays, and so does everything if the job's
        id is known. connection: as for `insert`.
        """

    @abstractmethod
    def pause(self, queue: str) -> None:
        """Hand out no job of this queue, to anybody, until `resume`; what runs goes on, and jobs are still accepted.

        The jobs keep their places. May be repeated; the queue needn't hold any job yet.
        """

    @abstractmethod
    def resume(self, queue: str) -> None:
        """End the pause; workers that wait learn of it at once. May be repeated."""

    @abstractmethod
    def paused(self) -> frozenset[str]:
        """The queues that are paused."""

    @abstractmethod
    def purge(self, limit: int = 1000) -> int:
        """Delete finished jobs whose `Job.keep` has run out; how many. At most `limit`: call again until fewer go.

        FAILED jobs stay, whatever their `keep`, until somebody requeues or deletes them; others at least as long as
        they hold a key by their `unique_for`.
        """


# --- Schedules ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """What is stored of a schedule. The storage doesn't read the definition.

    name: unique.
    definition: what recurs and when, as text; who wrote it can read it.
    next: when it is due; None if never again.
    last: when it last fired, by the tick's time; None if never.
    """

    name: str
    definition: str
    next: datetime | None
    last: datetime | None = None


class Schedules(ABC):
    """When recurring jobs are due. Promise SCHEDULES, and inherit this beside ClaimStorage."""

    @abstractmethod
    def put_schedule(self, entry: ScheduleEntry) -> ScheduleEntry:
        """Store the schedule unless one of that name and definition is stored, which stays as it is.

        One of another definition is replaced, and keeps its `last`. Answers what is stored now.
        """

    @abstractmethod
    def schedules(self) -> list[ScheduleEntry]:
        """All of them, in the order of their names."""

    @abstractmethod
    def delete_schedule(self, name: str) -> bool:
        """Forget the schedule; whether there was one. Jobs that it made stay."""

    @abstractmethod
    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        """If the schedule is due at `expected`, set it to `next` and insert the jobs, in one transaction.

        False, and nothing changed, if it is due at another moment by now: another worker was first. `last` becomes
        `expected`. A job whose unique key is held is not stored, which doesn't disturb the rest.
        """


# --- Steps ----------------------------------------------------------------------------------------

KEEP: Any = type("_Keep", (), {"__repr__": lambda self: "KEEP"})()
"""Says that the progress is to stay as it is; None is a progress like any other."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a task logged.

    attempt: which attempt of the job.
    """

    at: datetime
    attempt: int
    text: str


class Steps(ABC):
    """What a running task tells of itself. Promise STEPS, and inherit this beside ClaimStorage and Inspects."""

    @abstractmethod
    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        """Keep the progress and add the lines, if the claim is held; else change nothing and answer False.

        As for a settlement, a lease that ran out is no matter until somebody claims the job again.
        Raises Unserializable or PayloadTooLarge for a progress that can't be stored. A new attempt begins with the
        progress of the last.
        """

    @abstractmethod
    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        """The last `limit` lines of all attempts of a job, in their order. Raises JobNotFound."""


# --- Workers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerEntry:
    """A worker that is alive.

    name: unique among the workers.
    queues: those it takes from; None means all.
    slots: how many jobs it runs at once.
    seen_at: when it last said so; set by the storage.
    """

    name: str
    host: str
    pid: int
    started_at: datetime
    queues: tuple[str, ...] | None = None
    slots: int = 1
    running: int = 0
    seen_at: datetime | None = None


class Workers(ABC):
    """Who is alive. Promise WORKERS, and inherit this beside ClaimStorage."""

    @abstractmethod
    def report_worker(self, entry: WorkerEntry, lease: float) -> None:
        """Count the worker as alive for `lease` seconds from now, with what it says of itself."""

    @abstractmethod
    def forget_worker(self, name: str) -> None:
        """The worker has stopped. May be repeated."""

    @abstractmethod
    def workers(self) -> list[WorkerEntry]:
        """Those that are alive, by name."""


def changes(change: Change, status: Status, which: Filter) -> bool:
    """Whether the change applies to a job of that status, as far as the status decides; see `Change`.

    CANCEL doesn't apply to a RUNNING job that was asked already, and REQUEUE not to one whose key is taken.
    """
    named = which.ids is not None or which.status is status
    match change:
        case Change.CANCEL:
            return status in (Status.PENDING, Status.RUNNING)
        case Change.REQUEUE:
            return status in (Status.FAILED, Status.CANCELLED) or (named and status is Status.SUCCESS)
        case Change.DELETE:
            return status is not Status.RUNNING or named


def matches(which: Filter, job: Any, moment: datetime) -> bool:
    """Whether every condition of the filter holds for a job; `moment` is when it finished, or else was created."""
    return (
        (which.ids is None or job.id in which.ids)
        and (which.status is None or job.status is which.status)
        and (which.queue is None or job.queue == which.queue)
        and (which.task is None or job.func_name.lower() == which.task.lower())
        and (which.before is None or moment < which.before)
    )
