"""Wrong ClaimStorages: SCHEDULES."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pinion import Job
from pinion.errors import DuplicateJob, UniqueKeyHeld
from pinion.storage import Inserted, KeyHeld, ScheduleEntry
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("schedules.put", "schedules.fire")
class CountsInSeconds(PlainStorage):
    """Who needs microseconds in a calendar?"""

    def schedules(self) -> list[ScheduleEntry]:
        return [replace(entry, next=entry.next and entry.next.replace(microsecond=0)) for entry in super().schedules()]


@refused_by("schedules.order")
class ListsWithoutCase(PlainStorage):
    """a stands before B."""

    def schedules(self) -> list[ScheduleEntry]:
        return sorted(super().schedules(), key=lambda entry: entry.name.lower())


@refused_by("schedules.put_again", like="https://github.com/temporalio/temporal/issues/4866")
class BeginsAgainWhenPutAgain(PlainStorage):
    """Every worker that starts sets the schedule back."""

    def put_schedule(self, entry: ScheduleEntry) -> ScheduleEntry:
        known = self.around.timetable.get(entry.name)
        kept = super().put_schedule(entry)
        if known is None or known.definition != entry.definition:
            return kept
        self.around.timetable[entry.name] = replace(kept, next=entry.next)
        return self.around.timetable[entry.name]


@refused_by("schedules.replace", like="https://github.com/quartznet/quartznet/pull/75")
class ForgetsWhenItFired(PlainStorage):
    """A new definition has no past, so that its last tick is made again."""

    def replaced(self, known: ScheduleEntry, entry: ScheduleEntry) -> ScheduleEntry:
        return entry


@refused_by("schedules.replace")
class WaitsForTheOldTick(PlainStorage):
    """A new definition counts from the next tick of the old."""

    def replaced(self, known: ScheduleEntry, entry: ScheduleEntry) -> ScheduleEntry:
        return replace(entry, last=known.last, next=known.next)


@refused_by("schedules.delete")
class DeletesWhatever(PlainStorage):
    """Gone is gone, also if it never was."""

    def delete_schedule(self, name: str) -> bool:
        super().delete_schedule(name)
        return True


@refused_by("schedules.fire")
class DoesntNoteTheTick(PlainStorage):
    """When it fired last, nobody knows."""

    def tick(self, entry: ScheduleEntry, next: datetime | None, rows: list[Row]) -> None:
        super().tick(entry, next, rows)
        self.around.timetable[entry.name] = replace(entry, next=next, last=None)


@refused_by("schedules.fire_once", like="https://github.com/sidekiq-scheduler/sidekiq-scheduler/issues/156")
class FiresWhatIsOverdue(PlainStorage):
    """Another worker's clock is a little ahead, and it makes the tick once more."""

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        entry = self.around.timetable.get(name)
        late = entry is not None and entry.next is not None and entry.next < expected
        return super().fire(name, entry.next if entry and entry.next and late else expected, next, jobs)


@refused_by("schedules.last_tick")
class DropsWhatIsOver(PlainStorage):
    """A schedule that is never due again is none, and is put anew by the next worker that starts."""

    def tick(self, entry: ScheduleEntry, next: datetime | None, rows: list[Row]) -> None:
        super().tick(entry, next, rows)
        if next is None:
            del self.around.timetable[entry.name]


@refused_by("schedules.time_zones")
class ComparesText(PlainStorage):
    """12:00+00:00 isn't 17:45+05:45."""

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        entry = self.around.timetable.get(name)
        same = entry is not None and str(entry.next) == str(expected)
        return same and super().fire(name, expected, next, jobs)


@refused_by("schedules.refused_job")
class SetsTheClockFirst(PlainStorage):
    """A tick whose job can't be stored is over."""

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        if not super().fire(name, expected, next, []):
            return False
        self.insert(jobs)
        return True


@refused_by("schedules.same_id")
class StumblesOverAnId(PlainStorage):
    """A tick that was made before fails, for ever."""

    def tick(self, entry: ScheduleEntry, next: datetime | None, rows: list[Row]) -> None:
        for row in rows:
            if self.put(row) is Inserted.SAME_ID:
                raise DuplicateJob(f"{row.job} is stored already")
        super().tick(entry, next, [])


@refused_by("schedules.key")
class StumblesOverAKey(PlainStorage):
    """A tick whose last job still runs is an error."""

    def tick(self, entry: ScheduleEntry, next: datetime | None, rows: list[Row]) -> None:
        for row in rows:
            if isinstance(held := self.put(row), KeyHeld):
                raise UniqueKeyHeld(f"the key of {row.job} is held", held.holder)
        super().tick(entry, next, [])


@refused_by("schedules.wakes")
class FiresQuietly(PlainStorage):
    """Who waits learns of the job when something else happens."""

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        rows = [self.row_of(job) for job in jobs]
        self.accept(jobs)
        with self.changed:
            entry = self.around.timetable.get(name)
            if entry is None or entry.next != expected:
                return False
            self.tick(entry, next, rows)
            return True


@refused_by("schedules.race", like="https://github.com/sidekiq-scheduler/sidekiq-scheduler/issues/156")
class LooksThenFires(PlainStorage):
    """Two workers see that it is due, and both make the job."""

    def fire(self, name: str, expected: datetime, next: datetime | None, jobs: Sequence[Job]) -> bool:
        self.accept(jobs)
        rows = [self.row_of(job) for job in jobs]
        with self.locked():
            entry = self.around.timetable.get(name)
        if entry is None or entry.next != expected:
            return False
        with self.locked():
            self.tick(entry, next, rows)
        return True


@refused_by("schedules.threads")
class CountsToTen(PlainStorage):
    """Every tenth tick is made, and its job isn't."""

    ticks = 0

    def tick(self, entry: ScheduleEntry, next: datetime | None, rows: list[Row]) -> None:
        self.ticks += 1
        super().tick(entry, next, [] if self.ticks % 10 == 0 else rows)
