"""JobExecution: run one job, and turn what happened into an outcome.

`JobExecution` is for whoever holds a storage's five methods in hand; `attempt` is what the worker's engine
calls for each job, without a storage, because it settles many at once.
"""

import contextvars
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from pinion.clock import monotonic
from pinion.context import enter
from pinion.errors import Cancel, ClaimLost, InvalidJob, Snooze, TaskCancelled, TaskTimeout, WorkerLost
from pinion.job import Job, JobError, Status
from pinion.notes import Notes
from pinion.outcome import LOST_LIMIT, Done, Failed, Outcome, Snoozed, decide
from pinion.registry import Definition, default_registry
from pinion.retry import RetryPolicy
from pinion.storage import Claim, ClaimStorage, Settled, Settlement, Storage, describe_error

__all__ = ["JobExecution", "attempt", "failed", "failure", "overdue"]

_DONE = Done()


class JobExecution:
    """Marks a job by what happens inside `with`: done if the block ends, failed if it raises, which goes on.

        with JobExecution(storage, job) as fn:
            fn(*job.args, **job.kwargs)

    `fn` is the registered task. If there is none, the job is marked failed and UnknownTask is raised. A task that
    raises Snooze or Cancel gets that where the storage is a ClaimStorage; one of five methods knows only failures.
    """

    def __init__(self, storage: Storage, job: Job, registry: Mapping[str, Definition[..., Any]] | None = None) -> None:
        self.storage = storage
        self.job = job
        self.registry = default_registry if registry is None else registry

    def __enter__(self) -> Callable[..., Any]:
        try:
            task = self.registry[self.job.func_name]
        except LookupError as unknown:
            self.storage.mark_failed(self.job, unknown)
            raise
        return lambda *args, **kwargs: self._call(task, args, kwargs)

    def _call(self, task: Definition[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        notes = Notes(self.storage)
        try:
            self.job.result = contextvars.copy_context().run(self._run, task, args, kwargs, notes)
        finally:
            notes.flush([self.job])
            notes.close()
        return self.job.result

    def _run(self, task: Definition[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], notes: Notes) -> Any:
        enter((self.job, monotonic(), notes))
        return task.run(args, kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, tb: TracebackType | None
    ) -> None:
        if raised is None:
            self.storage.mark_done(self.job)
        elif isinstance(raised, Snooze | Cancel | TaskCancelled) and isinstance(self.storage, ClaimStorage):
            self._settle_as_asked(self.storage, raised)
        elif isinstance(raised, Exception):
            self.storage.mark_failed(self.job, raised)
        else:
            self.storage.mark_failed(self.job, WorkerLost(f"interrupted by {kind.__name__ if kind else raised!r}"))

    def _settle_as_asked(self, storage: ClaimStorage, raised: Exception) -> None:
        try:
            outcome = decide(self.job, describe_error(raised), RetryPolicy(0))
        except InvalidJob as refused:
            storage.mark_failed(self.job, refused)
            return
        claim = Claim(self.job.id, self.job.token or "")
        if storage.exchange([Settlement(claim, outcome)]).settled[0] is Settled.LOST:
            raise ClaimLost(f"{self.job} is no longer held under this claim") from raised
        self.job.status = Status.PENDING if isinstance(outcome, Snoozed) else Status.CANCELLED


def attempt(job: Job, task: Definition[..., Any] | LookupError, policy: RetryPolicy) -> Outcome:
    """Run the job's task in this thread; whatever it raises becomes the outcome.

    task: or why there is none.
    policy: for tasks that have none of their own.
    """
    if job.lost > LOST_LIMIT:
        return overdue(job)
    if isinstance(task, LookupError):
        return decide(job, describe_error(task), policy)
    try:
        result = task.run(job.args, job.kwargs, job.timeout)
    except BaseException as raised:  # a task may raise anything, SystemExit too; none of it may end the worker
        return failed(job, raised, task.retry or policy)
    return _DONE if result is None else Done(result)


def overdue(job: Job) -> Failed:
    """The outcome of a job that was lost more often than LOST_LIMIT."""
    lost = WorkerLost(f"{job.lost} workers died or froze while they held this job; it is not run again")
    return Failed(describe_error(lost))


def failed(job: Job, raised: BaseException, policy: RetryPolicy) -> Outcome:
    """The outcome of an attempt that raised."""
    try:
        return decide(job, failure(raised), policy)
    except (TaskTimeout, TaskCancelled):  # it came too late for the task, see Place
        raise
    except BaseException as broken:  # somebody else's policy, or exception: theirs may not end the worker either
        return Failed(failure(broken))


def failure(raised: BaseException) -> JobError:
    """The exception as a JobError whose traceback begins at the task's own frames."""
    import traceback  # costs milliseconds, and is wanted only when a task fails

    frames = raised.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename in _OWN_FILES:
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(raised), raised, frames))
    return describe_error(raised, text)


_OWN_FILES = frozenset(
    __file__.replace("execution.py", name) for name in ("execution.py", "registry.py", "deadline.py", "worker/loop.py")
)
