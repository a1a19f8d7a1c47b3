"""QueueFile: what every group of the storage stands on: one file, its connections, a codec and a clock."""

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import InvalidURL, JobNotFound
from pinion.storage import SYSTEM, ClaimStorage, Clock, Promise, monotonic, sleep
from pinion_sqlite.connection import Connections, connect
from pinion_sqlite.failures import translated
from pinion_sqlite.filesystem import check_place
from pinion_sqlite.schema import is_ready, prepare
from pinion_sqlite.watches import Watches

__all__ = ["QueueFile"]

_MODES = ("full", "normal", "off")


class QueueFile(ClaimStorage):
    """Opens the file and reads and writes it; what is read and written is for those who inherit."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        codec: Codec | None = None,
        clock: Clock | None = None,
        synchronous: str = "full",
        create: bool = True,
    ) -> None:
        if synchronous not in _MODES:
            raise InvalidURL(f"synchronous must be one of {', '.join(_MODES)}, got {synchronous!r}")
        if os.fspath(path) in ("", ":memory:"):
            raise InvalidURL(
                "SqliteStorage keeps a file; name one, or use memory:// for a queue that ends with the process"
            )
        self.path = Path(os.path.abspath(path))
        self.codec: Codec = codec or DEFAULT_CODEC
        self.clock: Clock = clock or SYSTEM
        if synchronous != "full":
            self.promises = type(self).promises - {Promise.POWER_SAFE}  # type: ignore[misc]  # this object promises less
        self._connections = Connections(self.path, synchronous.upper())
        self._watches = Watches(self.path, self._connections.log.path)
        self._following = threading.Lock()
        check_place(self.path, create)
        try:
            self._set_up()
        except BaseException:
            self._connections.close()
            raise

    def _set_up(self) -> None:
        with translated(self.path):
            connection = connect(self.path)
            try:
                _set_journal(connection)
                ready = is_ready(connection)
            finally:
                connection.close()
        if not ready:
            self._connections.write(lambda connection: prepare(connection, self.path))
        self._connections.remember()

    def _follow(self) -> bool:
        """Go over to the file at the path if it is no longer the one that is open; whether it was another, or none.

        Whoever deletes the file, or puts another in its place, goes on with that one: what is stored in the old file is
        seen by nobody else, and gone in the end. Raises what opening a file raises.
        """
        if not self._connections.has_moved():
            return False
        with self._following:
            if self._connections.has_moved():
                self._go_over()
        return True

    def _go_over(self) -> None:
        import logging  # it costs milliseconds, and a file hardly ever moves

        logging.getLogger("pinion.sqlite").warning(
            "%s was deleted or replaced while it was in use; going on with the file that is there now", self.path
        )
        self._connections.let_go()
        check_place(self.path, create=True)
        self._set_up()
        self._watches.renew()

    def _read_all(self, statement: str, parameters: Any = ()) -> list[Any]:
        return self._connections.read(lambda reader: reader.execute(statement, parameters).fetchall())

    def _read_one(self, statement: str, parameters: Any = ()) -> Any:
        return self._connections.read(lambda reader: reader.execute(statement, parameters).fetchone())

    def _write_one(self, statement: str, parameters: Any = (), *, quick: bool = False) -> int:
        """How many rows it changed."""
        return self._connections.write(lambda writer: writer.execute(statement, parameters).rowcount, quick=quick)

    def _not_found(self, job_id: str) -> JobNotFound:
        return JobNotFound(f"{self.path} holds no job with the id {job_id!r}")


def _set_journal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, so that readers and the writer don't wait for each other; a property of the file."""
    # A new file gets pages of half the usual size: an insert changes three of them, and a commit writes them whole.
    connection.execute("PRAGMA page_size = 2048")
    deadline = monotonic() + 10.0
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if mode == "wal" or connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError as raised:
            if raised.sqlite_errorname != "SQLITE_BUSY" or monotonic() > deadline:
                raise
        sleep(0.005)  # another process is creating the file just now
