"""Every hot statement reads an index made for it, and nothing else."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinion_sqlite import SqliteStorage
from pinion_sqlite.queries import SQL

INDEX = {
    "promote": "pinion_due",
    "next_queue": "pinion_ready",
    "suspect": "pinion_suspects",
    "candidates": "pinion_ready",
    "claim": "pinion_ready",
    "claimable": "pinion_ready",
    "claimable_anywhere": "pinion_ready",
    "next_due": "pinion_due",
    "done": "sqlite_autoindex_pinion_jobs_1",
    "failed": "sqlite_autoindex_pinion_jobs_1",
    "retry": "sqlite_autoindex_pinion_jobs_1",
    "snoozed": "sqlite_autoindex_pinion_jobs_1",
    "released": "sqlite_autoindex_pinion_jobs_1",
    "cancelled": "sqlite_autoindex_pinion_jobs_1",
    "settled_as": "sqlite_autoindex_pinion_jobs_1",
    "extend": "sqlite_autoindex_pinion_jobs_1",
    "again": "sqlite_autoindex_pinion_jobs_1",
    "get": "sqlite_autoindex_pinion_jobs_1",
    "find": "sqlite_autoindex_pinion_jobs_1",
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    SqliteStorage(tmp_path / "jobs.db").close()
    opened = sqlite3.connect(tmp_path / "jobs.db")
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


@pytest.mark.parametrize("name", INDEX)
def test_no_statement_sorts_or_reads_the_whole_table(connection: sqlite3.Connection, name: str) -> None:
    plan = _plan(connection, SQL[name])

    assert not [
        step for step in plan if "TEMP B-TREE" in step or (step.startswith("SCAN pinion_jobs") and "INDEX" not in step)
    ], plan


@pytest.mark.parametrize("name", ["size", "counts"])
def test_counting_reads_indexes_alone(connection: sqlite3.Connection, name: str) -> None:
    plan = [step for step in _plan(connection, SQL[name]) if "pinion_jobs" in step]

    assert all("COVERING INDEX" in step or "pinion_suspects" in step for step in plan), plan


def test_every_statement_is_used_by_name() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parents[1].glob("src/pinion_sqlite/*.py"))

    settled = {"done", "failed", "retry", "snoozed", "released", "cancelled"}
    unused = [
        name for name in SQL if f'SQL["{name}"]' not in sources and not (name in settled and f'"{name}"' in sources)
    ]

    assert unused == []
