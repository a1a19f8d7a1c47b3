"""Wrong ClaimStorages: CONTROLS: changing many jobs at once."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from pinion import Status
from pinion.job import FINISHED
from pinion.storage import Attempt, Change, Claim, Filter, Inserted, KeyHeld, Signal, changes
from right_storages.plain import PlainStorage, Row
from right_storages.reading import PlainReading
from wrong_storages.catalogue import refused_by


@refused_by("controls.refused", "schedules.refused", "steps.refused", "workers.refused")
class OffersWhatItDoesntPromise(PlainStorage):
    """Has all groups, and says nothing of them."""

    promises = PlainReading.promises


@refused_by("controls.cancel")
class CancelsWithoutAnEnd(PlainStorage):
    """What never ran never ended."""

    def cancel(self, row: Row) -> None:
        if row.job.status is Status.RUNNING:
            super().cancel(row)
        else:
            row.job.status = Status.CANCELLED


@refused_by("controls.statuses")
class RequeuesSuccesses(PlainStorage):
    """All that is finished runs again."""

    def applies(self, change: Change, row: Row, which: Filter) -> bool:
        again = change is Change.REQUEUE and row.job.status in FINISHED
        return (again and self.key_holder(row.job) is None) or super().applies(change, row, which)


@refused_by("controls.statuses")
class DeletesWhatRuns(PlainStorage):
    """All is all."""

    def applies(self, change: Change, row: Row, which: Filter) -> bool:
        return change is Change.DELETE or super().applies(change, row, which)


@refused_by("controls.named")
class DoesntHearNames(PlainStorage):
    """Whoever names a job that succeeded, or runs, can't mean it."""

    def applies(self, change: Change, row: Row, which: Filter) -> bool:
        return super().applies(change, row, which) and changes(change, row.job.status, Filter())


@refused_by("controls.requeue_delayed")
class RequeuesForLater(PlainStorage):
    """A delayed job that was cancelled, and then requeued, waits for its moment all the same."""

    def requeue(self, row: Row) -> None:
        due, run_at = row.due, row.job.run_at
        super().requeue(row)
        row.due, row.job.run_at = max(due, row.due), run_at


@refused_by("controls.requeue")
class KeepsItsFailures(PlainStorage):
    """A job without retries left is requeued, and has none left."""

    def requeue(self, row: Row) -> None:
        failures = row.job.failures
        super().requeue(row)
        row.job.failures = failures


@refused_by("controls.requeue")
class KeepsItsError(PlainStorage):
    """A job that waits says why it failed."""

    def requeue(self, row: Row) -> None:
        error = row.job.error
        super().requeue(row)
        row.job.error = error


@refused_by("controls.requeue_result")
class KeepsItsResult(PlainStorage):
    """A job that waits has a result."""

    def requeue(self, row: Row) -> None:
        result = row.result
        super().requeue(row)
        row.result = result


@refused_by("controls.requeue_order")
class RequeuesToItsOldPlace(PlainStorage):
    """A hundred old jobs go before all that wait."""

    def requeue(self, row: Row) -> None:
        place = row.number, row.due
        super().requeue(row)
        row.number, row.due = place


@refused_by("controls.requeue_fences")
class KeepsTheOldClaim(PlainStorage):
    """A settlement that is repeated late counts for the job that waits again."""

    def requeue(self, row: Row) -> None:
        token, settled_as = row.job.token, row.settled_as
        super().requeue(row)
        row.job.token, row.settled_as = token, settled_as


@refused_by("controls.requeue_key", like="https://github.com/procrastinate-org/procrastinate/issues/1446")
class RequeuesOverAKey(PlainStorage):
    """Two jobs wait under one key."""

    def applies(self, change: Change, row: Row, which: Filter) -> bool:
        return (
            changes(change, row.job.status, which) if change is Change.REQUEUE else super().applies(change, row, which)
        )


@refused_by("controls.delete")
class RemembersTheDeleted(PlainStorage):
    """The history of a job is in another table, where nobody deletes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.others: dict[str, list[Attempt]] = {}

    def do(self, change: Change, row: Row) -> None:
        super().do(change, row)
        if change is Change.DELETE:
            self.others[row.job.id] = row.tries

    def put(self, row: Row) -> Inserted | KeyHeld:
        row.tries = self.others.get(row.job.id, [])
        return super().put(row)


@refused_by("controls.delete_running")
class ExtendsTheDeleted(PlainStorage):
    """Leases are in another table, where nobody deletes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.leases: set[Claim] = set()

    def do(self, change: Change, row: Row) -> None:
        super().do(change, row)
        if change is Change.DELETE and row.job.status is Status.RUNNING:
            self.leases.add(Claim(row.job.id, row.job.token or ""))

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        return Signal.HELD if claim in self.leases else super().extend_one(claim, lease)


@refused_by("controls.filter")
class TakesNoneForAll(PlainStorage):
    """A list of ids that came out empty means every job."""

    def fits(self, row: Row, which: Filter) -> bool:
        return super().fits(row, replace(which, ids=which.ids or None))


@refused_by("controls.filter")
class AnyConditionWillDo(PlainStorage):
    """OR, where AND was meant."""

    def fits(self, row: Row, which: Filter) -> bool:
        by_id = which.ids is not None and row.job.id in which.ids
        return by_id or super().fits(row, which)


@refused_by("controls.filter_queue")
class FiltersWithoutCase(PlainStorage):
    """Mail is mail."""

    def fits(self, row: Row, which: Filter) -> bool:
        same = which.queue is not None and which.queue.lower() == row.job.queue.lower()
        return super().fits(row, replace(which, queue=None) if same else which)


@refused_by("controls.before", like="https://github.com/Abhash-Chakraborty/Find/pull/299")
class FiltersByCreation(PlainStorage):
    """What was enqueued long ago finished long ago."""

    def age(self, row: Row) -> datetime:
        return row.job.created_at


@refused_by("controls.before")
class FiltersUpTo(PlainStorage):
    """Before is before or at."""

    def fits(self, row: Row, which: Filter) -> bool:
        at = which.before is not None and self.age(row) == which.before
        return super().fits(row, replace(which, before=None) if at else which)


@refused_by("controls.limit")
class LimitsBeforeItLooks(PlainStorage):
    """Takes so many, and then those of them that it may change."""

    def change_all(self, change: Change, which: Filter, limit: int) -> list[str]:
        found = sorted(row.job.id for row in self.rows.values() if self.fits(row, which))[:limit]
        rows = [self.rows[job_id] for job_id in found]
        meant = [row for row in rows if self.applies(change, row, which)]
        return [
            job_id for row in meant for job_id in super(LimitsBeforeItLooks, self).change_all(change, _only(row), 1)
        ]


def _only(row: Row) -> Filter:
    return Filter(ids=(row.job.id,))


@refused_by("controls.limit", "cancel.once")
class AsksAgainAndAgain(PlainStorage):
    """Whoever cancels until nothing is left never ends."""

    def applies(self, change: Change, row: Row, which: Filter) -> bool:
        return (
            changes(change, row.job.status, which) if change is Change.CANCEL else super().applies(change, row, which)
        )


@refused_by("controls.dry_run")
class PromisesMoreThanItDoes(PlainStorage):
    """A dry run counts what matches, also what would be left alone."""

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        if not dry_run:
            return super().change(change, which, limit=limit)
        with self.locked():
            return sorted(row.job.id for row in self.rows.values() if self.fits(row, which))[:limit]


@refused_by("controls.race")
class LooksThenDeletes(PlainStorage):
    """What was waiting when it looked is deleted while it runs."""

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        if change is not Change.DELETE or dry_run:
            return super().change(change, which, limit=limit, dry_run=dry_run)
        found = super().change(change, which, limit=limit, dry_run=True)
        with self.locked():
            for job_id in found:
                self.rows.pop(job_id, None)
        return found
