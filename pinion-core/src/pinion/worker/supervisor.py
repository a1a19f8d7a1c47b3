"""Several worker processes: started, restarted when they die, stopped together.

Each is the same command with one process. They are in sessions of their own, so that a Ctrl-C reaches the supervisor
alone, which passes it on; and on Linux they are told to stop if the supervisor dies.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from queue import Empty, SimpleQueue
from types import FrameType

from pinion.clock import monotonic
from pinion.worker.wear import SUPERVISED, WORN

__all__ = ["supervise"]

logger = logging.getLogger("pinion.worker")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
LOOK = 0.1
_PR_SET_PDEATHSIG = 1


class _Child:
    """One place for a worker process, and when it may be filled again."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._pause = 0.0
        self.status: int | None = None
        self.due: float | None = None
        self.start()

    def start(self) -> None:
        self.begun, self.due = monotonic(), None
        die_with_parent = partial(_die_with_parent, os.getpid()) if sys.platform == "linux" else None
        self.process: subprocess.Popen[bytes] | None = subprocess.Popen(
            self._command, start_new_session=True, preexec_fn=die_with_parent, env={**os.environ, SUPERVISED: "1"}
        )

    def look(self, restart: bool) -> None:
        """Notice its end; start another, after a pause that grows, if it died."""
        if self.process is None:
            if self.due is not None and restart and monotonic() >= self.due:
                self.start()
            return
        status = self.process.poll()
        if status is None:
            return
        self.process, self.status = None, status
        if restart and status == WORN:
            fields = {"event": "process.replaced"}
            logger.info("a worker process has done its share; another starts", extra={"pinion": fields})
            self.start()
            return
        if restart and (status < 0 or status not in (0, 2, 3)):
            lived_long = monotonic() - self.begun > 60
            self._pause = FIRST_PAUSE if lived_long or not self._pause else min(self._pause * 2, LONGEST_PAUSE)
            self.due = monotonic() + self._pause
            text = "a worker process died (%s); another starts in %.1f s"
            logger.error(
                text, _cause(status), self._pause, extra={"pinion": {"event": "process.died", "status": status}}
            )

    def is_over(self, restart: bool) -> bool:
        return self.process is None and not (restart and self.due is not None)

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


def supervise(processes: int, words: Sequence[str], name: str | None = None) -> int:
    """Run so many workers until they end or a signal stops them; the worst of their exit statuses.

    words: the command line, in which the number of processes is replaced.
    name: what they are called, each with a number behind it, since no two workers may have one name.
    """
    signals: SimpleQueue[int] = SimpleQueue()

    def heard(number: int, frame: FrameType | None) -> None:
        signals.put(number)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, heard)
    command = [sys.executable, "-m", "pinion", *words, "--processes", "1"]
    children = [_Child([*command, *_named(name, number)]) for number in range(1, processes + 1)]
    stopping = False
    while not all(child.is_over(not stopping) for child in children):
        try:
            number = signals.get(timeout=LOOK)
        except Empty:
            number = 0
        if number:
            stopping = True
            for child in children:
                child.signal(number)
        for child in children:
            child.look(not stopping)
    return max(_exit_status(child.status) for child in children)


def _named(name: str | None, number: int) -> list[str]:
    return [] if name is None else ["--name", f"{name}-{number}"]


def _exit_status(status: int | None) -> int:
    return 0 if status in (None, WORN) else 3 if status < 0 else status


def _cause(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the call; comparing with 1 would be wrong in a container
        os._exit(1)
