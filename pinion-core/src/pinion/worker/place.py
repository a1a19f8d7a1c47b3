"""Place: where one thread runs jobs, one after the other, and how another thread interrupts it.

An exception is raised in the thread: for a timeout, or because the job was cancelled. Python delivers it between two
instructions of the task. What waits in a call of the system (`time.sleep`, a socket without a timeout of its own) or
computes in C gets it when that call returns, and not before: such a task needs a timeout of its own.
"""

import ctypes
import threading
from typing import Any, Protocol

from pinion.clock import monotonic
from pinion.context import Entry
from pinion.errors import TaskCancelled, TaskTimeout
from pinion.job import Job
from pinion.outcome import Outcome, Released
from pinion.registry import Definition
from pinion.retry import RetryPolicy

__all__ = ["Ending", "Interruption", "Place"]

Interruption = type[TaskTimeout] | type[TaskCancelled]
Ending = Interruption | type[Released]
"""Why an attempt is ended from outside."""


class Child(Protocol):
    """A process in which the thread runs some of its jobs; see `ChildProcess`."""

    def run(self, job: Job, task: Definition[..., Any], policy: RetryPolicy) -> Outcome: ...
    def end(self, ending: Ending) -> None: ...
    def close(self) -> None: ...


class Place:
    """The thread that makes it calls `leave` after each job; other threads call `interrupt`.

    entry: the attempt under way. Set by the thread, also to None; looking at it needs no lock.
    child: the process in which the thread runs its process tasks, once there is one; `in_child` while one of them runs.
    struck: the attempt for which an exception was raised. It may arrive at any instruction until `leave` is over, so
        all of that stands in one `try`.
    """

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.struck: Entry | None = None
        self.child: Child | None = None
        self.in_child = False
        self.struck_at = float("inf")
        self.thread = 0
        self._lock = threading.Lock()

    def interrupt(self, entry: Entry, kind: Ending) -> bool:
        """Raise in the thread if it still runs this attempt, or kill its child. Once per attempt; whether this was it.

        Nothing can be raised in a thread so that the job is handed back.
        """
        if self.struck is entry:
            return False
        with self._lock:
            # Said before looking: the thread leaves before it looks whether it was struck, so one of us sees the other.
            self.struck = entry
            if self.entry is not entry:
                self.struck = None
                return False
            if self.in_child and self.child is not None:
                self.child.end(kind)
            else:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), ctypes.py_object(kind))
            self.struck_at = monotonic()
        return True

    def is_stubborn(self, seconds: float) -> bool:
        """Whether the attempt still runs, so long after an exception was raised for it. True once."""
        if self.entry is None or self.struck is not self.entry or monotonic() < self.struck_at + seconds:
            return False
        self.struck_at = float("inf")
        return True

    def leave(self) -> None:
        """The attempt is over. An exception that was raised for it and hasn't arrived never will.

        It isn't waited for, since nobody can know whether it arrived: a task may have caught it.
        """
        self.entry = None
        if self.struck is not None:
            with self._lock:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), None)
                self.struck = None
