"""Log: the write-ahead log beside a database file, synced after a commit instead of by it.

SQLite syncs a commit with the write lock held, and then shows it to others. Here it is shown at once: a worker may
run a job while whoever enqueued it still waits for the disk, and others write meanwhile. That is a "pre-committed
transaction" (DeWitt et al., "Implementation techniques for main memory database systems", SIGMOD 1984, section 5):
whatever builds on it comes later in the same log, so that no sync of that can leave this one out.
"""

import os
import sys
import threading
from pathlib import Path

from pinion.errors import StorageUnavailable

__all__ = ["Log"]


class Log:
    """The log at `path`, which SQLite makes and deletes as it needs it.

    It stays the same file as long as a connection has it open. Whoever opens one calls `close`, once that has begun to
    write: what was opened before may be of another log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._syncing = threading.Lock()  # guards what follows
        self._descriptor = -1

    def sync(self) -> None:
        """Return when all that was committed before the call survives a power cut.

        Where there is no log, its last connection has moved it into the database, and synced that. Raises
        StorageUnavailable if the disk fails.
        """
        try:
            with self._syncing:
                if self._descriptor < 0:  # SQLite locks another file, the `-shm`: this drops no lock when it is closed
                    self._descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
                _sync(self._descriptor)
        except FileNotFoundError:
            return
        except OSError as failed:
            raise StorageUnavailable(
                f"{self.path}: what was written could not be synced to disk, and a power cut may undo it ({failed}); "
                "repeat the call"
            ) from failed

    def close(self) -> None:
        """Leave the file alone, until the next sync."""
        with self._syncing:
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def pause(self) -> None:
        """Before a fork: wait for who is syncing, and close. `go_on` ends it."""
        self._syncing.acquire()
        self._close()

    def go_on(self) -> None:
        """After a fork, in the parent."""
        self._syncing.release()

    def forget(self) -> None:
        """After a fork, in the child: nobody is syncing here."""
        self._syncing = threading.Lock()


if sys.platform == "darwin":
    import fcntl

    def _sync(descriptor: int) -> None:
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync leaves it in the drive's own cache

elif sys.platform == "win32":
    _sync = os.fsync
else:
    _sync = os.fdatasync
