"""Claims: which queue comes next, and the one statement that takes its first jobs."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from pinion.storage import SECOND, ClaimRequest
from pinion_sqlite.queries import SQL

__all__ = ["Claimer", "Taken"]

Taken = tuple[str, list[tuple[Any, ...]]]
"""A queue, and rows that the statement `claim` returned."""


class Claimer:
    """Takes jobs for one storage; remembers which queue was served last, so that none starves."""

    def __init__(self) -> None:
        self._last = ""

    def claim(self, connection: sqlite3.Connection, request: ClaimRequest, token: str, now: int) -> list[Taken]:
        """The rows of the jobs now claimed, in order, by queue."""
        connection.execute(SQL["promote"], {"now": now})
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
        while row := connection.execute(SQL["next_queue"], {"after": after}).fetchone():
            after = row[0]
            yield after
        after = ""
        while (row := connection.execute(SQL["next_queue"], {"after": after}).fetchone()) and row[0] <= start:
            after = row[0]
            yield after

    def _limit(self, connection: sqlite3.Connection, queue: str, limit: int, company: bool) -> tuple[int, bool]:
        """How many of the queue's first jobs may be claimed together, and whether that is one that must be alone."""
        if connection.execute(SQL["suspect"], {"queue": queue}).fetchone() is None:
            return limit, False
        ready = [row[0] for row in connection.execute(SQL["candidates"], {"queue": queue, "limit": limit})]
        if ready and ready[0] == 2:
            return (0, False) if company else (1, True)
        return (ready.index(2) if 2 in ready else limit), False
