"""A worker as it was when files had version 1: run as a program, with the file and the number of jobs to insert.

It works with the statements of then, which version_1.sql keeps. It prints the id of every job that it ran, and ends
once its standard input is closed.
"""

import re
import select
import sqlite3
import sys
import time
import uuid
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MIGRATION = FOLDER.parent / "src/pinion_sqlite/migrations/0001_initial.sql"
PARTS = re.split(r"^-- name: (\w+)\n", (FOLDER / "version_1.sql").read_text(), flags=re.MULTILINE)[1:]
SQL = dict(zip(PARTS[::2], PARTS[1::2], strict=True))
WORKER = "version 1"


def create(path: Path) -> None:
    """A file of version 1."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(MIGRATION.read_text())
    connection.execute("CREATE TABLE pinion_schema (version INTEGER NOT NULL, compatible INTEGER NOT NULL) STRICT")
    connection.execute("INSERT INTO pinion_schema VALUES (1, 1)")
    connection.close()


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def insert(connection: sqlite3.Connection, number: int, unique_key: str | None = None) -> list[str]:
    ids = [str(uuid.uuid4()) for _ in range(number)]
    now = _now()
    row = ("add", "default", "[[],{}]", 0, now, 1, None, 0, 0, 0, now, None, unique_key, None, None)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(SQL["insert"], [(job_id, *row) for job_id in ids])
    connection.execute("COMMIT")
    return ids


def claim(connection: sqlite3.Connection, token: str, limit: int = 3) -> list[str]:
    """The ids of the jobs that are claimed."""
    now = _now()
    wanted = {"now": now, "lease_end": now + 60_000_000, "token": token, "worker": WORKER, "queue": "default"}
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(SQL["promote"], {"now": now})
    rows = connection.execute(SQL["claim"], {**wanted, "limit": limit}).fetchall()
    connection.execute("COMMIT")
    return [row[3] for row in rows]


def settle(connection: sqlite3.Connection, statement: str, parameters: Any) -> int:
    """How many jobs this settled."""
    connection.execute("BEGIN IMMEDIATE")
    changed = connection.execute(SQL[statement], parameters).rowcount
    connection.execute("COMMIT")
    return changed


def main(path: Path, number: int) -> None:
    connection = opened(path)
    insert(connection, number)
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        token = uuid.uuid4().hex
        for job_id in claim(connection, token):
            assert settle(connection, "done", (_now(), None, job_id, token)) == 1
            print(job_id, flush=True)
    connection.close()


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
