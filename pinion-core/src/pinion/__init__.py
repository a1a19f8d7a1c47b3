"""Pinion: a job queue and worker whose storage is a URL. It starts as a file and grows to a cluster.

This module is the public surface. `InMemoryStorage` and `SqliteStorage` come from distributions of their own, and
are here when those are installed.
"""

from typing import Any

from pinion.context import RunningJob, current_job
from pinion.errors import Cancel, JobCancelled, JobFailed, Retry, Snooze
from pinion.execution import JobExecution
from pinion.handle import Handle
from pinion.job import Job, JobError, Status
from pinion.plugins import open_storage, optional_name
from pinion.queue import Queue, default_queue, set_default_queue
from pinion.retry import RetryPolicy
from pinion.storage import ClaimStorage, Storage
from pinion.task import Registry, Task, schedule, task
from pinion.worker import Worker

__all__ = [
    "Cancel",
    "ClaimStorage",
    "Handle",
    "Job",
    "JobCancelled",
    "JobError",
    "JobExecution",
    "JobFailed",
    "Queue",
    "Registry",
    "Retry",
    "RetryPolicy",
    "RunningJob",
    "Snooze",
    "Status",
    "Storage",
    "Task",
    "Worker",
    "current_job",
    "default_queue",
    "open_storage",
    "schedule",
    "set_default_queue",
    "task",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("pinion-core")
    return optional_name(name, __name__)
