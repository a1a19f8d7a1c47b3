"""The queue of a rehearsal: whoever waits for a job lets it run, and time pass, instead of blocking."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pinion.clock import as_datetime
from pinion.job import FINISHED, Job, Status
from pinion.queue import Queue

__all__ = ["RehearsalQueue"]


class RehearsalQueue(Queue):
    """A Queue on which waiting lets the rehearsal go on.

    go_on: run all that is due until a moment, which is or lies ahead.
    """

    def __init__(self, storage: Any, go_on: Callable[[datetime], object], **options: Any) -> None:
        super().__init__(storage, **options)
        self._go_on = go_on

    def wait(self, job_id: Any, timeout: float | None = None) -> Job:
        """Run what is due; let time pass until the job's own moments, but not more than the timeout.

        Raises TimeoutError at once where that wouldn't finish the job, as of one whose queue is paused.
        """
        wanted = getattr(job_id, "id", job_id)
        begun = self._now()
        self._go_on(begun)
        while (job := self.get(wanted)).status not in FINISHED:
            due = job.run_at
            if job.status is Status.RUNNING or due is None or due <= self._now():
                raise TimeoutError(f"{job} is {job.status}, and no time that passes will finish it")
            if timeout is not None and due > begun + timedelta(seconds=timeout):
                raise TimeoutError(f"{job} is {job.status} after {timeout:g} s; it is due {due.isoformat()}")
            self._go_on(due)
        return job

    async def await_finished(self, job_id: Any) -> Job:
        """As `wait`, for those who await the job's handle."""
        return self.wait(job_id)

    def _now(self) -> datetime:
        return as_datetime(self.clock.now())
