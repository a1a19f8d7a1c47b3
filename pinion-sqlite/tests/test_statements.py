"""Every hot statement reads an index made for it, and nothing else."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinion_sqlite import SqliteStorage
from pinion_sqlite.queries import SQL

BY_ID = "sqlite_autoindex_pinion_jobs_1"

INDEX = {
    **dict.fromkeys(("done", "failed", "retry", "snoozed", "released", "cancelled", "stopped", "settled_as"), BY_ID),
    **dict.fromkeys(("stored", "again", "record", "record_last", "extend", "held", "progress"), BY_ID),
    **dict.fromkeys(("get", "status", "in_order", "wanted", "cancel", "ask", "requeue", "delete"), BY_ID),
    "delete_waiting": BY_ID,
    **dict.fromkeys(("next_queue", "next_open_queue", "candidates", "record_lost"), "pinion_ready"),
    **dict.fromkeys(("claim", "claimable", "unfinished"), "pinion_ready"),
    **dict.fromkeys(("promote", "next_due"), "pinion_due"),
    "obstacle": "pinion_suspects",
    **dict.fromkeys(("free_key", "key_holder"), "pinion_keys"),
    **dict.fromkeys(("next_finished_queue", "next_finished_task", "finished"), "COVERING INDEX pinion_finished"),
    **dict.fromkeys(("purgeable", "purge"), "pinion_kept"),
    "attempts": "pinion_attempts_of",
    "lines": "pinion_lines_of",
    "resume": "pinion_paused",
    **dict.fromkeys(("schedule", "schedules", "delete_schedule", "fire"), "sqlite_autoindex_pinion_schedules_1"),
    **dict.fromkeys(("forget_worker", "workers"), "sqlite_autoindex_pinion_workers_1"),
}

SORTS = {"unfinished"}
"""What there is of unfinished jobs, if it is little: see the module `search`."""

READS_ALL = {"forget_silent_workers", "paused", "size", "counts", "unfinished_number"}
"""These read tables of a few rows, or count, which other tests are about."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with SqliteStorage(tmp_path / "jobs.db") as storage:
        opened = storage.connect()
        yield opened
        opened.close()


def _plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    named = dict.fromkeys(re.findall(r":(\w+)", statement))
    parameters = named or [None] * statement.count("?")
    return [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)]


@pytest.mark.parametrize("name", INDEX)
def test_a_statement_searches_its_index(connection: sqlite3.Connection, name: str) -> None:
    plan = _plan(connection, SQL[name])

    assert any(INDEX[name] in step for step in plan), plan


@pytest.mark.parametrize("name", sorted(set(INDEX) - SORTS))
def test_no_statement_sorts_or_reads_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    plan = _plan(connection, SQL[name])

    assert not [
        step for step in plan if "TEMP B-TREE" in step or (step.startswith("SCAN pinion_") and "INDEX" not in step)
    ], plan


def test_every_statement_that_reads_is_looked_at_here(connection: sqlite3.Connection) -> None:
    reading = {name for name in SQL if any("pinion_" in step for step in _plan(connection, SQL[name]))}

    assert reading - READS_ALL == set(INDEX)


@pytest.mark.parametrize("name", ["next_open_queue", "obstacle", "claimable"])
def test_a_pause_is_looked_up_and_not_filtered_by(connection: sqlite3.Connection, name: str) -> None:
    plan = [step for step in _plan(connection, SQL[name]) if "pinion_jobs" in step]

    assert all(step.startswith("SEARCH") for step in plan), plan


@pytest.mark.parametrize("name", ["size", "counts"])
def test_counting_reads_indexes_alone(connection: sqlite3.Connection, name: str) -> None:
    plan = [step for step in _plan(connection, SQL[name]) if "pinion_jobs" in step]

    assert all("COVERING INDEX" in step or "pinion_suspects" in step for step in plan), plan


def test_every_statement_is_used_by_name() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parents[1].glob("src/pinion_sqlite/*.py"))

    unused = [name for name in SQL if f'"{name}"' not in sources]

    assert unused == []
