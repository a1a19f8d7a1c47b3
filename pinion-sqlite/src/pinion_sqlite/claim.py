"""Claims: which queue comes next, and the one statement that takes its first jobs."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from pinion.storage import SECOND, ClaimRequest
from pinion_sqlite.queries import SQL

__all__ = ["Claimer", "Taken"]

Taken = tuple[str, list[tuple[Any, ...]]]
"""A queue, and rows that the statement `claim` returned."""

ALONE, PAUSED = 2, 3
"""What the statement `obstacle` answers; the first is also a value of the column `ready`."""


class Claimer:
    """Takes jobs for one storage; remembers which queue was served last, so that none starves."""

    def __init__(self) -> None:
        self._last = ""
        self._next = "next_queue"

    def claim(self, connection: sqlite3.Connection, request: ClaimRequest, token: str, now: int) -> list[Taken]:
        """The rows of the jobs now claimed, in order, by queue."""
        connection.execute(SQL["promote"], {"now": now})
        self._next = "next_queue"
        taken: list[Taken] = []
        wanted = request.limit
        parameters = {
            "lease_end": now + int(request.lease * SECOND),
            "token": token,
            "worker": request.worker,
            "now": now,
        }
        for queue in self._queues(connection, request.queues):
            limit, alone = self._limit(connection, queue, wanted, bool(taken))
            named = {**parameters, "queue": queue, "limit": limit}
            if alone and limit > 0:
                connection.execute(SQL["record_lost"], named)
            if limit > 0 and (rows := connection.execute(SQL["claim"], named).fetchall()):
                self._last = queue
                taken.append((queue, sorted(rows)))
                wanted -= len(rows)
            if alone or wanted <= 0:
                break
        return taken

    def _queues(self, connection: sqlite3.Connection, wanted: tuple[str, ...] | None) -> Iterator[str]:
        """Queues to look into, beginning behind the one that was served last; the names come from an index."""
        if wanted is not None:
            names = sorted(set(wanted))
            yield from [name for name in names if name > self._last] + [name for name in names if name <= self._last]
            return
        start = after = self._last
        while row := connection.execute(SQL[self._next], {"after": after}).fetchone():
            after = row[0]
            yield after
        after = ""
        while (row := connection.execute(SQL[self._next], {"after": after}).fetchone()) and row[0] <= start:
            after = row[0]
            yield after

    def _limit(self, connection: sqlite3.Connection, queue: str, limit: int, company: bool) -> tuple[int, bool]:
        """How many of the queue's first jobs may be claimed together, and whether that is one that must be alone."""
        obstacle = connection.execute(SQL["obstacle"], {"queue": queue}).fetchone()
        if obstacle is None:
            return limit, False
        if obstacle[0] == PAUSED:
            self._next = "next_open_queue"
            return 0, False
        ready = [row[0] for row in connection.execute(SQL["candidates"], {"queue": queue, "limit": limit})]
        if ready and ready[0] == ALONE:
            return (0, False) if company else (1, True)
        return (ready.index(ALONE) if ALONE in ready else limit), False
