"""Promise: what a storage may promise, by name. Nothing is inferred from method names."""

from enum import StrEnum

__all__ = ["Promise"]


class Promise(StrEnum):
    """One thing a storage may promise; the kit has one file of cases for each."""

    SHARED = "SHARED"
    """Several processes may open it at once, and see one queue."""
    DURABLE = "DURABLE"
    """What `insert` accepted is there after every process died by SIGKILL."""
    POWER_SAFE = "POWER_SAFE"
    """What `insert` accepted is there after a power cut."""
    DELAY = "DELAY"
    """A job with a `run_at` in the future is accepted, and not handed out before it."""
    QUEUES = "QUEUES"
    """Jobs go into named queues, and a claim may name those it wants."""
    PRIORITY = "PRIORITY"
    """Within a queue, higher priorities are handed out first."""
    UNIQUE = "UNIQUE"
    """At most one job holds a unique key, as long as `Job.unique_while` and `Job.unique_for` say."""
    RESULTS = "RESULTS"
    """The result of a job can be read after it succeeded."""
    TRANSACTIONS = "TRANSACTIONS"
    """`insert` and `exchange` may run in the caller's own transaction, given its connection."""
    WAKEUPS = "WAKEUPS"
    """`wait` returns within milliseconds of an insert by another process, without polling for it."""
    INSPECTS = "INSPECTS"
    """The group `Inspects`: jobs can be read, listed, counted and waited for."""
    HISTORY = "HISTORY"
    """`Inspects.attempts` tells of every attempt of a job, and not of the last alone."""
    CONTROLS = "CONTROLS"
    """The group `Controls`: jobs are cancelled, requeued, deleted, replaced, queues paused; what is too old goes."""
    SCHEDULES = "SCHEDULES"
    """The group `Schedules`: of many workers, exactly one makes the job of a tick."""
    STEPS = "STEPS"
    """The group `Steps`: a running task's progress and log lines are kept with its job."""
    WORKERS = "WORKERS"
    """The group `Workers`: which workers are alive."""
