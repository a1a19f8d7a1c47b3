"""Wrong ClaimStorages: CONTROLS: cancelling what runs, pausing, purging."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pinion import Job, Status
from pinion.clock import SECOND
from pinion.outcome import Cancelled, Outcome
from pinion.storage import Change, Claim, ClaimRequest, Filter, Signal
from right_storages.claiming import PlainClaims
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("cancel.running")
class SaysItOnce(PlainStorage):
    """A holder that was told, and died before it could act, was told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.told: set[Claim] = set()

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        signal = super().extend_one(claim, lease)
        if signal is Signal.CANCEL and claim in self.told:
            return Signal.HELD
        self.told |= {claim} if signal is Signal.CANCEL else set()
        return signal


@refused_by("cancel.running")
class ExtendsNoCancelled(PlainStorage):
    """A task that takes its time to stop loses its job."""

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        row = self.rows.get(claim.id)
        if row is not None and row.asked and self.is_held(row, claim):
            return Signal.CANCEL
        return super().extend_one(claim, lease)


@refused_by("controls.statuses", "cancel.running")
class CancelsWhatRunsAtOnce(PlainStorage):
    """A job is CANCELLED, and its task goes on."""

    def cancel(self, row: Row) -> None:
        self.finish(row, Status.CANCELLED)

    def is_held(self, row: Row, claim: Claim) -> bool:
        return row.job.status is not Status.PENDING and row.settled_as is None and row.job.token == claim.token


@refused_by("cancel.gives_back", like="https://github.com/rq/rq/issues/1408")
class RetriesTheCancelled(PlainStorage):
    """A job that was cancelled as it ran is tried again."""

    def meant(self, row: Row, outcome: Outcome) -> Outcome:
        row.asked = False
        return outcome


@refused_by("cancel.gives_back", like="https://github.com/kent8192/reinhardt-web/pull/5620")
class LeavesTheCancelledWaiting(PlainStorage):
    """A job that was cancelled as it ran waits, and is never handed out: for ever."""

    def meant(self, row: Row, outcome: Outcome) -> Outcome:
        return outcome


@refused_by("cancel.counts")
class CancelsWhatIsDone(PlainStorage):
    """A task that was quicker than its cancel did nothing."""

    def meant(self, row: Row, outcome: Outcome) -> Outcome:
        return Cancelled() if row.asked else outcome


@refused_by("cancel.lost", "cancel.lost_in_a_crowd")
class HandsOutTheCancelled(PlainStorage):
    """A worker that dies undoes the cancel."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        return PlainClaims.claim(self, request)

    def is_claimable(self, row: Row) -> bool:
        return PlainClaims.is_claimable(self, row)


@refused_by("cancel.lost")
class LeavesTheLostRunning(PlainStorage):
    """A job whose worker died is never handed out, and runs for ever."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        return PlainClaims.claim(self, request)


@refused_by("cancel.lost_in_a_crowd")
class BuriesOneAtATime(PlainStorage):
    """A claim that comes upon a cancelled job gets nothing."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        for row in self.rows.values():
            if row.asked and row.job.status is Status.RUNNING and self.has_expired(row):
                self.conclude(row, Cancelled())
                return []
        return super().claim(request)


@refused_by("cancel.requeued")
class StaysAsked(PlainStorage):
    """A job that was asked to stop once is stopped whenever it runs."""

    def requeue(self, row: Row) -> None:
        asked = row.asked
        super().requeue(row)
        row.asked = asked


@refused_by("cancel.race")
class LooksThenCancels(PlainStorage):
    """What was waiting when it looked is CANCELLED while it runs."""

    def change(self, change: Change, which: Filter, *, limit: int = 1000, dry_run: bool = False) -> list[str]:
        if change is not Change.CANCEL or dry_run:
            return super().change(change, which, limit=limit, dry_run=dry_run)
        with self.locked():
            waiting = {row.job.id for row in self.rows.values() if row.job.status is Status.PENDING}
        found = super().change(change, which, limit=limit, dry_run=True)
        with self.locked():
            for job_id in found:
                if job_id in waiting:
                    self.finish(self.rows[job_id], Status.CANCELLED)
                else:
                    self.rows[job_id].asked = True
        return found


# --- pausing --------------------------------------------------------------------------------------


@refused_by("pause.holds", like="https://github.com/sidekiq/sidekiq/issues/4975")
class HandsOutToWhoAsksForIt(PlainStorage):
    """A claim that names the queue gets its jobs."""

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        return (queues is not None and row.job.queue in queues) or super().is_wanted(row, queues)


@refused_by("pause.running", like="https://github.com/OptimalBits/bull/issues/1087")
class PausesWhatIsNew(PlainStorage):
    """What comes back, or comes due, isn't in the list that is paused."""

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        if row.claimed:
            return PlainClaims.is_wanted(self, row, queues)
        return super().is_wanted(row, queues)


@refused_by("pause.order", like="https://github.com/OptimalBits/bull/issues/2540")
class ResumesBehindTheOthers(PlainStorage):
    """What waited is moved to another list, and back to its end."""

    aside: tuple[Row, ...] = ()

    def pause(self, queue: str) -> None:
        super().pause(queue)
        self.aside = tuple(self.rows.values())

    def resume(self, queue: str) -> None:
        super().resume(queue)
        for row in self.aside:
            row.number += 1_000_000


@refused_by("pause.repeated")
class CountsPauses(PlainStorage):
    """Who pauses twice has to resume twice."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.times: Counter[str] = Counter()

    def pause(self, queue: str) -> None:
        self.times[queue] += 1
        super().pause(queue)

    def resume(self, queue: str) -> None:
        self.times[queue] = max(0, self.times[queue] - 1)
        if not self.times[queue]:
            super().resume(queue)


@refused_by("pause.others")
class PausesWithoutCase(PlainStorage):
    """Mail is mail."""

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        paused = row.job.queue.lower() in {queue.lower() for queue in self.around.paused}
        return not paused and super().is_wanted(row, queues)


@refused_by("pause.resume_wakes")
class ResumesQuietly(PlainStorage):
    """Who waits learns of it when something else happens."""

    def resume(self, queue: str) -> None:
        with self.changed:
            self.around.paused.discard(queue)


@refused_by("pause.rests")
class SpinsWhilePaused(PlainStorage):
    """There is something, says wait; there is nothing, says a claim: a warning."""

    def anything(self, queues: Sequence[str] | None) -> bool:
        return any(PlainClaims.is_wanted(self, row, queues) and self.is_claimable(row) for row in self.rows.values())


# --- purging --------------------------------------------------------------------------------------


@refused_by("purge.keep")
class PurgesAtOnce(PlainStorage):
    """A time to keep is a wish to go."""

    def is_too_old(self, row: Row) -> bool:
        return row.job.keep is not None and row.job.status in (Status.SUCCESS, Status.CANCELLED)


@refused_by("purge.keep")
class KeepsTheCancelled(PlainStorage):
    """What was cancelled stays for ever."""

    def is_too_old(self, row: Row) -> bool:
        return super().is_too_old(row) and row.job.status is Status.SUCCESS


@refused_by("purge.since_the_end", like="https://github.com/Abhash-Chakraborty/Find/pull/299")
class CountsFromTheInsert(PlainStorage):
    """A job that took long is gone when it is finished."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inserted: dict[str, int] = {}

    def place(self, row: Row, known: Row | None) -> None:
        super().place(row, known)
        self.inserted.setdefault(row.job.id, self.now())

    def is_too_old(self, row: Row) -> bool:
        finished = row.job.status in (Status.SUCCESS, Status.CANCELLED) and row.job.keep is not None
        return finished and self.inserted[row.job.id] + round((row.job.keep or 0) * SECOND) <= self.now()


@refused_by("purge.at_once")
class TakesZeroForNone(PlainStorage):
    """Not at all is for ever."""

    def is_too_old(self, row: Row) -> bool:
        return bool(row.job.keep) and super().is_too_old(row)


@refused_by("purge.unfinished", like="https://github.com/armadaproject/armada/pull/3608")
class PurgesWhatRuns(PlainStorage):
    """What is old goes, finished or not."""

    def is_too_old(self, row: Row) -> bool:
        return (row.job.keep == 0 and row.job.status is Status.RUNNING) or super().is_too_old(row)


@refused_by("purge.unfinished")
class PurgesFailures(PlainStorage):
    """What failed at night is gone before anybody looks."""

    def is_too_old(self, row: Row) -> bool:
        return (row.job.keep == 0 and row.job.status is Status.FAILED) or super().is_too_old(row)


@refused_by("purge.limit")
class PurgesAll(PlainStorage):
    """A million jobs in one transaction."""

    def purge(self, limit: int = 1000) -> int:
        return super().purge(2**31)


@refused_by("purge.key")
class PurgesTheKeyToo(PlainStorage):
    """A job that is kept no longer guards nothing."""

    def is_too_old(self, row: Row) -> bool:
        unique_for, row.job.unique_for = row.job.unique_for, None
        try:
            return super().is_too_old(row)
        finally:
            row.job.unique_for = unique_for
