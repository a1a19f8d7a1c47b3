"""Control: changing what is in the file from outside."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from pinion.storage import Change, Controls, Filter, as_microseconds, changes
from pinion_sqlite.inserts import other_holder
from pinion_sqlite.queries import SQL
from pinion_sqlite.queue_file import QueueFile
from pinion_sqlite.rows import STATUSES
from pinion_sqlite.search import Wanted, search

__all__ = ["Control"]


class Control(QueueFile, Controls):
    """The group Controls."""

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        now = self.clock.now()

        def transaction(writer: sqlite3.Connection) -> list[str]:
            if not dry_run:
                return _change(writer, change, which, limit, now)
            writer.execute("SAVEPOINT pinion_dry_run")  # what it answers is what it would do
            try:
                return _change(writer, change, which, limit, now)
            finally:
                writer.execute("ROLLBACK TO pinion_dry_run")
                writer.execute("RELEASE pinion_dry_run")

        return self._connections.write(transaction)

    def pause(self, queue: str) -> None:
        self._write_one(SQL["pause"], (queue,))

    def resume(self, queue: str) -> None:
        self._write_one(SQL["resume"], (queue,))

    def paused(self) -> frozenset[str]:
        return frozenset(queue for (queue,) in self._read_all(SQL["paused"]))

    def purge(self, limit: int = 1000) -> int:
        now = {"now": self.clock.now(), "limit": max(limit, 0)}
        if self._read_one(SQL["purgeable"], now) is None:
            return 0
        return self._write_one(SQL["purge"], now, self._quick)


def _change(writer: sqlite3.Connection, change: Change, which: Filter, limit: int, now: int) -> list[str]:
    changed: list[str] = []
    if limit > 0:
        for job_id in _candidates(writer, which, _wanted(change, which, limit)):
            if _change_one(writer, change, job_id, now):
                changed.append(job_id)
            if len(changed) == limit:
                break
    return changed


def _wanted(change: Change, which: Filter, limit: int) -> Wanted:
    """What the change applies to, but for keys that are held."""
    apply_to = [
        place
        for place, status in enumerate(STATUSES)
        if which.status in (None, status) and changes(change, status, which)
    ]
    return Wanted(
        limit=limit,
        statuses=sum(1 << place for place in apply_to),
        queue=which.queue,
        task=None if which.task is None else which.task.lower(),
        before=None if which.before is None else as_microseconds(which.before),
        unasked=change is Change.CANCEL,
    )


def _candidates(writer: sqlite3.Connection, which: Filter, wanted: Wanted) -> Iterator[str]:
    """Their ids, in order; searched for by pages, while those before are changed."""
    if which.ids is not None:
        yield from _among(writer, which.ids, wanted)
        return
    while ids := search(writer, wanted):
        yield from ids
        wanted = replace(wanted, after=ids[-1])


def _among(writer: sqlite3.Connection, ids: Iterable[str], wanted: Wanted) -> Iterator[str]:
    parameters = asdict(wanted)
    for job_id in sorted(set(ids)):
        if writer.execute(SQL["wanted"], {**parameters, "id": job_id}).fetchone() is not None:
            yield job_id


def _change_one(writer: sqlite3.Connection, change: Change, job_id: str, now: int) -> bool:
    """Whether it was changed."""
    which = {"id": job_id, "now": now}
    match change:
        case Change.CANCEL:
            return bool(writer.execute(SQL["cancel"], which).rowcount or writer.execute(SQL["ask"], which).rowcount)
        case Change.REQUEUE:
            return _requeue(writer, which)
        case Change.DELETE:
            return bool(writer.execute(SQL["delete"], which).rowcount)


def _requeue(writer: sqlite3.Connection, which: dict[str, Any]) -> bool:
    *_, key = writer.execute(SQL["stored"], (which["id"],)).fetchone()
    if key is not None and other_holder(writer, key, which["id"], which["now"]) is not None:
        return False
    writer.execute(SQL["record_last"], which)
    return bool(writer.execute(SQL["requeue"], which).rowcount)
