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


def decide(job: Job, error: JobError, policy: RetryPolicy) -> Retry | Failed:
    """The outcome of an attempt of `job` that raised `error`: another try if the policy allows it."""
    failures = job.failures + 1
    if policy.allows(failures):
        return Retry(policy.compute_delay(failures), error)
    return Failed(error)
