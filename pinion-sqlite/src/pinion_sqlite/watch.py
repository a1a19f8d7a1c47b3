"""Waiting for another process to commit, at no cost while nothing happens.

Linux tells who asks (inotify) when the write-ahead log is written, whoever writes it, also a caller's own connection.
The news comes while the commit is still under way, so whoever waits looks again at growing intervals, and slowly for
ever: what was written before the watch began is never told. Elsewhere, or where the system gives no inotify instance,
the intervals stay short.
"""

import ctypes
import os
import select
import sys
from enum import Enum
from pathlib import Path

from pinion.storage import sleep
from pinion_sqlite.turn import Turn

__all__ = ["CAN_WATCH", "FIRST_PAUSE", "LONGEST_PAUSE", "SOON", "News", "Watch", "next_pause"]

CAN_WATCH = sys.platform == "linux"

FIRST_PAUSE, LONGEST_PAUSE = 0.00005, 0.5
"""Seconds between two looks: just after news, and when there was none for long."""

SOON = 0.002
"""Seconds after news within which its commit nearly always shows; behind it, the intervals double. A wait without news
begins with it."""

UNTOLD_PAUSE = 0.02
"""Between two looks where nothing tells when the log is written."""


def next_pause(pause: float, news: "News") -> float:
    """How long to wait for the next look. A commit shows some time after the log was written."""
    if news is News.WRITTEN:
        return FIRST_PAUSE
    return min(pause * (1.25 if pause < SOON else 2.0), LONGEST_PAUSE)


class News(Enum):
    """What ended a wait."""

    NONE = "none"
    """The time passed."""
    WRITTEN = "written"
    """The log was written: a commit is under way, or has just been made."""
    WOKEN = "woken"
    """Somebody called `wake`."""


_IN_MODIFY = 0x2
_IN_NONBLOCK, _IN_CLOEXEC = os.O_NONBLOCK, getattr(os, "O_CLOEXEC", 0)
_libc = ctypes.CDLL(None, use_errno=True) if CAN_WATCH else None


class Watch:
    """One waiting thread's view of the log file; `wake` may be called by any other."""

    def __init__(self, log: Path) -> None:
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if CAN_WATCH else _pipe()
        self._news = _inotify(log)
        self.turn = Turn(log)
        self._poll = select.poll()
        for descriptor in (self._woken, self._news):
            if descriptor is not None:
                self._poll.register(descriptor, select.POLLIN)

    def wait(self, seconds: float) -> News:
        """Block until there is news, `wake` is called, or the time passed."""
        if self._news is None:
            seconds = min(seconds, UNTOLD_PAUSE)
        if seconds < 0.001:  # too short for poll, which counts in milliseconds
            sleep(seconds)
            seconds = 0.0
        ready = {descriptor for descriptor, _ in self._poll.poll(-int(-seconds * 1000 // 1))}
        if self._woken in ready:
            return News.WOKEN
        if self._news in ready and self._news is not None:
            _drain(self._news)
            return News.WRITTEN
        return News.NONE

    def forget(self) -> None:
        """The wait is over: what was said during it is not for the next one."""
        for descriptor in (self._woken, self._news):
            if descriptor is not None:
                _drain(descriptor)

    def wake(self) -> None:
        """End the wait in progress, or the next one."""
        try:
            os.write(self._waker, b"!")
        except BlockingIOError:
            return  # full of earlier calls, which wake as well

    def close(self) -> None:
        self.turn.close()
        for descriptor in (self._woken, self._waker, self._news):
            if descriptor is not None:
                os.close(descriptor)


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    return reading, writing


def _inotify(log: Path) -> int | None:
    """A descriptor that is readable once the log was written; None if the system has none to give."""
    if _libc is None:
        return None
    descriptor: int = _libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
    if descriptor < 0:
        return None
    if _libc.inotify_add_watch(descriptor, os.fsencode(log), _IN_MODIFY) < 0:
        os.close(descriptor)
        return None
    return descriptor


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except BlockingIOError:
        return
