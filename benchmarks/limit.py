"""The raw limit: what bare Python and `sqlite3` can do with the shortest correct SQL. FROZEN.

Every figure of Pinion is compared with this script, so changing it changes all ratios, past ones included. It is a
program of its own that imports nothing but the standard library:

    python limit.py FOLDER JOBS      prints {"NAME": rows per second, ...}

The table is the least that can be a queue: a payload, the end of the lease (0: waiting), whether it is done. A job is
claimed with an expiring lease and then completed, each in a transaction of its own. There is no task, no registry,
no JSON, no token, no attempt, no priority, no time of creation.

    claim_complete_100     batches of 100; finished rows stay, as Pinion's do
    claim_complete_1       the same, one by one
    claim_delete_100       batches of 100; finished rows are deleted, which needs no index at all
    insert_synced          one INSERT per transaction, synced to disk (synchronous = FULL)
    insert_unsynced        the same, not synced (synchronous = NORMAL)
    insert_many            `executemany` of 1,000 rows per transaction, synced
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

LEASE = 30_000_000
BULK = 1000

CREATE = "CREATE TABLE jobs (id INTEGER PRIMARY KEY, payload TEXT, lease INTEGER DEFAULT 0, done INTEGER DEFAULT 0)"
INDEX = "CREATE INDEX open ON jobs (id) WHERE done = 0"
INSERT = "INSERT INTO jobs (payload) VALUES (?)"
CLAIM = """UPDATE jobs SET lease = ? WHERE id IN
           (SELECT id FROM jobs WHERE done = 0 AND lease < ? ORDER BY id LIMIT ?) RETURNING id, payload"""
COMPLETE = "UPDATE jobs SET done = 1 WHERE id = ?"
DELETE = "DELETE FROM jobs WHERE id = ?"


def opened(path: Path, synchronous: str, *, index: bool = True) -> sqlite3.Connection:
    for file in path.parent.glob(path.name + "*"):
        file.unlink()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(CREATE)
    if index:
        connection.execute(INDEX)
    return connection


def payload(number: int) -> tuple[str]:
    return (f"[[{number},0],{{}}]",)


def insert_many(connection: sqlite3.Connection, jobs: int) -> None:
    for start in range(0, jobs, BULK):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, [payload(i) for i in range(start, min(start + BULK, jobs))])
        connection.execute("COMMIT")


def insert_one_by_one(connection: sqlite3.Connection, jobs: int) -> None:
    for i in range(jobs):
        connection.execute(INSERT, payload(i))  # in autocommit mode: a transaction of its own


def drain(connection: sqlite3.Connection, jobs: int, batch: int, complete: str) -> None:
    done = 0
    while done < jobs:
        connection.execute("BEGIN IMMEDIATE")
        now = time.time_ns() // 1000
        rows = connection.execute(CLAIM, (now + LEASE, now, batch)).fetchall()
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(complete, [(row[0],) for row in rows])
        connection.execute("COMMIT")
        done += len(rows)


def drain_one_by_one(connection: sqlite3.Connection, jobs: int) -> None:
    for _ in range(jobs):
        now = time.time_ns() // 1000
        row = connection.execute(CLAIM, (now + LEASE, now, 1)).fetchone()
        connection.execute(COMPLETE, row[:1])


def rate(jobs: int, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return jobs / (time.perf_counter() - started)


def measure(folder: Path, jobs: int) -> dict[str, float]:
    path, rates = folder / "limit.db", {}
    few = max(1, jobs // 5)  # of what takes long
    synced = opened(path, "FULL")
    rates["insert_synced"] = rate(few, lambda: insert_one_by_one(synced, few))
    synced = opened(path, "FULL")
    rates["insert_many"] = rate(jobs, lambda: insert_many(synced, jobs))
    unsynced = opened(path, "NORMAL")
    rates["insert_unsynced"] = rate(jobs, lambda: insert_one_by_one(unsynced, jobs))
    rates["claim_complete_100"] = rate(jobs, lambda: drain(unsynced, jobs, 100, COMPLETE))
    unsynced = opened(path, "NORMAL")
    insert_many(unsynced, jobs)
    rates["claim_complete_1"] = rate(jobs, lambda: drain_one_by_one(unsynced, jobs))
    unsynced = opened(path, "NORMAL", index=False)
    insert_many(unsynced, jobs)
    rates["claim_delete_100"] = rate(jobs, lambda: drain(unsynced, jobs, 100, DELETE))
    return rates


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
