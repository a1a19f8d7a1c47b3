"""Control: changing what is in memory from outside."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from pinion.job import Job, Status
from pinion.storage import Change, Controls, Filter, Inserted, KeyHeld, as_datetime, changes, matches
from pinion_memory.keeper import Keeper
from pinion_memory.record import Record

__all__ = ["Control"]


class Control(Keeper, Controls):
    """The group Controls."""

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        with self._ledger.changed:
            self._check_open()
            return self._change(change, which, limit, dry_run)

    def _change(self, change: Change, which: Filter, limit: int, dry_run: bool) -> list[str]:
        now = self.clock.now()
        chosen = self._chosen(change, which, limit, now)
        for record in () if dry_run else chosen:
            self._ledger.change(change, record, now)
        self._ledger.changed.notify_all()
        return [record.id for record in chosen]

    def _chosen(self, change: Change, which: Filter, limit: int, now: int) -> list[Record]:
        """What to change, in the order of the ids. Of several that would come to hold one key, the first."""
        chosen: list[Record] = []
        keys: set[str] = set()
        for record in sorted(self._concerned(change, which, now), key=lambda record: record.id):
            if len(chosen) >= limit:
                break
            if change is Change.REQUEUE and record.unique_key is not None:
                if record.unique_key in keys:
                    continue
                keys.update(self._ledger.keys.would_hold(record, now))
            chosen.append(record)
        return chosen

    def _concerned(self, change: Change, which: Filter, now: int) -> Iterator[Record]:
        conditions = replace(which, ids=None)  # the candidates have these ids
        for record in self._candidates(which):
            if (
                changes(change, record.status, which)
                and matches(conditions, record, _moment(record))
                and self._ledger.applies(change, record, now)
            ):
                yield record

    def _candidates(self, which: Filter) -> Iterable[Record]:
        records = self._ledger.records
        if which.ids is None:
            return records.values()
        return [records[job_id] for job_id in dict.fromkeys(which.ids) if job_id in records]

    def replace(self, job: Job, *, connection: Any = None) -> Inserted | KeyHeld:
        self.accept([job], connection)
        records = self._snapshots([job])
        with self._ledger.changed:
            self._check_open()
            return self._replace(records, self.clock.now())

    def _replace(self, records: list[Record], now: int) -> Inserted | KeyHeld:
        [answer] = self._insert(records, now)
        if isinstance(answer, Inserted) or (holder := self._ledger.records[answer.holder]).status is not Status.PENDING:
            return answer
        self._ledger.change(Change.DELETE, holder, now)
        return self._insert(records, now)[0]

    def pause(self, queue: str) -> None:
        with self._ledger.changed:
            self._check_open()
            self._ledger.lines.pause(queue)

    def resume(self, queue: str) -> None:
        with self._ledger.changed:
            self._check_open()
            self._ledger.lines.resume(queue)
            self._ledger.changed.notify_all()

    def paused(self) -> frozenset[str]:
        with self._ledger.changed:
            self._check_open()
            return self._ledger.lines.paused()

    def purge(self, limit: int = 1000) -> int:
        with self._ledger.changed:
            self._check_open()
            return self._purge(limit)

    def _purge(self, limit: int) -> int:
        gone = self._ledger.let_go(limit, self.clock.now())
        for record in gone:
            self._ledger.delete(record)
        return len(gone)


def _moment(record: Record) -> datetime:
    return record.created_at if record.finished_at is None else as_datetime(record.finished_at)
