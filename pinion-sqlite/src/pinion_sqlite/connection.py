"""Connections to one database file: how they are opened, how a write transaction gets its lock, what fork does to them.

A process has one connection that writes, used by one thread at a time, and one that reads. Sharing the writer keeps
its page cache warm, and threads queue for a lock of this process instead of colliding in SQLite's.
"""

import contextlib
import os
import random
import sqlite3
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from pinion.errors import StorageClosed, StorageError, StorageUnavailable
from pinion.storage import monotonic, sleep
from pinion_sqlite.failures import is_busy, translated, translation
from pinion_sqlite.log import Log

__all__ = ["BUSY_SECONDS", "Connections", "connect"]

BUSY_SECONDS = 30.0
"""How long a write waits for other processes before it gives up with StorageUnavailable."""

LOG_LIMIT = 8 * 1024 * 1024
"""Bytes of write-ahead log after which a writer moves it into the database."""

CACHE = 4000
"""KiB of pages that a connection may keep. Claims go through the file in order: more would not be used again."""

LOG_KEPT = LOG_LIMIT - LOG_LIMIT // 16
"""Bytes of the log's file that are kept for the next log: a sync takes longer if it makes the file longer too. Below
the limit, so that the length of the file tells when the next log has reached it."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.00005, 0.002
"""Seconds between two tries to get the write lock."""

CHECK_EVERY = 32
"""Write transactions between two looks at the size of the log."""


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection in autocommit mode that any thread may use, one at a time.

    busy_seconds: how long SQLite itself waits for locks.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        _configure(connection, busy_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, busy_seconds: float) -> None:
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # checkpoints are made on purpose, see `_checkpoint`
    connection.execute(f"PRAGMA journal_size_limit = {LOG_KEPT}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA cache_size = -{CACHE}")
    connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
    connection.create_function("pinion_lower", 1, str.lower, deterministic=True)  # SQLite's own knows ASCII alone


class Connections:
    """The writer and the reader of one file in this process.

    synchronous: "FULL" if `write` waits for the disk unless it is told otherwise; "NORMAL"; or "OFF" if not even a
        checkpoint does.
    """

    def __init__(self, path: Path, synchronous: str) -> None:
        self.path = path
        self.log = Log(Path(f"{path}-wal"))
        self._syncs = synchronous == "FULL"
        self._mode = "OFF" if synchronous == "OFF" else "NORMAL"
        self._is_new = False  # the writer hasn't written yet
        self._writes = 0
        self._closed = False
        self._file: tuple[int, int] | None = None  # which one was set up
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        _alive.add(self)

    def write[T](self, work: Callable[[sqlite3.Connection], T], *, quick: bool = False) -> T:
        """Do the work in a write transaction: committed at its end, rolled back if it raises.

        quick: don't wait for the disk: a power cut may undo it.
        Raises StorageUnavailable if other processes hold the lock for BUSY_SECONDS, or if the disk fails: then it may
        be committed or not.
        """
        with self._writing:
            try:
                answer = self._write(work)
            except sqlite3.Error as raised:
                raise self._meant(raised) from raised
        if self._syncs and not quick:
            self.log.sync()
            if self._closed:  # meanwhile
                self.log.close()
        return answer

    def _write[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._writer or self._open_writer()
        _leave(connection)  # one that was interrupted twice, so that it couldn't be left in time
        try:
            _begin(connection)  # inside, since Ctrl-C or the timeout of a task may come just as it returns
            if self._is_new:
                self.log.close()  # from now on it is the file that this connection has open
                self._is_new = False
            answer = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            _leave(connection)
            raise
        self._writes += 1
        if self._writes % CHECK_EVERY == 0:
            # What was asked for is committed: a full disk, or a lock that another holds, is for a later write to meet.
            with contextlib.suppress(sqlite3.Error, StorageError):
                self._checkpoint(connection)
        return answer

    def read[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work with the reading connection; it sees what is committed, and waits for nobody."""
        with self._reading:
            try:
                reader = self._reader or self._open_reader()
                _leave(reader)  # an old snapshot, whose end was interrupted
                return work(reader)
            except sqlite3.Error as raised:
                raise self._meant(raised) from raised

    def _meant(self, raised: sqlite3.Error) -> StorageError:
        if self.has_moved():  # a connection that was opened just then found an empty file
            return StorageUnavailable(f"{self.path} was deleted or replaced just now; try again")
        return translation(raised, self.path)

    def read_snapshot[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work with the reading connection: all its statements see one moment."""

        def transaction(reader: sqlite3.Connection) -> T:
            try:
                reader.execute("BEGIN")
                return work(reader)
            finally:
                _leave(reader)

        return self.read(transaction)

    def _open_reader(self) -> sqlite3.Connection:
        self._refuse_if_closed()
        self._reader = connect(self.path)
        self._reader.execute("PRAGMA query_only = 1")
        return self._reader

    def _open_writer(self) -> sqlite3.Connection:
        self._refuse_if_closed()
        writer = connect(self.path, busy_seconds=0.0)
        writer.execute(f"PRAGMA synchronous = {self._mode}")
        self._writer, self._is_new = writer, True
        return writer

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StorageClosed(f"{self.path} was closed; open it again")

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Move a long log into the database; the next write then begins it anew, and shortens the file.

        The write lock is held meanwhile, so that no commit can reset the log under the checkpoint: in SQLite before
        3.51.3 that can damage the file (https://sqlite.org/wal.html#walresetbug). A reader of an old state keeps a part
        of the log in use; what is left is moved by a later write.
        """
        try:
            if os.stat(self.log.path).st_size < LOG_LIMIT:
                return
        except FileNotFoundError:
            return
        try:
            _begin(connection)
            self.read(lambda reader: reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())
        finally:
            _leave(connection)

    def remember(self) -> None:
        """Know the file at the path again: it is the one that is open."""
        self._file = _identity(self.path)

    def has_moved(self) -> bool:
        """Whether the path leads to another file by now, or to none."""
        return self._file is not None and self._file != _identity(self.path)

    def let_go(self) -> None:
        """Close both, once whoever uses them is done; the next to work opens what the path leads to then.

        SQLite knows the file of a connection, and leaves the log of another file at its path alone.
        """
        with self._writing, self._reading, translated(self.path):
            self.log.close()
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

    def close(self) -> None:
        """Close both, once whoever uses them is done. The last connection to a file moves its log into the database."""
        self._closed = True
        self.let_go()

    def pause(self) -> None:
        """Before a fork: wait for who is at work, and close. `go_on` ends it; the next to work opens the file again.

        SQLite takes a connection that a child inherits for one of the child's own, and its locks for held, which
        they are not: the parent could delete the log that the child writes, and the child would wait for a writer of
        the parent for ever.
        """
        self._writing.acquire()
        self._reading.acquire()
        self.log.pause()
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)  # waiters watch this log
                connection.close()
        self._reader = self._writer = None

    def go_on(self) -> None:
        """After a fork, in the parent."""
        self.log.go_on()
        self._reading.release()
        self._writing.release()

    def forget(self) -> None:
        """After a fork, in the child: the threads that held or wanted the locks are not here."""
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self.log.forget()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _leave(connection: sqlite3.Connection) -> None:
    """Roll back the transaction, if there is one: left open, it would lock everybody out."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _begin(connection: sqlite3.Connection) -> None:
    """Take SQLite's write lock, waiting for other processes.

    SQLite's own waiting sleeps for whole milliseconds, and up to 100 of them: longer than a batch takes, so that
    processes which share a file would mostly sleep. Here the pauses begin at a twentieth of that, and vary so that
    nobody starves.
    """
    pause, deadline = SHORTEST_PAUSE, 0.0
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as raised:
            now = monotonic()
            deadline = deadline or now + BUSY_SECONDS
            if not is_busy(raised) or now > deadline:
                raise
        sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 1.5, LONGEST_PAUSE)


_alive: weakref.WeakSet[Connections] = weakref.WeakSet()
_forking = threading.local()  # `paused`: the connections of this thread's fork


def _before_fork() -> None:
    _forking.paused = sorted(_alive, key=id)  # two threads may fork at once
    for connections in _forking.paused:
        connections.pause()


def _after_fork_in_parent() -> None:
    for connections in _forking.paused:
        connections.go_on()


def _after_fork_in_child() -> None:
    for connections in list(_alive):
        connections.forget()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
