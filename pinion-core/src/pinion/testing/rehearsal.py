"""Rehearsal: a queue of a test's own, whose jobs run when the test says so, on a clock that it moves by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pinion
from pinion.clock import SECOND, as_datetime, as_microseconds
from pinion.errors import EndlessJobs, InvalidJob, JobNotFound, Retry, Unsupported
from pinion.hooks import Hooks
from pinion.job import Job, JobError, Status
from pinion.outcome import Failed
from pinion.outcome import Retry as TriedAgain
from pinion.plugins import open_storage
from pinion.queue import Queue, set_default_queue
from pinion.registry import Registry, default_registry
from pinion.retry import RetryPolicy
from pinion.schedule import Schedule
from pinion.storage import ClaimStorage, Inspects, Promise, Query, Schedules
from pinion.testing.agenda import Agenda
from pinion.testing.clock import ManualClock
from pinion.testing.expectation import Expectation, Meant, told
from pinion.testing.queue import RehearsalQueue
from pinion.testing.stage import Stage
from pinion.worker.report import Ended, Report
from pinion.worker.ticking import Ticking

__all__ = ["Rehearsal"]

MOST = 10_000
"""More jobs than these, at one moment, are taken for jobs without end."""
EVERYTHING = 2**31


class Rehearsal:
    """Runs the jobs of a test in the test's own thread, one after the other, when it is told to.

        with Rehearsal() as rehearsal:
            sign_up("ada@example.com")
            rehearsal.assert_enqueued(send_mail, address="ada@example.com")
            rehearsal.drain()

    Within `with`, tasks enqueue here. Claims, retries, schedules and results are those of the storage and of a worker;
    only threads and waiting are left out. Time stands still, unless `advance` or the clock moves it.

    queue: the Queue, for code that is given one; waiting for a job there runs it.
    clock: what the storage goes by. storage: it, to be looked into.
    failures: the attempts that failed so far, with their jobs and errors.

    inline: run each job as soon as it is enqueued, if it is due.
    raises: let exceptions of tasks go on to the test, unless `drain` or `advance` is told otherwise.
    start: what time it is at first (aware); now if left out.
    retry: for tasks that have no policy of their own; the worker's default if left out.
    registry: the tasks and schedules; those of `@task` if left out.
    url: the storage; in memory if left out. Code that enqueues in its own transaction needs a file.
    """

    def __init__(
        self,
        *,
        inline: bool = False,
        raises: bool = True,
        start: datetime | None = None,
        retry: RetryPolicy | None = None,
        registry: Registry | None = None,
        url: str = "memory://",
    ) -> None:
        self.clock = _Clock(None if start is None else as_microseconds(start), self._moved)
        self.storage = _opened(url, self.clock)
        self.failures: list[tuple[Job, JobError]] = []
        self._inline, self._raises = inline, raises
        self._before: Queue | None = None  # the default queue outside
        self._registry = default_registry if registry is None else registry
        hooks = Hooks()
        hooks.job_enqueued = self._enqueued
        self.queue: Queue = RehearsalQueue(self.storage, self._go_on, registry=self._registry, hooks=hooks)
        self._report = Report("rehearsal", hooks)
        self._stage = Stage(self.storage, self._registry, retry or RetryPolicy(), self.clock, self._report)
        self._agenda = Agenda(self.storage, self._registry)
        self._declared: list[Schedule] = []  # those that `_ticking` knows
        self._tick()

    @property
    def now(self) -> datetime:
        """What time it is."""
        return as_datetime(self.clock.now())

    # --- running ----------------------------------------------------------------------------------

    def drain(self, *, raises: bool | None = None) -> list[Job]:
        """Run all jobs that are due, also those that they enqueue, and return them as they are then, in that order.

        raises: let the first exception of a task go on, with the task's own traceback, though the job may be tried
            again when that is due; a task that raised Retry, Snooze or Cancel has said what it wants, and is none of
            these. The job is settled by then, and what is still due runs with the next call.
        """
        __tracebackhide__ = True
        return self._run(_any_failure if self._shall_raise(raises) else _nothing)

    def advance(self, by: float | timedelta, *, raises: bool | None = None) -> list[Job]:
        """Let so much time pass, in seconds or as a timedelta: whatever comes due meanwhile runs at its own moment.

        That is jobs with a delay, retries, and the jobs of schedules. Returns the jobs that ran, once per attempt.
        raises: let the exception of the first job that ends FAILED go on; the clock then stands at that moment.
        """
        __tracebackhide__ = True
        return self.advance_to(self.now + _as_timedelta(by), raises=raises)

    def advance_to(self, moment: datetime, *, raises: bool | None = None) -> list[Job]:
        """As `advance`, until that moment (aware)."""
        __tracebackhide__ = True
        end = as_microseconds(moment)
        if end < self.clock.now():
            raise InvalidJob(
                f"time passes forwards: it is {self.now.isoformat()}, so not {moment.isoformat()} any more"
            )
        wanted = _final_failure if self._shall_raise(raises) else _nothing
        ran = self._run(wanted)
        while (due := self._agenda.next(self.clock.now())) is not None and due <= end:
            self.clock.set(due)
            ran += self._run(wanted)
        self.clock.set(max(end, self.clock.now()))
        return ran + self._run(wanted)

    def _shall_raise(self, raises: bool | None) -> bool:
        return self._raises if raises is None else raises

    def _run(self, wanted: Callable[[Ended], bool]) -> list[Job]:
        __tracebackhide__ = True
        self._tick()
        ran: list[Job] = []
        while (ended := self._play()) is not None:
            ran.append(self._seen(ended.job))
            self._look_at(ended, wanted)
            if len(ran) > MOST:
                raise EndlessJobs(f"{MOST:,} jobs ran at one moment, the last of them {ended.job}: do they end?")
        return ran

    def _play(self) -> Ended | None:
        ended = self._stage.play()
        if ended is not None:
            self._agenda.strike(ended.job)
            job = self._seen(ended.job)
            if job.status is Status.PENDING:
                self._agenda.note(job)
        return ended

    def _seen(self, job: Job) -> Job:
        try:
            return self._inspects.get(job.id)
        except JobNotFound:  # deleted by its own task, or by what that enqueued
            return job

    @property
    def _inspects(self) -> Inspects:
        assert isinstance(self.storage, Inspects)
        return self.storage

    def _look_at(self, ended: Ended, wanted: Callable[[Ended], bool]) -> None:
        __tracebackhide__ = True
        outcome = ended.outcome
        if not isinstance(outcome, Failed | TriedAgain):
            return
        self.failures.append((ended.job, outcome.error))
        cause = outcome.error.cause
        if cause is not None and (wanted(ended) or not isinstance(cause, Exception)):
            cause.add_note(f"raised by task {ended.job.func_name!r} in attempt {ended.job.attempts} of {ended.job}")
            raise _from_the_task(cause)

    def _tick(self) -> None:
        """Make the jobs of schedules that are due, as a worker does."""
        declared = list(self._registry.schedules.values())
        if not isinstance(self.storage, Schedules) or Promise.SCHEDULES not in self.storage.promises:
            return
        if declared != self._declared:
            self._declared, self._ticking = declared, Ticking(self.storage, declared, self._report)
        elif not any(moment <= self.clock.now() for moment in self._agenda.ticks()):
            return
        while self._ticking.act() <= 0:
            pass

    # --- what happens meanwhile -------------------------------------------------------------------

    def _enqueued(self, *, job: Job) -> None:
        __tracebackhide__ = True
        self._agenda.note(job)
        if self._inline:
            self.drain()

    def _go_on(self, moment: datetime) -> None:
        self.advance_to(moment, raises=False)

    def _moved(self) -> None:
        self._stage.clock_moved()

    # --- what was enqueued ------------------------------------------------------------------------

    def enqueued(self, task: Meant | None = None, /, *args: Any, **kwargs: Any) -> list[Job]:
        """The jobs that were enqueued, in that order, as they are now, whatever became of them.

        task: those of this task alone; with arguments, those that were called with them. Arguments that you leave out
        may be anything, and so may one that you give as `...`. Of `task.using(...)`, those with these options; a delay
        counts from now.
        Raises InvalidArguments for arguments that no call of the task could have.
        """
        jobs = self._inspects.find(Query(limit=EVERYTHING))
        if task is None:
            return jobs
        expected = self._expected(task, args, kwargs)
        return [job for job in jobs if expected.meets(job)]

    def assert_enqueued(self, task: Meant, /, *args: Any, **kwargs: Any) -> Job:
        """Fail unless such a job was enqueued, see `enqueued`; the message tells what was. Returns the last one."""
        __tracebackhide__ = True
        if jobs := self.enqueued(task, *args, **kwargs):
            return jobs[-1]
        raise AssertionError(f"no {self._expected(task, args, kwargs)} was enqueued; {told(self.enqueued())}")

    def assert_not_enqueued(self, task: Meant, /, *args: Any, **kwargs: Any) -> None:
        """Fail if such a job was enqueued, see `enqueued`."""
        __tracebackhide__ = True
        if jobs := self.enqueued(task, *args, **kwargs):
            raise AssertionError(f"{self._expected(task, args, kwargs)} was enqueued after all; {told(jobs)}")

    def _expected(self, task: Meant, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Expectation:
        return Expectation(task, args, kwargs, self._registry, self.storage.codec, self.now)  # type: ignore[attr-defined]

    # --- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the storage. In memory, its jobs are gone."""
        self.storage.close()

    def __enter__(self) -> Self:
        self._before = set_default_queue(self.queue)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, tb: TracebackType | None
    ) -> None:
        set_default_queue(self._before)
        self.close()

    def __repr__(self) -> str:
        return f"<Rehearsal at {self.now.isoformat()}>"


class _Clock(ManualClock):
    """Tells the rehearsal that it was moved."""

    def __init__(self, start: int | None, moved: Callable[[], None]) -> None:
        super().__init__(start)
        self._moved = moved

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._moved()

    def set(self, microseconds: int) -> None:
        super().set(microseconds)
        self._moved()


def _opened(url: str, clock: ManualClock) -> ClaimStorage:
    storage = open_storage(url, clock=clock)
    if not isinstance(storage, ClaimStorage) or not isinstance(storage, Inspects):
        raise Unsupported(f"a Rehearsal needs a storage that promises INSPECTS, such as memory://, not {url!r}")
    return storage


def _as_timedelta(by: float | timedelta) -> timedelta:
    if isinstance(by, timedelta):
        return by
    if isinstance(by, bool) or not isinstance(by, int | float) or not 0 <= by < 1e11:
        raise InvalidJob(f"advance needs seconds, or a timedelta, of at least 0, got {by!r:.100}")
    return timedelta(microseconds=round(by * SECOND))


# --- which failures go on to the test -----------------------------------------------------------------


def _nothing(ended: Ended) -> bool:
    return False


def _final_failure(ended: Ended) -> bool:
    return isinstance(ended.outcome, Failed)


def _any_failure(ended: Ended) -> bool:
    if isinstance(ended.outcome, TriedAgain):
        return not isinstance(ended.outcome.error.cause, Retry)
    return isinstance(ended.outcome, Failed)


_OURS = str(Path(pinion.__file__).parent)


def _from_the_task(cause: BaseException) -> BaseException:
    """The exception with a traceback that begins at the task's own frames, if it got there."""
    frames = cause.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_OURS):
        frames = frames.tb_next
    return cause if frames is None else cause.with_traceback(frames)
