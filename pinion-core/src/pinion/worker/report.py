"""What a worker says: the wording of every log line, one record per event, and the counts of the summary.

The records go to the logger "pinion.worker" and carry the event's fields as `record.pinion`, for formatters that
write JSON. Nothing is formatted unless somebody listens.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pinion.hooks import Hooks
from pinion.job import Job
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Settled

__all__ = ["Ended", "EndedElsewhere", "Report", "Summary", "counted"]

logger = logging.getLogger("pinion.worker")

_EVENTS: dict[type, str] = {
    Done: "job.succeeded",
    Failed: "job.failed",
    Retry: "job.retried",
    Snoozed: "job.snoozed",
    Released: "job.released",
    Cancelled: "job.cancelled",
}


@dataclass(slots=True)
class Summary:
    """What a worker did, in jobs; `retried` counts attempts that failed and are tried again.

    lost: settlements refused because the claim had been lost.
    unsettled: finished work that the storage could not be told; those jobs run again after their lease.
    worn: why the worker stopped by itself, to be replaced by a fresh process.
    abandoned: tasks that still ran when the grace period ended; their jobs were handed back.
    """

    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    lost: int = 0
    released: int = 0
    cancelled: int = 0
    snoozed: int = 0
    unsettled: int = 0
    abandoned: int = 0
    worn: str | None = None

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed + self.cancelled

    @property
    def attempts(self) -> int:
        """Those that ended by themselves."""
        return self.finished + self.retried + self.snoozed


class Ended:
    """An attempt that is over and not yet settled."""

    __slots__ = ("job", "outcome", "seconds")
    was_handed_on = False

    def __init__(self, job: Job, outcome: Outcome, seconds: float) -> None:
        self.job = job
        self.outcome = outcome
        self.seconds = seconds


class EndedElsewhere(Ended):
    """An attempt that was handed on by the thread that took the job, and ended on the event loop."""

    __slots__ = ()
    was_handed_on = True


class Report:
    """Counts and says what happens to the jobs of one worker."""

    def __init__(self, worker: str, hooks: Hooks) -> None:
        self.worker = worker
        self.hooks = hooks
        self.summary = Summary()

    def exchanged(self, ended: Sequence[Ended], verdicts: Sequence[Settled]) -> None:
        """The storage has answered: these attempts count, or were refused."""
        counted = []
        for each, verdict in zip(ended, verdicts, strict=True):
            if verdict is Settled.SETTLED:
                counted.append(each)
            else:
                self.refused(each)
        self.settled(counted)

    def settled(self, ended: Sequence[Ended]) -> None:
        """The storage has taken these outcomes."""
        heard = logger.isEnabledFor(logging.INFO)
        for each in ended:
            event = _EVENTS[type(each.outcome)]
            name = event[4:]
            setattr(self.summary, name, getattr(self.summary, name) + 1)
            if heard or name == "failed":
                self._say(event, each)
            if (tell := getattr(self.hooks, f"job_{name}", None)) is not None:
                tell(**_told(each))

    def _say(self, event: str, ended: Ended) -> None:
        match ended.outcome:
            case Done():
                self._log(logging.INFO, event, ended, "%s succeeded in %.3f s", ended.seconds)
            case Retry(delay, error):
                self._log(
                    logging.WARNING,
                    event,
                    ended,
                    "%s failed, next try in %.2f s: %s",
                    delay,
                    error,
                    error=error,
                    delay=delay,
                )
            case Failed(error):
                attempts = ended.job.attempts
                self._log(
                    logging.ERROR,
                    event,
                    ended,
                    "%s failed for good after %s: %s",
                    counted(attempts, "attempt"),
                    error,
                    error=error,
                )
            case Snoozed(delay):
                self._log(logging.INFO, event, ended, "%s snoozed for %.2f s", delay, delay=delay)
            case Released():
                self._log(logging.INFO, event, ended, "%s handed back; it keeps its place and nothing is counted")
            case Cancelled():
                self._log(logging.INFO, event, ended, "%s cancelled")

    def refused(self, ended: Ended) -> None:
        """The claim was lost before the attempt was settled."""
        self.summary.lost += 1
        if self.hooks.job_lost:
            self.hooks.job_lost(job=ended.job)
        self._log(
            logging.WARNING,
            "job.lost",
            ended,
            "%s: its settlement came late and was refused, "
            "because the lease had run out and the job was claimed again; "
            "this attempt (%s) doesn't count",
            _EVENTS[type(ended.outcome)][4:],
        )

    def completed_by_itself(self, ended: Ended) -> None:
        """The task's own transaction had completed the job; then the task raised."""
        text = "%s was completed by its task's own transaction; that the task raised afterwards doesn't count: %s"
        error = getattr(ended.outcome, "error", ended.outcome)
        self._log(logging.WARNING, "job.completed", ended, text, error)

    def lease_lost(self, job: Job) -> None:
        """A heartbeat was told that somebody else holds the job now."""
        text = "%s: the lease ran out and the job is no longer this worker's; what its task does now doesn't count"
        self._log(logging.WARNING, "job.lease_lost", Ended(job, Released(), 0.0), text)

    def not_interrupted(self, job: Job, kind: type[BaseException]) -> None:
        """An exception was raised in the task's thread some time ago, and the task goes on."""
        text = (
            "%s doesn't react to %s: it waits in a call of the system, or computes in C, or has caught it; "
            "its thread is busy until it returns"
        )
        self._log(logging.WARNING, "job.not_interrupted", Ended(job, Released(), 0.0), text, kind.__name__)

    def result_dropped(self, ended: Ended, why: Exception) -> None:
        """The task succeeded, and its result can't be stored."""
        text = "%s succeeded, but its result can't be stored and is dropped: %s"
        self._log(logging.WARNING, "job.result_dropped", ended, text, why)

    def _log(
        self, level: int, event: str, ended: Ended, text: str, *args: object, error: Any = None, **more: object
    ) -> None:
        job = ended.job
        fields: dict[str, object] = {
            "event": event,
            "job": job.id,
            "task": job.func_name,
            "queue": job.queue,
            "attempt": job.attempts,
            "worker": self.worker,
            "seconds": round(ended.seconds, 6),
            **more,
        }
        if error is not None:
            fields |= {"error_type": error.type, "error": error.message, "traceback": error.traceback}
        logger.log(level, text, job, *args, extra={"pinion": fields})

    def worker_event(self, event: str, text: str, *args: object, level: int = logging.INFO, **more: object) -> None:
        """Something about the worker itself."""
        if (tell := getattr(self.hooks, event.replace(".", "_"), None)) is not None:
            tell(worker=self.worker)
        logger.log(level, text, *args, extra={"pinion": {"event": event, "worker": self.worker, **more}})


def _told(ended: Ended) -> dict[str, object]:
    """What the hook of an outcome is given."""
    told: dict[str, object] = {"job": ended.job}
    match ended.outcome:
        case Done():
            told["seconds"] = ended.seconds
        case Failed(error):
            told |= {"error": error, "seconds": ended.seconds}
        case Retry(delay, error):
            told |= {"error": error, "delay": delay, "seconds": ended.seconds}
    return told


def counted(number: int, one: str, many: str = "") -> str:
    """So many of something, in words. many: of two and more; that of one with an s if left out."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
