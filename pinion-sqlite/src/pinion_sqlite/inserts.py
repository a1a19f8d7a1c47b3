"""Inserts: what becomes of jobs that are to be stored, by their ids and their unique keys."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from pinion.codec import Codec
from pinion.job import Job
from pinion.storage import Inserted, KeyHeld
from pinion_sqlite.queries import SQL
from pinion_sqlite.rows import INSERTED, PLAIN, is_plain, plain_row, row_of

__all__ = ["Batch", "batch_of", "insert", "other_holder", "replace"]

Row = tuple[Any, ...]

ID, ATTEMPTS, KEY = INSERTED.index("id"), INSERTED.index("attempts"), INSERTED.index("unique_key")
RUNNING, FAILED = 1, 3
INSERT, INSERT_PLAIN = SQL["insert"], SQL["insert_plain"]


class Batch(NamedTuple):
    """What is inserted by one call, when that was, and the statement that takes such rows."""

    now: int
    jobs: Sequence[Job]
    rows: list[Row]
    statement: str


def batch_of(jobs: Sequence[Job], codec: Codec, now: int) -> Batch:
    """The rows of the jobs. Raises Unserializable or PayloadTooLarge."""
    if all(map(is_plain, jobs)):
        return Batch(now, jobs, [plain_row(job, codec, now) for job in jobs], INSERT_PLAIN)
    return Batch(now, jobs, [row_of(job, codec, now) for job in jobs], INSERT)


def insert(connection: sqlite3.Connection, batch: Batch) -> list[Inserted | KeyHeld]:
    """Store the rows in the caller's transaction; what became of each, in order."""
    rows = batch.rows
    if len(rows) > 1:
        connection.execute("SAVEPOINT pinion_insert")
        if connection.executemany(batch.statement, rows).rowcount == len(rows):
            connection.execute("RELEASE pinion_insert")
            return [Inserted.NEW] * len(rows)
        connection.execute("ROLLBACK TO pinion_insert")
        connection.execute("RELEASE pinion_insert")
    return [
        Inserted.NEW
        if connection.execute(batch.statement, row).rowcount
        else _insert_taken(connection, job.token, row if batch.statement is INSERT else row + PLAIN, batch.now)
        for job, row in zip(batch.jobs, rows, strict=True)
    ]


def replace(connection: sqlite3.Connection, batch: Batch) -> Inserted | KeyHeld:
    """Store the one row in the caller's transaction, in the place of a job that waits and holds its key."""
    [answer] = insert(connection, batch)
    if isinstance(answer, KeyHeld) and connection.execute(SQL["delete_waiting"], (answer.holder,)).rowcount:
        [answer] = insert(connection, batch)
    return answer


def _insert_taken(connection: sqlite3.Connection, token: str | None, row: Row, now: int) -> Inserted | KeyHeld:
    """The id or the key is taken. token: under which whoever inserts the job may hold it."""
    stored = connection.execute(SQL["stored"], (row[ID],)).fetchone()
    if stored is None:
        return _insert_for_key(connection, row, now)
    if not _comes_back(stored, token, row):
        return Inserted.SAME_ID
    return _insert_again(connection, stored[-1], row, now)


def _insert_for_key(connection: sqlite3.Connection, row: Row, now: int) -> Inserted | KeyHeld:
    """The id is new, so it is the key that is taken; perhaps for a period that is over."""
    key = {"key": row[KEY], "now": now}
    if connection.execute(SQL["free_key"], key).rowcount:
        connection.execute(INSERT, row)
        return Inserted.NEW
    return KeyHeld(connection.execute(SQL["key_holder"], key).fetchone()[0])


def _comes_back(stored: Row, token: str | None, row: Row) -> bool:
    """Whether a stored job may be PENDING again: its holder brings it, or it FAILED with as many attempts."""
    status, attempts, held, asked, _ = stored
    if status == RUNNING:
        return token is not None and held == token and asked != token
    return bool(status == FAILED and attempts == row[ATTEMPTS])


def _insert_again(connection: sqlite3.Connection, key: str | None, row: Row, now: int) -> Inserted | KeyHeld:
    if key is not None and (holder := other_holder(connection, key, row[ID], now)) is not None:
        return KeyHeld(holder)
    connection.execute(SQL["record_last"], {"id": row[ID], "now": now})
    connection.execute(SQL["again"], dict(zip(INSERTED, row, strict=True)))
    return Inserted.AGAIN


def other_holder(connection: sqlite3.Connection, key: str, job_id: str, now: int) -> str | None:
    """The id of another job that holds the key; one whose period is over lets go of it here."""
    holds = {"key": key, "now": now}
    connection.execute(SQL["free_key"], holds)
    row = connection.execute(SQL["key_holder"], holds).fetchone()
    return None if row is None or row[0] == job_id else str(row[0])
