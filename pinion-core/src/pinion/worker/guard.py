"""The timeout of an attempt that runs in a thread: an exception is raised in it when the time is over.

Python delivers it between two instructions of the task. What waits in a call of the system (`time.sleep`, a socket
without a timeout of its own) or computes in C gets it when that call returns, and not before: such a task needs a
timeout of its own.
"""

import ctypes
import threading
from types import TracebackType

from pinion.clock import monotonic
from pinion.errors import TaskTimeout

__all__ = ["Guard"]


class Guard:
    """Raises TaskTimeout inside a `with` block of the thread that made it, once `look` finds that its time is over.

    seconds: how long the block may take.
    """

    def __init__(self, seconds: float) -> None:
        self.deadline = monotonic() + seconds
        self._thread = threading.get_ident()
        self._lock = threading.Lock()  # guards the two below
        self._inside = False
        self._raised = False

    def look(self, now: float) -> None:
        """Called by another thread: raise if the time is over. Once."""
        with self._lock:
            if self._inside and not self._raised and now >= self.deadline:
                self._raised = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(TaskTimeout))

    def __enter__(self) -> "Guard":
        with self._lock:
            self._inside = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, tb: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside = False

    def withdraw(self) -> None:
        """After the block: an exception that was raised and hasn't arrived never will.

        It isn't waited for, since nobody can know whether it arrived: a task may have caught it.
        """
        if self._raised:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
