"""Wrong ClaimStorages: `wait_finished` and HISTORY."""

import threading
from dataclasses import replace
from typing import Any

from pinion import Status
from pinion.clock import monotonic
from pinion.errors import JobNotFound
from pinion.job import FINISHED, JobError
from pinion.outcome import Outcome
from pinion.storage import Attempt, Settlement
from right_storages.claiming import OUTCOMES
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("finish.not_found")
class WaitsForNobody(PlainStorage):
    """What isn't there is finished."""

    def wait_finished(self, job_id: str, timeout: float) -> None:
        try:
            super().wait_finished(job_id, timeout)
        except JobNotFound:
            return


@refused_by("finish.at_once", like="https://github.com/jmettraux/ruote/issues/9")
class WaitsForTheNextEvent(PlainStorage):
    """A job that is finished already tells it no more."""

    def wait_finished(self, job_id: str, timeout: float) -> None:
        with self.changed:
            self.stored(job_id)
            self.changed.wait(timeout)
        super().wait_finished(job_id, timeout)


@refused_by("finish.times_out")
class WaitsForEver(PlainStorage):
    """A timeout is for others."""

    def wait_finished(self, job_id: str, timeout: float) -> None:
        super().wait_finished(job_id, 3600.0)


@refused_by("finish.settled", "finish.deleted")
class LooksAtTheEnd(PlainStorage):
    """Sleeps for as long as it may."""

    def wait_finished(self, job_id: str, timeout: float) -> None:
        super().wait_finished(job_id, 0)
        if not self.is_over(job_id):
            threading.Event().wait(timeout)


@refused_by("finish.many")
class TellsTheLastWhoAsked(PlainStorage):
    """A job has one listener."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.listeners: dict[str, threading.Event] = {}

    def wait_finished(self, job_id: str, timeout: float) -> None:
        with self.changed:
            if self.stored(job_id).job.status in FINISHED:
                return
            listener = self.listeners[job_id] = threading.Event()
        listener.wait(timeout)

    def finish(self, row: Row, status: Status) -> None:
        super().finish(row, status)
        if row.job.id in self.listeners:
            self.listeners.pop(row.job.id).set()


@refused_by("finish.race")
class LooksThenListens(PlainStorage):
    """What happens in between is heard by nobody."""

    def wait_finished(self, job_id: str, timeout: float) -> None:
        if self.get(job_id).status not in FINISHED:
            with self.changed:
                self.changed.wait(timeout)


@refused_by("finish.deleted")
class StumblesOverADeletedJob(PlainStorage):
    """A job that was there a moment ago is an error."""

    def is_over(self, job_id: str) -> bool:
        return self.stored(job_id).job.status in FINISHED


@refused_by("finish.closed")
class ListensToAClosedStorage(PlainStorage):
    """close is for workers."""

    def wait_finished(self, job_id: str, timeout: float) -> None:
        deadline = monotonic() + timeout
        with self.changed:
            self.stored(job_id)
            while not self.is_over(job_id) and (left := deadline - monotonic()) > 0:
                self.changed.wait(left)


# --- HISTORY --------------------------------------------------------------------------------------


@refused_by("attempts.all")
class TellsTheLastAttempt(PlainStorage):
    """Has one, and promises all."""

    def attempts(self, job_id: str) -> list[Attempt]:
        return super().attempts(job_id)[-1:]


@refused_by("attempts.all")
class ForgetsWhatWasLost(PlainStorage):
    """An attempt that nobody ended never was."""

    def end_attempt(self, row: Row, outcome: str, error: JobError | None = None) -> None:
        super().end_attempt(row, outcome, error)
        row.tries = [attempt for attempt in row.tries if attempt.outcome != "lost"]


@refused_by("attempts.ends")
class CallsItDone(PlainStorage):
    """Cancelled is done."""

    def end_attempt(self, row: Row, outcome: str, error: JobError | None = None) -> None:
        super().end_attempt(row, "done" if outcome == "cancelled" else outcome, error)


@refused_by("attempts.tells")
class TellsTheLastError(PlainStorage):
    """An error is the job's, not an attempt's."""

    def attempts(self, job_id: str) -> list[Attempt]:
        error = self.get(job_id).error
        return [replace(attempt, error=attempt.error and error) for attempt in super().attempts(job_id)]


@refused_by("attempts.once")
class WritesItDownAgain(PlainStorage):
    """A settlement whose reply was lost is one more attempt."""

    def repeats(self, row: Row, settlement: Settlement) -> bool:
        again = super().repeats(row, settlement)
        if again and row.tries:
            row.tries.append(row.tries[-1])
        return again


@refused_by("attempts.again")
class BeginsAnew(PlainStorage):
    """A job that is enqueued again never ran."""

    def keep_what_is_stored(self, row: Row, known: Row) -> None:
        super().keep_what_is_stored(row, known)
        row.tries = []


@refused_by("attempts.same_batch")
class EndsWhatTheWorkerHas(PlainStorage):
    """A worker has one job at a time."""

    def end_attempt(self, row: Row, outcome: str, error: JobError | None = None) -> None:
        for other in (row, *self.rows.values()):
            super().end_attempt(other, outcome, error)


@refused_by("attempts.cancel")
class TellsWhatWasSaid(PlainStorage):
    """The worker said Retry, and so it is written."""

    def conclude(self, row: Row, outcome: Outcome) -> None:
        super().conclude(row, outcome)
        if row.settled_as is not None and row.tries:
            row.tries[-1] = replace(row.tries[-1], outcome=OUTCOMES[row.settled_as])


@refused_by("attempts.requeued")
class RequeuesAsNew(PlainStorage):
    """A second chance without a past."""

    def requeue(self, row: Row) -> None:
        super().requeue(row)
        row.tries = []
