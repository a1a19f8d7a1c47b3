"""Whose turn it is to take the next job, so that many waiting workers don't all run for one.

The waiter that holds a lock goes at once; the others let it go first, and look again a little later. The lock is the
kind that the system drops with its process, and it is on the log: SQLite has no locks of its own there. It promises
nothing and protects nothing: without it, and behind a frozen first one, waiters are a few milliseconds slower.
"""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["BEHIND", "Turn"]

BEHIND = 0.003
"""Seconds that the others wait: longer than a first one takes for its claim."""


class Turn:
    """One waiter's place."""

    def __init__(self, log: Path) -> None:
        self._file = os.open(log, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._mine = False

    def take(self) -> bool:
        """Whether this waiter goes first. It does until `give`."""
        if sys.platform == "win32":
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another waiter has it, or this filesystem knows no such locks
            return False
        self._mine = True
        return True

    def give(self) -> None:
        """Let another go first."""
        if self._mine and sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._mine = False

    def close(self) -> None:
        os.close(self._file)
