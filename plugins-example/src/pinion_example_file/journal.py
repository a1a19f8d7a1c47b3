"""Journal: a log and the state it comes to, kept together. It knows neither jobs nor the storage interface."""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from pinion.errors import StorageClosed, StorageError, StorageUnavailable
from pinion_example_file.log import Log, locked, replace
from pinion_example_file.state import State

__all__ = ["Journal"]

SLACK = 1000
"""Changes that a log may hold beyond two per job before it is compacted."""

logger = logging.getLogger("pinion.file")


class Journal:
    """The state that all processes share through the log at `path`.

    sync: whether a transaction that has ended survives a power cut.
    """

    def __init__(self, path: Path, *, sync: bool) -> None:
        self.path = path
        self._sync = sync
        self._closed = False
        self._memory: tuple[int, Log, State] | None = None  # with the process it belongs to; guarded by the file's lock

    @contextlib.contextmanager
    def transaction(self) -> Iterator[State]:
        """The state, up to date and locked. What is changed in it is in the log when the block ends.

        If anything fails then nothing was changed: the memory is dropped, and read anew from the file. Raises
        StorageError, StorageCorrupt, StorageUnavailable or StorageClosed.
        """
        try:
            with locked(self.path), self._remembered() as (log, state):
                _read_on(log, state)
                yield state
                if state.changes:
                    log.append(state.changes)
                    state.changes.clear()
                    self._compact_if_long(state)
        except OSError as failed:
            raise _explained(self.path, failed) from failed

    @contextlib.contextmanager
    def _remembered(self) -> Iterator[tuple[Log, State]]:
        """What this process had in memory, if it fits the file. It is put back unless the block fails."""
        if self._closed:
            raise StorageClosed(f"{self.path} was closed here: open it again")
        memory, self._memory = self._memory, None
        if memory is not None and (memory[0] != os.getpid() or not memory[1].is_current()):
            memory[1].close()
            memory = None
        pid, log, state = memory or (os.getpid(), Log(self.path, sync=self._sync), State())
        try:
            yield log, state
        except BaseException:  # Ctrl-C too: the state may be half changed, and is read anew
            log.close()
            raise
        self._memory = pid, log, state

    def _compact_if_long(self, state: State) -> None:
        """Replace the log by a line per job. Everybody, this process too, then finds another file, and reads it."""
        if state.applied <= 2 * len(state.records) + SLACK:
            return
        try:
            replace(self.path, state.transactions())
        except OSError as failed:
            logger.warning("%s stays as long as it is, since it can't be compacted: %s", self.path, failed)
            state.applied = 0  # so that the next attempt is some time away

    def version(self) -> tuple[int, int]:
        """Something that every append changes, and every compaction. Takes no lock."""
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0  # the next transaction says what is wrong
        return status.st_ino, status.st_size

    def close(self) -> None:
        """Let the transaction that is in progress end, and no other begin."""
        self._closed = True
        with contextlib.suppress(OSError), locked(self.path):
            pass
        if self._memory is not None:
            self._memory[1].close()
            self._memory = None


def _read_on(log: Log, state: State) -> None:
    """Make the state what the log says by now."""
    for transaction in log.read_on():
        for job_id, fields in transaction:
            state.apply(job_id, fields)


def _explained(path: Path, failed: OSError) -> StorageError:
    """What the system refused, as an error that says whether trying again can help."""
    if not path.parent.is_dir():
        return StorageError(f"{path}: there is no folder {path.parent}; create it first")
    if failed.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(f"{path} can't be written: let this user write the file and its folder ({failed})")
    if failed.errno in (errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return StorageError(f"{path} can't be a log: name another file ({failed})")
    return StorageUnavailable(f"{path}: nothing was changed, try again later ({failed})")
