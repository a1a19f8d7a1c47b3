"""Five methods in one table of SQLite: a job is claimed by one UPDATE, and every thread has a connection of its own."""

import json
import os
import sqlite3
import threading
import time
from pathlib import Path

from pinion import Job, Status

TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    call TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL
)
"""
CLAIM = """
UPDATE jobs SET status = 'RUNNING', attempts = attempts + 1
WHERE number = (SELECT number FROM jobs WHERE status = 'PENDING' ORDER BY number LIMIT 1)
RETURNING id, call, attempts
"""


class TableStorage:
    """Looks every 20 ms; the file may be shared."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.path = Path(directory, "jobs.db")
        self.mine = threading.local()
        self.connection.execute(TABLE)

    @property
    def connection(self) -> sqlite3.Connection:
        if not hasattr(self.mine, "connection"):
            self.mine.connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self.mine.connection.execute("PRAGMA synchronous = OFF")
        connection: sqlite3.Connection = self.mine.connection
        return connection

    def enqueue(self, job: Job) -> None:
        call = json.dumps([job.func_name, job.args, job.kwargs])
        self.connection.execute(
            "INSERT INTO jobs (id, call, status, attempts) VALUES (?, ?, 'PENDING', ?)", (job.id, call, job.attempts)
        )

    def dequeue(self, timeout: float | None = None) -> Job | None:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while (row := self.claim()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(0.02, left))
        job_id, call, attempts = row
        name, args, kwargs = json.loads(call)
        return Job(name, tuple(args), kwargs, job_id, Status.RUNNING, attempts)

    def claim(self) -> tuple[str, str, int] | None:
        rows: list[tuple[str, str, int]] = self.connection.execute(CLAIM).fetchall()
        return rows[0] if rows else None

    def mark_done(self, job: Job) -> None:
        self.finish(job, "SUCCESS")

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.finish(job, "FAILED")

    def finish(self, job: Job, status: str) -> None:
        self.connection.execute("UPDATE jobs SET status = ? WHERE id = ? AND status = 'RUNNING'", (status, job.id))

    def size(self) -> int:
        count: int = self.connection.execute("SELECT count(*) FROM jobs WHERE status = 'PENDING'").fetchone()[0]
        return count
