"""Pinion: a job queue and worker whose storage is a URL. It starts as a file and grows to a cluster.

This module is the public surface. Its names are loaded when they are first used (PEP 562), so that a program which
enqueues doesn't load the worker, and a plugin of pytest nothing. `InMemoryStorage` and `SqliteStorage` come from
distributions of their own, and are here when those are installed.
"""

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # of typing, which costs as much as all of this
if TYPE_CHECKING:
    from typing import Any

    from pinion.context import RunningJob, current_job
    from pinion.errors import Cancel, JobCancelled, JobFailed, Retry, Snooze
    from pinion.execution import JobExecution
    from pinion.handle import Handle
    from pinion.job import Job, JobError, Status
    from pinion.plugins import open_storage
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

_HOMES = {
    "context": ("RunningJob", "current_job"),
    "errors": ("Cancel", "JobCancelled", "JobFailed", "Retry", "Snooze"),
    "execution": ("JobExecution",),
    "handle": ("Handle",),
    "job": ("Job", "JobError", "Status"),
    "plugins": ("open_storage",),
    "queue": ("Queue", "default_queue", "set_default_queue"),
    "retry": ("RetryPolicy",),
    "storage": ("ClaimStorage", "Storage"),
    "task": ("Registry", "Task", "schedule", "task"),
    "worker": ("Worker",),
}
_HOME = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}


class _Surface(ModuleType):
    """The import system binds every submodule to its package; `task` and `schedule` are functions here all the same."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Surface


def __getattr__(name: str) -> "Any":
    if name in _HOME:
        found = globals()[name] = getattr(import_module(_HOME[name]), name)
        return found
    if name == "__version__":
        from importlib.metadata import version

        return version("pinion-core")
    if not name[:1].isupper():  # a submodule, which the import system looks for here first, or nothing
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pinion.plugins import optional_name

    return optional_name(name, __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
