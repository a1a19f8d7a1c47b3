"""What running a job can come to, and the one function that decides. Pure.

An outcome is a value: the worker computes it, the storage applies it. What each does to a job:

    Done        SUCCESS, with the result
    Failed      FAILED, with the error; one more in `failures`
    Retry       PENDING after the delay, with the error; one more in `failures`
    Snoozed     PENDING after the delay; nothing counted
    Released    PENDING at its original place; nothing counted (the worker stops, or never began)
    Cancelled   CANCELLED
"""

from dataclasses import dataclass
from typing import Any

from pinion import errors
from pinion.errors import InvalidJob
from pinion.job import Job, JobError
from pinion.retry import RetryPolicy

__all__ = ["LOST_LIMIT", "Cancelled", "Done", "Failed", "Outcome", "Released", "Retry", "Snoozed", "decide"]

LOST_LIMIT = 5
"""A job may lose so many leases; one more, and it is taken for a job that kills its workers."""


@dataclass(frozen=True, slots=True)
class Done:
    """The task returned `result`."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed and was the last."""

    error: JobError


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt failed; another is due after `delay` seconds."""

    delay: float
    error: JobError


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The task asked to be called again after `delay` seconds; this is not a failure."""

    delay: float


@dataclass(frozen=True, slots=True)
class Released:
    """The worker hands the job back: it was not begun, or could not be finished before a stop."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job is not to run any more."""


Outcome = Done | Failed | Retry | Snoozed | Released | Cancelled


def decide(job: Job, error: JobError, policy: RetryPolicy) -> Retry | Failed | Snoozed | Cancelled:
    """The outcome of an attempt of `job` that raised `error`: another try if the policy allows it.

    A task that raised Retry, Snooze or Cancel gets what it asked for; Retry counts against the policy. Raises
    InvalidJob where the task, or the policy, asked for a delay that is no number of seconds.
    """
    match error.cause:
        case errors.Snooze(seconds=seconds):
            return Snoozed(_checked(seconds, "Snooze"))
        case errors.Cancel() | errors.TaskCancelled():
            return Cancelled()
    failures = job.failures + 1
    asked = isinstance(error.cause, errors.Retry)
    if policy.allows(failures) and (asked or policy.covers(error.cause)):
        after = getattr(error.cause, "after", None) if asked else None
        return Retry(_checked(policy.compute_delay(failures) if after is None else after, "Retry"), error)
    return Failed(error)


def _checked(seconds: object, what: str) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise InvalidJob(f"{what}: the delay must be a number of seconds of at least 0, got {seconds!r:.100}")
    return float(seconds)
