"""What plugins may listen to: one function per event, and what a worker does to tell them.

A plugin is a module or object with functions of these names, each taking any of the named arguments. It is found by
the entry point group `pinion`. Observers can't change what happens: what one raises is logged, and the job goes on.
An event that nobody listens to costs one look at an attribute.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pinion.job import Job, JobError

__all__ = ["EVENTS", "Hooks", "Specification"]

Listener = Callable[..., Any]


class Specification:
    """The hooks; `pinion_` and the name of the event."""

    def pinion_job_enqueued(self, job: Job) -> None:
        """A queue of this process stored a job, or stored it anew."""

    def pinion_job_started(self, job: Job) -> None:
        """A worker begins an attempt, in the thread that runs the task."""

    def pinion_job_succeeded(self, job: Job, seconds: float) -> None:
        """An attempt returned, and the storage knows it."""

    def pinion_job_failed(self, job: Job, error: JobError, seconds: float) -> None:
        """An attempt raised and was the last, and the storage knows it."""

    def pinion_job_retried(self, job: Job, error: JobError, delay: float, seconds: float) -> None:
        """An attempt raised; the next is due after `delay` seconds, and the storage knows it."""

    def pinion_job_released(self, job: Job) -> None:
        """A worker handed a job back without finishing it."""

    def pinion_job_lost(self, job: Job) -> None:
        """A settlement was refused: the claim had been lost to another worker."""

    def pinion_worker_started(self, worker: str) -> None:
        """A worker begins to claim jobs."""

    def pinion_worker_stopping(self, worker: str) -> None:
        """A worker was asked to stop and claims no more."""

    def pinion_worker_stopped(self, worker: str) -> None:
        """A worker has stopped; whatever it held is settled or handed back."""

    def pinion_commands(self, group: Any) -> None:
        """Add commands to `pinion`; `group` is its click.Group."""


EVENTS = tuple(name.removeprefix("pinion_") for name in vars(Specification) if name.startswith("pinion_"))


class Hooks:
    """Whom to call for each event: `hooks.job_started` is None if nobody listens, else a function that calls them all.

    listeners: what plugins offer, by event.
    """

    job_enqueued: Listener | None = None
    job_started: Listener | None = None
    job_succeeded: Listener | None = None
    job_failed: Listener | None = None
    job_retried: Listener | None = None
    job_released: Listener | None = None
    job_lost: Listener | None = None
    worker_started: Listener | None = None
    worker_stopping: Listener | None = None
    worker_stopped: Listener | None = None
    commands: Listener | None = None

    def __init__(self, listeners: Iterable[tuple[str, Listener]] = ()) -> None:
        by_event: dict[str, list[Listener]] = {}
        for event, listener in listeners:
            by_event.setdefault(event, []).append(listener)
        for event, those in by_event.items():
            setattr(self, event, _guarded(event, those))


def _guarded(event: str, listeners: list[Listener]) -> Listener:
    def call(**arguments: Any) -> None:
        for listener in listeners:
            try:
                listener(**arguments)
            except (Exception, SystemExit):  # an observer's defect must not fail a job; it is logged with its traceback
                import logging  # here, as it takes milliseconds that a program which only enqueues need not spend

                logging.getLogger("pinion.hooks").exception("a plugin's %s raised; the job is not affected", event)

    return call
