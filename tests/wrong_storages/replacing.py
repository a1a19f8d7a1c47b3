"""Wrong ClaimStorages: CONTROLS: a job takes the place of one that holds its key."""

from typing import Any

from pinion import Job, Status
from pinion.storage import Inserted, KeyHeld
from right_storages.plain import PlainStorage, Row
from right_storages.shelf import ShelfStorage
from wrong_storages.catalogue import refused_by


@refused_by("replace.waiting")
class ReplacesNothing(PlainStorage):
    """A key is held as long as it is held."""

    def put_in_place(self, row: Row) -> Inserted | KeyHeld:
        return self.put(row)


@refused_by("replace.waiting")
class KeepsWhatItReplaces(PlainStorage):
    """The new one is stored, and the old one runs too."""

    def put_in_place(self, row: Row) -> Inserted | KeyHeld:
        answer = self.put(row)
        if isinstance(answer, KeyHeld) and self.may_be_replaced(self.rows[answer.holder]):
            self.rows[answer.holder].job.unique_key = None
            answer = self.put(row)
        return answer


class Inherits(PlainStorage):
    """Right, until `inherit` says what the new one has of the old one."""

    def put_in_place(self, row: Row) -> Inserted | KeyHeld:
        holder = self.rows.get(self.key_holder(row.job) or "")
        answer = super().put_in_place(row)
        if answer is Inserted.NEW and holder is not None:
            self.inherit(row, holder)
        return answer

    def inherit(self, row: Row, holder: Row) -> None:
        raise NotImplementedError


@refused_by("replace.waiting")
class ReplacesInItsPlace(Inherits):
    """Whoever replaces a job often enough is always the next."""

    def inherit(self, row: Row, holder: Row) -> None:
        row.number, row.due = holder.number, holder.due


@refused_by("replace.retried")
class KeepsWhatRanOnce(PlainStorage):
    """A job that was tried waits no more."""

    def may_be_replaced(self, holder: Row) -> bool:
        return super().may_be_replaced(holder) and not holder.claimed


@refused_by("replace.retried")
class UpdatesWhatItReplaces(Inherits):
    """The new job is the old one with other arguments, and has its attempts."""

    def inherit(self, row: Row, holder: Row) -> None:
        row.job.attempts, row.job.failures = holder.job.attempts, holder.job.failures


@refused_by("replace.held")
class ReplacesWhatRuns(PlainStorage):
    """The last one wins, also over one that runs."""

    def may_be_replaced(self, holder: Row) -> bool:
        return True


@refused_by("replace.held")
class ReplacesWhatIsOver(PlainStorage):
    """A job that is done needs its key no more, whatever it was promised."""

    def may_be_replaced(self, holder: Row) -> bool:
        return holder.job.status is not Status.RUNNING


@refused_by("replace.free")
class DeletesBeforeItLooks(PlainStorage):
    """A call that is repeated, since its reply was lost, replaces its own job."""

    def put_in_place(self, row: Row) -> Inserted | KeyHeld:
        key = row.job.unique_key
        for other in list(self.rows.values()):
            if key is not None and other.job.unique_key == key and self.may_be_replaced(other):
                del self.rows[other.job.id]
        return self.put(row)


@refused_by("replace.again")
class ReplacesForNewOnes(PlainStorage):
    """What was there before has had its chance."""

    def put_in_place(self, row: Row) -> Inserted | KeyHeld:
        return self.put(row) if row.job.id in self.rows else super().put_in_place(row)


class InTwoSteps(PlainStorage):
    """Deletes, and inserts."""

    def replace(self, job: Job, *, connection: Any = None) -> Inserted | KeyHeld:
        self.accept([job], connection)
        with self.locked(connection):
            answer = self.put(self.row_of(job))
            if isinstance(answer, KeyHeld) and self.may_be_replaced(self.rows[answer.holder]):
                del self.rows[answer.holder]
        with self.locked(connection):
            return self.put(self.row_of(job)) if isinstance(answer, KeyHeld) else answer


@refused_by("replace.race")
class ReplacesInTwoSteps(InTwoSteps):
    """Between the two, there is no job at all."""


@refused_by("durable.kill_replace")
class LosesWhatItReplaces(InTwoSteps, ShelfStorage):
    """Whoever dies between the two has lost a job that was accepted."""


@refused_by("replace.transaction")
class ReplacesForEverybody(PlainStorage):
    """What the caller's transaction comes to is nothing to it."""

    def replace(self, job: Job, *, connection: Any = None) -> Inserted | KeyHeld:
        return super().replace(job)
