"""Waiting for another process to commit, at no cost while nothing happens.

Linux tells who asks (inotify) when the write-ahead log is written, whoever writes it, callers' own connections
included. The news comes while the commit is still under way, so a waiter looks again a few times, at growing intervals.
Elsewhere, and where the system gives no inotify instance, a waiter looks every now and then.
"""

import ctypes
import os
import select
import sys
from pathlib import Path

__all__ = ["CAN_WATCH", "Watch"]

CAN_WATCH = sys.platform == "linux"

POLL_SECONDS = 0.02
"""Between two looks where nothing tells when the log is written."""

_IN_MODIFY = 0x2
_IN_NONBLOCK, _IN_CLOEXEC = os.O_NONBLOCK, getattr(os, "O_CLOEXEC", 0)
_libc = ctypes.CDLL(None, use_errno=True) if CAN_WATCH else None


class Watch:
    """One waiting thread's view of the log file; `wake` may be called by any other."""

    def __init__(self, log: Path) -> None:
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if CAN_WATCH else _pipe()
        self._news = _inotify(log)
        self._poll = select.poll()
        for descriptor in (self._woken, self._news):
            if descriptor is not None:
                self._poll.register(descriptor, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Block until there is news, `wake` is called, or the time passed. True if `wake` was called."""
        if self._news is None:
            seconds = min(seconds, POLL_SECONDS)
        ready = self._poll.poll(max(0, -int(-seconds * 1000 // 1)))
        return any(descriptor == self._woken for descriptor, _ in ready)

    def forget_news(self) -> None:
        """Whatever was written up to now is known."""
        if self._news is not None:
            _drain(self._news)

    def forget_wake(self) -> None:
        """Whoever called `wake` meant the wait that is over."""
        _drain(self._woken)

    def has_news(self) -> bool:
        """Whether the log was written since `forget_news`; where nothing tells, it may have been."""
        return self._news is None or any(descriptor == self._news for descriptor, _ in self._poll.poll(0))

    def wake(self) -> None:
        """End the wait in progress, or the next one."""
        try:
            os.write(self._waker, b"!")
        except BlockingIOError:
            return  # full of earlier calls, which wake as well

    def close(self) -> None:
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
