"""sqlite3's exceptions as Pinion's: no other ever leaves this package."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pinion.errors import StorageClosed, StorageCorrupt, StorageError, StorageUnavailable

__all__ = ["is_busy", "translated", "translation"]

_LATER = {
    "SQLITE_BUSY": "another process holds the write lock",
    "SQLITE_LOCKED": "another connection holds the table",
    "SQLITE_FULL": "the disk is full; free some space",
    "SQLITE_IOERR": "the disk could not be read or written",
    "SQLITE_NOMEM": "there is no memory left",
    "SQLITE_CANTOPEN": "the file can't be opened; check that the folder exists and may be written",
    "SQLITE_PROTOCOL": "the log's locks could not be had",
}
_BROKEN = {
    "SQLITE_CORRUPT": "the file is damaged; restore a backup, or save what is left with `sqlite3 FILE .recover`",
    "SQLITE_NOTADB": "the file is not an SQLite database; name another file",
    "SQLITE_SCHEMA": "its tables were changed by somebody else",
}


def is_busy(raised: sqlite3.Error) -> bool:
    """Whether another connection was in the way, so that waiting helps."""
    return _primary(raised) in ("SQLITE_BUSY", "SQLITE_LOCKED")


def _primary(raised: sqlite3.Error) -> str:
    name: str = getattr(raised, "sqlite_errorname", "") or ""
    return "_".join(name.split("_")[:2])


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what sqlite3 raises inside into an error of Pinion that names the file and says what to do."""
    try:
        yield
    except sqlite3.Error as raised:
        raise translation(raised, path) from raised


def translation(raised: sqlite3.Error, path: Path) -> StorageError:
    """The error of Pinion that says what an error of sqlite3 means for the file, and what to do."""
    primary = _primary(raised)
    if primary in _LATER:
        return StorageUnavailable(f"{path}: {_LATER[primary]} ({raised})")
    if primary in _BROKEN:
        return StorageCorrupt(f"{path}: {_BROKEN[primary]} ({raised})")
    if primary == "SQLITE_READONLY":
        return StorageError(
            f"{path} can't be written; give this user write access to the file and its folder ({raised})"
        )
    if isinstance(raised, sqlite3.ProgrammingError) and "closed" in str(raised):
        return StorageClosed(f"{path} was closed; open it again")
    if isinstance(raised, sqlite3.OperationalError) and "no such" in str(raised):
        return StorageCorrupt(f"{path}: its tables are not those of this version of pinion-sqlite ({raised})")
    return StorageError(f"{path}: {raised}")
