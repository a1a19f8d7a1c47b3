"""Wrong ClaimStorages: STEPS and WORKERS."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pinion import Job
from pinion.clock import SECOND
from pinion.errors import JobNotFound
from pinion.storage import KEEP, Claim, ClaimRequest, Line, WorkerEntry
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("steps.progress")
class DropsZero(PlainStorage):
    """No progress is not a progress."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        return super().note(claim, progress=progress or KEEP, lines=lines)


@refused_by("steps.kept")
class SetsProgressBack(PlainStorage):
    """A line without a progress takes it away."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        return super().note(claim, progress=None if progress is KEEP else progress, lines=lines)


@refused_by("steps.lines")
class SortsLinesByTime(PlainStorage):
    """A clock that is set back mixes up what was said."""

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        return sorted(super().lines(job_id, limit), key=lambda line: line.at)


@refused_by("steps.attempts")
class BeginsFromNothing(PlainStorage):
    """A new attempt doesn't know how far the last one came."""

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        row.progress = None
        return super().hand_out(row, request)


@refused_by("steps.fenced", like="https://github.com/rafidahmed870/queue-jobs-worker/issues/19")
class BelievesAnyToken(PlainStorage):
    """A worker that lost its job writes into the next attempt."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        row = self.rows.get(claim.id)
        token = (row and row.job.token) or claim.token
        return super().note(Claim(claim.id, token), progress=progress, lines=lines)


@refused_by("steps.late")
class RefusesTheLate(PlainStorage):
    """A task that was held up for a moment may say nothing more."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        row = self.rows.get(claim.id)
        if row is not None and self.has_expired(row):
            return False
        return super().note(claim, progress=progress, lines=lines)


@refused_by("steps.limit")
class TellsTheFirst(PlainStorage):
    """What was said first, where what was said last was asked for."""

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        return super().lines(job_id)[:limit]


@refused_by("steps.not_found")
class NobodySaidNothing(PlainStorage):
    """What isn't there said nothing."""

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        try:
            return super().lines(job_id, limit)
        except JobNotFound:
            return []


@refused_by("steps.refused_value")
class WritesLinesFirst(PlainStorage):
    """Half a note."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        return super().note(claim, lines=lines) and super().note(claim, progress=progress)


@refused_by("steps.snapshot")
class KeepsTheCallersValue(PlainStorage):
    """What the task goes on changing is what is told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.values: dict[str, Any] = {}

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        held = super().note(claim, progress=progress, lines=lines)
        if held and progress is not KEEP:
            self.values[claim.id] = progress
        return held

    def shown(self, row: Row) -> Job:
        return replace(super().shown(row), progress=self.values.get(row.job.id))


@refused_by("steps.requeued")
class ForgetsItsLines(PlainStorage):
    """A second chance without a past."""

    def requeue(self, row: Row) -> None:
        super().requeue(row)
        row.lines = []


# --- WORKERS --------------------------------------------------------------------------------------


@refused_by("workers.told")
class JoinsQueuesByCommas(PlainStorage):
    """A comma in a name makes two."""

    def seen(self, entry: WorkerEntry) -> WorkerEntry:
        queues = None if entry.queues is None else tuple(",".join(entry.queues).split(",") if entry.queues else ())
        return replace(super().seen(entry), queues=queues)


@refused_by("workers.told")
class BelievesTheWorkersClock(PlainStorage):
    """When it was seen, the worker says."""

    def seen(self, entry: WorkerEntry) -> WorkerEntry:
        return replace(entry, seen_at=entry.started_at)


@refused_by("workers.queues")
class TakesNoneForAll(PlainStorage):
    """A worker without queues has them all."""

    def seen(self, entry: WorkerEntry) -> WorkerEntry:
        return replace(super().seen(entry), queues=entry.queues or None)


@refused_by("workers.last_word")
class RemembersTheFirstWord(PlainStorage):
    """A worker runs what it ran when it began."""

    def seen(self, entry: WorkerEntry) -> WorkerEntry:
        known, _ = self.around.alive.get(entry.name, (entry, 0))
        return super().seen(known)


@refused_by("workers.by_name")
class ListsByArrival(PlainStorage):
    """Who came first stands first."""

    def workers(self) -> list[WorkerEntry]:
        return [entry for entry, ends in self.around.alive.values() if self.is_alive(ends)]


@refused_by("workers.lease", like="https://github.com/temporalio/ui/issues/3475")
class CountsTheDead(PlainStorage):
    """Who never said that it stops goes on for ever."""

    def is_alive(self, ends: int) -> bool:
        return True


@refused_by("workers.lease", like="https://github.com/rq/rq/issues/469")
class BuriesTheFrozen(PlainStorage):
    """A worker that was silent for too long may not come back."""

    def report_worker(self, entry: WorkerEntry, lease: float) -> None:
        _, ends = self.around.alive.get(entry.name, (entry, 2**62))
        if self.is_alive(ends):
            super().report_worker(entry, lease)


@refused_by("workers.lease")
class NeverShortensALease(PlainStorage):
    """The longest word counts."""

    def report_worker(self, entry: WorkerEntry, lease: float) -> None:
        _, ends = self.around.alive.get(entry.name, (entry, 0))
        super().report_worker(entry, max(lease, (ends - self.now()) / SECOND))


@refused_by("workers.forgotten")
class ForgetsOnce(PlainStorage):
    """Who stops twice is an error."""

    def forget_worker(self, name: str) -> None:
        with self.locked():
            del self.around.alive[name]
