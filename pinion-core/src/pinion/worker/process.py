"""The child process of one thread, seen from the worker: it runs the thread's process tasks, one after the other.

It is started by the first of them, and by the next after it has died. Whatever a task does in it, this process is not
affected; what has to end is killed, with all that it has started, and then it is gone.
"""

import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from pinion.errors import InvalidJob, ProcessDied, TaskCancelled, TaskTimeout
from pinion.execution import failed, overdue
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import LOST_LIMIT, Cancelled, Outcome, Released
from pinion.reference import Reference
from pinion.registry import Definition
from pinion.retry import RetryPolicy
from pinion.storage import KEEP
from pinion.worker.place import Ending
from pinion.worker.report import Ended, Report
from pinion.worker.wire import Answer, Note, Record, Request

__all__ = ["ChildProcess"]

BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from pinion.worker.child import main; main(*map(int, sys.argv[1:]))"
)
LOOK = 1.0
"""Seconds between two looks at the child where the system can't tell of its death."""
FAREWELL = 1.0
"""Seconds that a child with nothing to do has for its end."""


class ChildProcess:
    """Runs process tasks for one thread. `end` may be called by another."""

    def __init__(self, report: Report, notes: Notes) -> None:
        self._report, self._notes = report, notes
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._death: int | None = None  # a descriptor that can be read when the process has died
        self._ending: Ending | None = None
        self._lock = threading.Lock()  # guards these, against `end`

    def run(self, job: Job, task: Definition[..., Any], policy: RetryPolicy) -> Outcome:
        """Run the job's task to its end, whatever that is."""
        if job.lost > LOST_LIMIT:
            return overdue(job)
        try:
            request = pickle.dumps(Request.to_run(job, Reference.to(task.function), task.retry or policy))
            connection = self._started()
            connection.send_bytes(request)
        except Exception as raised:  # the system has no process to give, or the policy can't be sent
            self._bury()
            return failed(job, raised, task.retry or policy)
        answer = self._listen(connection, job)
        if answer is None:
            return self._died(job, task.retry or policy)
        outcome, dropped = answer.unpacked()
        if dropped is not None:
            self._report.result_dropped(Ended(job, outcome, 0.0), InvalidJob(dropped))
        return outcome

    def _started(self) -> "Connection[Any, Any]":
        if self._process is None or self._ending is not None or self._process.poll() is not None:
            self._bury()
            self._start()
        assert self._connection is not None
        return self._connection

    def _start(self) -> None:
        ours, theirs = Pipe()
        level = logging.getLogger().level
        with theirs:
            words = (str(theirs.fileno()), str(os.getpid()), str(level), json.dumps(sys.path))
            process = subprocess.Popen(
                [sys.executable, "-c", BOOT, *words],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to the worker alone
            )
        with self._lock:
            self._process, self._connection, self._ending = process, ours, None
            self._death = _pidfd(process.pid)

    def _listen(self, connection: "Connection[Any, Any]", job: Job) -> Answer | None:
        """What the child says until it answers; None if it dies before."""
        while self._hears(connection):
            try:
                message = pickle.loads(connection.recv_bytes())
            except (EOFError, OSError):
                return None
            match message:
                case Answer():
                    return message
                case Note(progress, has_progress, lines):
                    self._notes.add(job, progress if has_progress else KEEP, lines)
                case Record(fields):
                    _pass_on(fields)
        return None

    def _hears(self, connection: "Connection[Any, Any]") -> bool:
        """Wait until there is something to read; False if there never will be."""
        assert self._process is not None
        while not connection.poll(0):
            watched: list[Any] = [connection] if self._death is None else [connection, self._death]
            ready = wait(watched, LOOK if self._death is None else None)
            if connection not in ready and self._process.poll() is not None:
                return connection.poll(0)
        return True

    def _died(self, job: Job, policy: RetryPolicy) -> Outcome:
        status, ending = self._bury(), self._ending
        if ending is TaskCancelled:
            return Cancelled()
        if ending is Released:
            return Released()
        raised = TaskTimeout() if ending is TaskTimeout else ProcessDied(_epitaph(status))
        return failed(job, raised, policy)

    def _bury(self) -> int:
        """Kill what is left of it, and let go of all that belongs to it; its exit status."""
        with self._lock:
            if self._process is None:
                return 0
            self._kill(self._process)
            status = self._process.wait()
            if self._connection is not None:
                self._connection.close()
            if self._death is not None:
                os.close(self._death)
            self._process = self._connection = self._death = None
            return status

    def end(self, ending: Ending) -> None:
        """Kill the child with all that its task has started; `run` then answers accordingly."""
        with self._lock:
            self._ending = ending
            if self._process is not None:
                self._kill(self._process)

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the number is nobody else's
        if process.returncode is None:
            process.kill()

    def close(self) -> None:
        """Let a child that has nothing to do end by itself, and see that it does."""
        if self._process is not None and self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.send_bytes(b"")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(FAREWELL)
        self._bury()


def _pidfd(process: int) -> int | None:
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _pass_on(fields: dict[str, Any]) -> None:
    record = logging.makeLogRecord(fields)
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def _epitaph(status: int) -> str:
    """How a process died, in words."""
    if status >= 0:
        return f"the task's process exited with status {status}, as by os._exit: no result came back"
    cause = signal.Signals(-status).name
    hint = ", as the system does when memory runs out" if -status == signal.SIGKILL else ""
    return f"the task's process was killed by {cause}{hint}"
