"""The child process in which a thread of a worker runs its process tasks, one after the other; this is its end.

It holds no storage, and inherits nothing but its end of a pipe. It ends with its worker, however that dies: when the
pipe is closed, and on Linux also by a signal, for a task that lets no other thread run. Ctrl-C and SIGTERM are for the
worker to hear: the child ignores them, and is killed when the worker says so.
"""

import ctypes
import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from pinion.clock import monotonic
from pinion.context import enter
from pinion.errors import InvalidJob, Unsupported
from pinion.execution import attempt, failed
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import Outcome
from pinion.registry import Definition
from pinion.retry import RetryPolicy
from pinion.storage import KEEP, Claim, Line, Promise
from pinion.worker.wire import Answer, Note, Record, Request

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent: int, level: int) -> None:
    """Run what is asked for until the pipe says that it is over.

    descriptor: this end of the pipe. parent: the worker's process. level: of the log.
    """
    _die_with(parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # a handler, and not SIG_IGN, which programs that a task starts would inherit
    worker = _Worker(Connection(descriptor))
    logging.basicConfig(level=level, handlers=[_Handler(worker)], force=True)
    requests: SimpleQueue[bytes | None] = SimpleQueue()
    threading.Thread(target=worker.listen, args=(requests,), name="pinion-listen", daemon=True).start()
    while (request := requests.get()) is not None:
        worker.send(_answer(request, worker))


def _answer(request: bytes, worker: "_Worker") -> Answer:
    asked: Request = pickle.loads(request)
    notes = _ChildsNotes(worker)
    enter((asked.job, monotonic(), notes))
    answer = Answer.of(_run(asked))
    notes.flush([asked.job])
    notes.close()
    return answer


def _run(asked: Request) -> Outcome:
    try:
        found, policy = asked.find()
    except BaseException as raised:  # importing a module runs anybody's code
        return failed(asked.job, raised, RetryPolicy(0))
    task = found if isinstance(found, Definition) else Definition(found, asked.job.func_name)
    return attempt(asked.job, task, policy)


class _Worker:
    """The worker, as its child sees it: something that takes messages, and keeps notes."""

    promises = frozenset({Promise.STEPS})

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def listen(self, requests: "SimpleQueue[bytes | None]") -> None:
        """Pass on what the worker asks for. When it is gone, so is this process, whatever its task does."""
        try:
            while (request := self._connection.recv_bytes()) != b"":
                requests.put(request)
            requests.put(None)
        except (EOFError, OSError):
            os.killpg(os.getpgrp(), signal.SIGKILL)  # the group is this process's own, and has what the task started

    def send(self, message: Answer | Note | Record) -> None:
        content = pickle.dumps(message)
        with self._sending:
            self._connection.send_bytes(content)

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        has_progress = progress is not KEEP
        try:
            self.send(Note(progress if has_progress else None, has_progress, tuple(lines)))
        except (pickle.PicklingError, TypeError, AttributeError) as refused:
            raise InvalidJob(f"it can't be sent to the worker: {refused}") from None
        return True


class _ChildsNotes(Notes):
    """Sends the worker what a task says, four times a second at most."""

    def complete(self, job: Job, connection: Any, result: Any) -> None:
        raise Unsupported("a process task can't complete its job in a transaction: that takes its worker's storage")


class _Handler(logging.Handler):
    """Sends the worker what is logged; it knows what becomes of it."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__()
        self._worker = worker
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = dict(record.__dict__, msg=record.getMessage(), args=None, exc_info=None)
            if record.exc_info:
                fields["exc_text"] = self._formatter.formatException(record.exc_info)
            self._worker.send(Record(fields))
        except Exception:  # as in the handlers of logging: a record that can't be sent fails no task
            self.handleError(record)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)


def _ignore(number: int, frame: object) -> None: ...
