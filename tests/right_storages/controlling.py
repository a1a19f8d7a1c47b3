"""Controls, on plain rows."""

import copy
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from pinion.clock import SECOND, as_microseconds
from pinion.job import FINISHED, Job, Status
from pinion.outcome import Cancelled, Outcome, Released, Retry, Snoozed
from pinion.storage import (
    Change,
    Claim,
    ClaimRequest,
    Controls,
    Filter,
    Inserted,
    KeyHeld,
    Promise,
    Signal,
    changes,
    matches,
)
from right_storages.claiming import PlainClaims
from right_storages.row import Row


class PlainControls(PlainClaims, Controls):
    """Goes through all rows."""

    promises: ClassVar[frozenset[Promise]] = PlainClaims.promises | {Promise.CONTROLS}

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        with self.locked():
            before = copy.deepcopy(self.rows) if dry_run else {}
            changed = self.change_all(change, which, limit)
            self.rows = before if dry_run else self.rows
            return changed

    def change_all(self, change: Change, which: Filter, limit: int) -> list[str]:
        changed: list[str] = []
        for row in sorted(self.rows.values(), key=lambda row: row.job.id):
            if len(changed) < limit and self.fits(row, which) and self.applies(change, row, which):
                self.do(change, row)
                changed.append(row.job.id)
        return changed

    def fits(self, row: Row, which: Filter) -> bool:
        return matches(which, row.job, self.age(row))

    def age(self, row: Row) -> datetime:
        finished = row.job.finished_at if row.job.status in FINISHED else None
        return finished or row.job.created_at

    def applies(self, change: Change, row: Row, which: Filter) -> bool:
        if change is Change.CANCEL and row.asked and row.job.status is Status.RUNNING:
            return False
        if change is Change.REQUEUE and self.key_holder(row.job) is not None:
            return False
        return changes(change, row.job.status, which)

    def do(self, change: Change, row: Row) -> None:
        match change:
            case Change.CANCEL:
                self.cancel(row)
            case Change.REQUEUE:
                self.requeue(row)
            case Change.DELETE:
                del self.rows[row.job.id]

    # --- cancelling -------------------------------------------------------------------------------

    def cancel(self, row: Row) -> None:
        if row.job.status is Status.RUNNING:
            row.asked = True
        else:
            self.finish(row, Status.CANCELLED)

    def meant(self, row: Row, outcome: Outcome) -> Outcome:
        """Of a job that was asked to stop, nothing comes back."""
        return Cancelled() if row.asked and isinstance(outcome, Retry | Snoozed | Released) else outcome

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        signal = super().extend_one(claim, lease)
        return Signal.CANCEL if signal is Signal.HELD and self.rows[claim.id].asked else signal

    def is_claimable(self, row: Row) -> bool:
        return super().is_claimable(row) and not row.asked

    def claim(self, request: ClaimRequest) -> list[Job]:
        for row in self.rows.values():
            if row.asked and row.job.status is Status.RUNNING and self.has_expired(row):
                self.conclude(row, Cancelled())
        return super().claim(request)

    # --- requeueing -------------------------------------------------------------------------------

    def requeue(self, row: Row) -> None:
        self.numbers += 1
        row.number, row.due, row.job.run_at = self.numbers, self.now(), None
        row.job.status, row.job.token, row.job.finished_at = Status.PENDING, None, None
        row.job.failures = row.job.lost = 0
        row.job.error = row.result = row.settled_as = None
        row.asked = row.claimed = False

    # --- replacing --------------------------------------------------------------------------------

    def replace(self, job: Job, *, connection: Any = None) -> Inserted | KeyHeld:
        self.accept([job], connection)
        row = self.row_of(job)
        with self.locked(connection):
            return self.put_in_place(row)

    def put_in_place(self, row: Row) -> Inserted | KeyHeld:
        answer = self.put(row)
        if isinstance(answer, KeyHeld) and self.may_be_replaced(self.rows[answer.holder]):
            del self.rows[answer.holder]
            answer = self.put(row)
        return answer

    def may_be_replaced(self, holder: Row) -> bool:
        return holder.job.status is Status.PENDING

    # --- pausing ----------------------------------------------------------------------------------

    def pause(self, queue: str) -> None:
        with self.locked():
            self.around.paused.add(queue)

    def resume(self, queue: str) -> None:
        with self.locked():
            self.around.paused.discard(queue)

    def paused(self) -> frozenset[str]:
        with self.locked():
            return frozenset(self.around.paused)

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        return row.job.queue not in self.around.paused and super().is_wanted(row, queues)

    # --- purging ----------------------------------------------------------------------------------

    def purge(self, limit: int = 1000) -> int:
        with self.locked():
            old = [row.job.id for row in self.rows.values() if self.is_too_old(row)][:limit]
            for job_id in old:
                del self.rows[job_id]
            return len(old)

    def is_too_old(self, row: Row) -> bool:
        job = row.job
        if job.keep is None or job.finished_at is None or job.status not in (Status.SUCCESS, Status.CANCELLED):
            return False
        if job.unique_key is not None and job.unique_for is not None and self.holds_its_key(row):
            return False
        return as_microseconds(job.finished_at) + round(job.keep * SECOND) <= self.now()
