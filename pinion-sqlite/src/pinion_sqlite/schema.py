"""The tables of a queue: created, migrated forward, and refused when a newer Pinion made them.

Migrations are the numbered files beside this module; each runs once, in the transaction that raises the version. A file
also says which version a program must know to use it, so that older workers go on through a migration that only adds.
"""

import sqlite3
from pathlib import Path

from pinion.errors import StorageCorrupt

__all__ = ["VERSION", "is_ready", "prepare"]

FOLDER = Path(__file__).with_name("migrations")
MIGRATIONS = sorted(FOLDER.glob("[0-9]*.sql"))
VERSION = len(MIGRATIONS)

COMPATIBLE = 1
"""The oldest program version that may use a file of VERSION. Raise it when a migration would break older workers."""


def is_ready(connection: sqlite3.Connection) -> bool:
    """Whether nothing is left for `prepare` to do, seen without the write lock, which another may hold for long."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'pinion_schema'").fetchone() is None:
        return False
    version, compatible = _recorded(connection)
    return version >= VERSION and compatible <= VERSION


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file to VERSION, in the caller's write transaction. Raises StorageCorrupt for a newer file."""
    found = _found(connection)
    if found[1] > VERSION:
        raise StorageCorrupt(
            f"{path} was made by a newer pinion-sqlite (its tables have version {found[0]} and need {found[1]}, "
            f"this one knows "
            f"{VERSION}); upgrade pinion-sqlite, the file is untouched"
        )
    for number, migration in enumerate(MIGRATIONS, start=1):
        if number > found[0]:
            _run(connection, migration)
    if found[0] < VERSION:
        connection.execute("DELETE FROM pinion_schema")
        connection.execute("INSERT INTO pinion_schema (version, compatible) VALUES (?, ?)", (VERSION, COMPATIBLE))


def _found(connection: sqlite3.Connection) -> tuple[int, int]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS pinion_schema (version INTEGER NOT NULL, compatible INTEGER NOT NULL) STRICT"
    )
    return _recorded(connection)


def _recorded(connection: sqlite3.Connection) -> tuple[int, int]:
    row = connection.execute("SELECT version, compatible FROM pinion_schema").fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _run(connection: sqlite3.Connection, migration: Path) -> None:
    # executescript would commit first, and a crash could then leave half of a migration.
    statement = ""
    for line in migration.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
