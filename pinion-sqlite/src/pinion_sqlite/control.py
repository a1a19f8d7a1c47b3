"""Control: changing what is in the file from outside."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from pinion.job import Job
from pinion.storage import Change, Controls, Filter, Inserted, KeyHeld, as_microseconds, changes
from pinion_sqlite import inserts
from pinion_sqlite.failures import translated
from pinion_sqlite.queries import SQL
from pinion_sqlite.queue_file import QueueFile
from pinion_sqlite.rows import STATUSES
from pinion_sqlite.search import Wanted, search

__all__ = ["Control"]


class Control(QueueFile, Controls):
    """The group Controls."""

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        if limit <= 0 or not (found := self._find_out(change, which, limit)):
            return []
        now = self.clock.now()

        def transaction(writer: sqlite3.Connection) -> list[str]:
            ids = _still_wanted(writer, found, which, _wanted(change, which, limit))
            if not dry_run:
                return _change(writer, change, ids, limit, now)
            writer.execute("SAVEPOINT pinion_dry_run")  # what it answers is what it would do
            try:
                return _change(writer, change, ids, limit, now)
            finally:
                writer.execute("ROLLBACK TO pinion_dry_run")
                writer.execute("RELEASE pinion_dry_run")

        return self._connections.write(transaction, quick=dry_run)

    def _find_out(self, change: Change, which: Filter, limit: int) -> list[str]:
        """What to change as it looks now, without the write lock: there may be a million jobs to look at."""
        if which.ids is not None:
            return sorted(set(which.ids))
        wanted = _wanted(change, which, limit)
        return self._connections.read_snapshot(lambda reader: search(reader, wanted))

    def replace(self, job: Job, *, connection: Any = None) -> Inserted | KeyHeld:
        self.accept([job], connection)
        batch = inserts.batch_of([job], self.codec, self.clock.now())
        if connection is not None:
            with translated(self.path):
                return inserts.replace(connection, batch)
        self._follow()
        return self._connections.write(lambda writer: inserts.replace(writer, batch))

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
        return self._write_one(SQL["purge"], now, quick=True)


def _change(writer: sqlite3.Connection, change: Change, ids: Iterable[str], limit: int, now: int) -> list[str]:
    changed: list[str] = []
    for job_id in ids:
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


def _still_wanted(writer: sqlite3.Connection, found: list[str], which: Filter, wanted: Wanted) -> Iterator[str]:
    """Those of the ids that were found which still meet the conditions, and then, if there may be more, the next."""
    parameters = asdict(wanted)
    for job_id in found:
        if writer.execute(SQL["wanted"], {**parameters, "id": job_id}).fetchone() is not None:
            yield job_id
    while which.ids is None and len(found) == wanted.limit:
        found = search(writer, replace(wanted, after=found[-1]))
        yield from found


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
    if key is not None and inserts.other_holder(writer, key, which["id"], which["now"]) is not None:
        return False
    writer.execute(SQL["record_last"], which)
    return bool(writer.execute(SQL["requeue"], which).rowcount)
