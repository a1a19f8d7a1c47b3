"""What a running task may ask, and say, of its own job: `current_job()`.

What it says goes to a desk: the worker's own (see `pinion.notes`), or, in a child process, one that passes it on to
the worker. A `RunningJob` holds nothing itself.
"""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

from pinion.errors import NotRunning, TaskCancelled
from pinion.job import Job
from pinion.schedule import TICK

__all__ = ["Desk", "Entry", "RunningJob", "Seat", "current_job", "enter", "take_seat"]


class Desk(Protocol):
    """Who takes what running tasks say."""

    def report(self, job: Job, progress: Any) -> None: ...
    def log(self, job: Job, text: str) -> None: ...
    def is_cancelled(self, job: Job) -> bool: ...
    def complete(self, job: Job, connection: Any, result: Any) -> None: ...


Entry = tuple[Job, float, Desk]
"""An attempt under way: the job, when it began, and where it may speak. A plain tuple, since one is made per job."""


class Seat(Protocol):
    """Where an attempt is under way: one after the other, in a thread, or just one. None between two."""

    @property
    def entry(self) -> Entry | None: ...


class _OneAttempt:
    def __init__(self, entry: Entry) -> None:
        self.entry = entry


_current: ContextVar[Seat] = ContextVar("pinion_job")

take_seat: Callable[[Seat], object] = _current.set
"""From here on, what is under way in this thread, or this async task, is the attempt that the seat says it is."""


def enter(entry: Entry) -> None:
    """From here on, this is the attempt under way."""
    _current.set(_OneAttempt(entry))


def current_job() -> "RunningJob":
    """The job that the calling task runs for. Raises NotRunning outside of a task that a worker runs.

    It is found in the task's own thread, in whatever its event loop awaits, and wherever its context is copied to, as
    by `asyncio.to_thread`; not in threads that the task starts otherwise, or that outlast it: pass it to them.
    """
    seat = _current.get(None)
    entry = None if seat is None else seat.entry
    if entry is None:
        raise NotRunning(
            "current_job() was called where no worker runs a task; to try a task by hand, see pinion.testing"
        )
    return RunningJob(entry[0], entry[2])


class RunningJob:
    """A job, seen by the task that runs for it. All of it may be called from any thread, as often as you like."""

    __slots__ = ("_desk", "job")

    def __init__(self, job: Job, desk: Desk) -> None:
        self.job = job
        self._desk = desk

    @property
    def attempt(self) -> int:
        """Which attempt this is; 1 is the first. Attempts that were lost or handed back count."""
        return self.job.attempts

    @property
    def tick(self) -> datetime | None:
        """The moment that the job's schedule made it for; None if no schedule did."""
        moment = self.job.headers.get(TICK)
        return None if moment is None else datetime.fromisoformat(moment)

    def report(self, progress: Any) -> None:
        """Say how far the task is: anything that JSON carries, such as 0.5 or {"rows": 500}.

        Kept with the job, seen by everybody within a second, and the last report for good. It goes nowhere on storages
        that don't promise STEPS. What can't be stored is dropped, with a warning in the worker's log.
        """
        self._desk.report(self.job, progress)

    def log(self, text: str) -> None:
        """Keep a line with the job, and send it to the logger "pinion.task", which is all where STEPS isn't promised.

        The first 1,000 lines of an attempt are kept, and how many there were beyond them.
        """
        self._desk.log(self.job, text)

    @property
    def cancelled(self) -> bool:
        """Whether the job has been cancelled, or its lease lost: what the task does from now on is in vain."""
        return self._desk.is_cancelled(self.job)

    def check(self) -> None:
        """Raise TaskCancelled if the job has been cancelled; a good place is between two steps that belong together."""
        if self.cancelled:
            raise TaskCancelled

    def complete(self, *, connection: Any, result: Any = None) -> None:
        """Make the job SUCCESS in your own transaction: it is if and only if that commits.

        connection: as for `enqueue`; where the storage doesn't promise TRANSACTIONS, Unsupported is raised.
        result: the job's result; what the task returns afterwards doesn't change it.
        Raises ClaimLost if the job is another worker's by now: let it through, so that your transaction rolls back.

        A task that raises after the commit has succeeded all the same, and the worker's log says so. After a rollback
        the job goes on as if this had not been called.
        """
        self._desk.complete(self.job, connection, result)

    def __repr__(self) -> str:
        return f"<RunningJob {self.job}, attempt {self.attempt}>"
