"""Search: the ids of the jobs that meet conditions, in their order, also among a million that don't.

Finished jobs are found in an index, one range for each queue and task that has some. What waits or runs is mostly
little, and sorted; where it is much, the jobs are read in the order of their ids until there are enough.
"""

import heapq
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pinion_sqlite.queries import SQL

__all__ = ["ALL", "Wanted", "search"]

ALL = 0b11111
UNFINISHED = 0b00011
FINISHED = range(2, 5)

MANY = 50_000
"""So many unfinished jobs are not sorted: it would take longer than a page is waited for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conditions.

    statuses: a bit for each, by its number.
    task: in lower case.
    before: when a finished job finished, or another was created.
    unasked: leave out what runs and was asked to stop.
    after: of a lower id, none.
    """

    limit: int
    statuses: int = ALL
    queue: str | None = None
    task: str | None = None
    before: int | None = None
    unasked: bool = False
    after: str = ""

    def is_any(self) -> bool:
        """Whether every job is wanted."""
        return self.statuses == ALL and (self.queue, self.task, self.before) == (None, None, None) and not self.unasked


def search(connection: sqlite3.Connection, wanted: Wanted) -> list[str]:
    """The first ids, in the caller's transaction, so that nothing moves meanwhile."""
    parameters = asdict(wanted)
    if wanted.is_any():
        return _ids(connection, "in_order", parameters)
    ids = _unfinished(connection, parameters) if wanted.statuses & UNFINISHED else []
    for status in FINISHED:
        if wanted.statuses >> status & 1:
            ids += _finished(connection, wanted, {**parameters, "status": status})
    return heapq.nsmallest(wanted.limit, ids)


def _unfinished(connection: sqlite3.Connection, parameters: dict[str, Any]) -> list[str]:
    [number] = connection.execute(SQL["unfinished_number"], {"most": MANY}).fetchone()
    statuses = parameters["statuses"] & UNFINISHED
    return _ids(connection, "in_order" if number >= MANY else "unfinished", {**parameters, "statuses": statuses})


def _finished(connection: sqlite3.Connection, wanted: Wanted, parameters: dict[str, Any]) -> list[str]:
    ids: list[str] = []
    queues = [wanted.queue] if wanted.queue is not None else _names(connection, "next_finished_queue", parameters)
    for queue in queues:
        of_queue = {**parameters, "queue": queue}
        for task in _names(connection, "next_finished_task", of_queue):
            if wanted.task is None or task.lower() == wanted.task:
                ids += _ids(connection, "finished", {**of_queue, "func_name": task})
    return ids


def _names(connection: sqlite3.Connection, statement: str, parameters: dict[str, Any]) -> Iterator[str]:
    """Each name that stands in the index, by one step from each to the next."""
    after = ""
    while row := connection.execute(SQL[statement], {**parameters, "after": after}).fetchone():
        after = row[0]
        yield after


def _ids(connection: sqlite3.Connection, statement: str, parameters: dict[str, Any]) -> list[str]:
    return [row[0] for row in connection.execute(SQL[statement], parameters)]
