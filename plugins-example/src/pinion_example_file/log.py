"""Log: a file of transactions, one checksummed line each, and the lock on it. It knows nothing of jobs.

    pinion-file 1
    4f1c9a03 [["0199c2…", {"status": "RUNNING", "attempts": 1}]]

Whoever calls a method of `Log` holds the lock. The lock is on a file beside the log: the log itself is replaced when
it is compacted, and a lock on a file that nobody finds any more guards nothing.
"""

import contextlib
import fcntl
import io
import json
import os
import shutil
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pinion.errors import StorageCorrupt

__all__ = ["Log", "Transaction", "locked", "replace"]

HEADER = b"pinion-file 1\n"

type Transaction = list[Any]
"""What one operation changed: it is in the log as a whole or not at all."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on `path` against every other thread and process. Of one that dies, the kernel takes it back.

    The side file is opened each time: `flock` locks an opening of a file, so that threads exclude each other too.
    """
    with open(f"{path}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing isn't enough: a child forked meanwhile has it open too


class Log:
    """The log at `path`, which is created if it isn't there or is empty.

    sync: whether what is there when a method returns survives a power cut. Raises StorageCorrupt if the file is
    something else.
    """

    def __init__(self, path: Path, *, sync: bool) -> None:
        self.path = path
        self._sync = sync
        if not path.exists() or path.stat().st_size == 0:
            replace(path, [])
        self._file = path.open("r+b", buffering=0)
        self._end = len(HEADER)  # of what has been read, and so of what is sound
        try:
            _check_header(path, self._file.read(len(HEADER)))
            if sync:
                _sync_folder(path.parent)  # whoever put the file there may have died before
        except BaseException:  # Ctrl-C too: nobody else would close the file
            self.close()
            raise

    def is_current(self) -> bool:
        """Whether the path still leads to this file, and what was read of it is still there."""
        opened = os.fstat(self._file.fileno())
        return self.path.exists() and os.path.samestat(opened, self.path.stat()) and opened.st_size >= self._end

    def read_on(self) -> Iterator[Transaction]:
        """What was appended since the last call. The unfinished line of a writer that died is cut off.

        Raises StorageCorrupt for any other damage, and leaves the file as it is.
        """
        self._file.seek(self._end)
        rest = self._file.readall()
        end = self._end + len(rest)
        for line in io.BytesIO(rest):
            transaction = _parse(line)
            if transaction is not None:
                self._end += len(line)
                yield transaction
            elif self._end + len(line) == end:
                os.ftruncate(self._file.fileno(), self._end)
            else:
                raise StorageCorrupt(
                    f"{self.path}: the line at byte {self._end} is damaged, and others follow it: restore a backup, or "
                    "cut the file there and lose what follows"
                )

    def append(self, transaction: Transaction) -> None:
        """Add a line. If that fails, because the disk is full perhaps, the file is as it was."""
        line = _line(transaction)
        try:
            self._file.seek(self._end)
            self._write(line)
            if self._sync:
                _sync(self._file.fileno())
        except BaseException:  # Ctrl-C too: part of the line may be there
            os.ftruncate(self._file.fileno(), self._end)
            raise
        self._end += len(line)

    def _write(self, line: bytes) -> None:
        # Not within `try`, which Python 3.13 leaves without a look at `except` if Ctrl-C comes as a loop begins anew.
        written = 0
        while written < len(line):
            written += self._file.write(line[written:])

    def close(self) -> None:
        self._file.close()


def replace(path: Path, transactions: Iterable[Transaction]) -> None:
    """Put a log of just these transactions in the place of what is at `path`: all of it at once, or not at all."""
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb") as file:
            file.write(HEADER)
            file.writelines(map(_line, transactions))
            file.flush()
            _sync(file.fileno())
        if path.exists():
            shutil.copymode(path, new)
        new.replace(path)
    except BaseException:  # Ctrl-C too: nobody else would delete it
        new.unlink(missing_ok=True)
        raise


def _line(transaction: Transaction) -> bytes:
    body = json.dumps(transaction, separators=(",", ":")).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _parse(line: bytes) -> Transaction | None:
    """The transaction of a line; None if it isn't whole."""
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        return None
    transaction: Transaction = json.loads(body)
    return transaction


def _check_header(path: Path, header: bytes) -> None:
    if header == HEADER:
        return
    if header.startswith(b"pinion-file "):
        raise StorageCorrupt(f"{path} is of a version that this pinion-example-file can't read: upgrade it")
    raise StorageCorrupt(f"{path} isn't a log of pinion-example-file: name another file")


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":  # where fsync leaves it in the drive's own cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
