"""Wrong ClaimStorages: UNIQUE."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pinion import Job, Status
from pinion.errors import DuplicateJob, UniqueKeyHeld
from pinion.job import FINISHED
from pinion.storage import Inserted, KeyHeld, Settled, Settlement
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("unique.held")
class FreesTheKeyWhenItRuns(PlainStorage):
    """Two jobs of one key run at once."""

    def key_holder(self, job: Job) -> str | None:
        holder = super().key_holder(job)
        return None if holder and self.rows[holder].job.status is Status.RUNNING else holder


@refused_by("unique.free")
class KeepsTheKeyForEver(PlainStorage):
    """A job that is done still holds its key."""

    def key_holder(self, job: Job) -> str | None:
        if job.unique_key is None:
            return None
        same = (row.job.id for row in self.rows.values() if row.job.unique_key == job.unique_key)
        return next((each for each in same if each != job.id), None)


@refused_by("unique.free", like="https://github.com/oban-bg/oban/pull/1031")
class ComparesBeginnings(PlainStorage):
    """A key that begins like another is the same."""

    def key_holder(self, job: Job) -> str | None:
        mine = job.unique_key
        for row in self.rows.values():
            theirs = row.job.unique_key
            if mine and theirs and theirs.startswith(mine) and row.settled_as is None and row.job.id != job.id:
                return row.job.id
        return super().key_holder(job)


@refused_by("unique.in_one_call")
class ChecksBeforeTheBatch(PlainStorage):
    """Of two jobs with one key in one call, both are stored."""

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        holders = {job.id: self.key_holder(job) for job in jobs}
        self.batch = holders
        try:
            return super().insert(jobs, connection=connection)
        finally:
            self.batch = {}

    def key_holder(self, job: Job) -> str | None:
        return getattr(self, "batch", {}).get(job.id) if getattr(self, "batch", {}) else super().key_holder(job)


@refused_by("unique.kept", like="https://github.com/procrastinate-org/procrastinate/issues/1446")
class RetriesWithoutItsKey(PlainStorage):
    """Another job takes the key while this one waits for its retry."""

    def postpone(self, row: Row, delay: float) -> None:
        super().postpone(row, delay)
        row.job.unique_key = None


@refused_by("unique.enqueue")
class RaisesTheWrongError(PlainStorage):
    """A key that is held is a duplicate, it says."""

    def enqueue(self, job: Job) -> None:
        try:
            super().enqueue(job)
        except UniqueKeyHeld as held:
            raise DuplicateJob(str(held)) from held


@refused_by("unique.race", like="https://github.com/riverqueue/riverqueue-ruby/pull/40")
class ChecksThenInserts(PlainStorage):
    """Between asking for the key and taking it, another takes it."""

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        if len(jobs) != 1 or jobs[0].unique_key is None or jobs[0].id in self.rows:
            return super().insert(jobs, connection=connection)
        with self.locked(connection):
            holder = self.key_holder(jobs[0])
        if holder is not None:
            return [KeyHeld(holder)]
        row = self.row_of(jobs[0])
        with self.locked(connection):
            known = self.rows.get(row.job.id)
            self.place(row, known)
            self.rows[row.job.id] = row
            return [Inserted.NEW]


# --- how long a key is held -----------------------------------------------------------------------


@refused_by("unique.pending")
class KnowsOneScope(PlainStorage):
    """A key is held until its job is finished, whatever was asked for."""

    def holds_its_key(self, row: Row) -> bool:
        if row.job.unique_while == "pending":
            return row.job.status not in FINISHED
        return super().holds_its_key(row)


@refused_by("unique.pending")
class LocksAgainForARetry(PlainStorage):
    """A job that waits for its retry is pending, it says."""

    def holds_its_key(self, row: Row) -> bool:
        if row.job.unique_while == "pending":
            return row.job.status is not Status.RUNNING and row.job.status not in FINISHED
        return super().holds_its_key(row)


@refused_by("unique.period", "purge.key")
class FreesTheKeyWhenItIsDone(PlainStorage):
    """A period is over early if the job is."""

    def holds_its_key(self, row: Row) -> bool:
        return super().holds_its_key(row) and row.job.status not in FINISHED


@refused_by("unique.period")
class HoldsTheKeyWhileItWaits(PlainStorage):
    """A period lasts at least until the job has run."""

    def holds_its_key(self, row: Row) -> bool:
        waits = row.job.unique_for is not None and row.job.status is Status.PENDING
        return waits or super().holds_its_key(row)


@refused_by("unique.again", like="https://github.com/procrastinate-org/procrastinate/issues/1543")
class ComesBackOverItsKey(PlainStorage):
    """Whoever had the key may have it again."""

    def key_holder(self, job: Job) -> str | None:
        return None if job.id in self.rows else super().key_holder(job)


@refused_by("unique.again_keeps")
class TakesTheNewScope(PlainStorage):
    """What is enqueued again brings all its options."""

    def keep_what_is_stored(self, row: Row, known: Row) -> None:
        brought = row.job.unique_while, row.job.unique_for
        super().keep_what_is_stored(row, known)
        row.job.unique_while, row.job.unique_for = brought


@refused_by("unique.then")
class LooksBeforeItSettles(PlainStorage):
    """What follows is refused because of the job that it follows on."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        return super().settle(settlement, result, [row for row in then if self.key_holder(row.job) is None])


@refused_by("transactions.unique")
class LooksAtWhatIsCommitted(PlainStorage):
    """In the caller's transaction, only what others committed counts."""

    committed: dict[str, Row] | None = None

    @contextmanager
    def within(self, connection: Any) -> Iterator[None]:
        self.committed = None if connection is None else self.rows
        with super().within(connection):
            yield
        self.committed = None

    def key_holder(self, job: Job) -> str | None:
        ours, self.rows = self.rows, self.rows if self.committed is None else self.committed
        try:
            return super().key_holder(job)
        finally:
            self.rows = ours
