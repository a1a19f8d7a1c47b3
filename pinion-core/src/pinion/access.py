"""Access: what can be asked of the jobs that a storage holds, and done to them. Enqueueing is `pinion.queue`'s.

Whatever the storage doesn't promise is refused with Unsupported, before anything is changed.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from pinion import promised
from pinion.clock import SYSTEM, Clock, as_datetime, monotonic
from pinion.job import FINISHED, Job, Status
from pinion.lookout import Lookout
from pinion.options import Seconds, seconds
from pinion.storage import (
    SECOND,
    Attempt,
    Change,
    ClaimStorage,
    Filter,
    Line,
    Query,
    ScheduleEntry,
    Storage,
    WorkerEntry,
)

__all__ = ["Access", "Identified"]

LONG = 3600.0
BATCH = 1000


class Identified(Protocol):
    """What has the id of a job: a Handle, or a Job."""

    @property
    def id(self) -> str: ...


class Access:
    """What an application may ask of a storage, and change in it."""

    def __init__(self, storage: Storage | ClaimStorage) -> None:
        self.storage: Storage | ClaimStorage = storage
        self._lookout: tuple[int, Lookout] | None = None

    @property
    def clock(self) -> Clock:
        """What the storage goes by; the system's if it has none of its own."""
        clock: Clock = getattr(self.storage, "clock", SYSTEM)
        return clock

    # --- reading ----------------------------------------------------------------------------------

    def get(self, job_id: str) -> Job:
        """A snapshot of the job. Raises JobNotFound, or Unsupported where INSPECTS isn't promised."""
        return promised.inspects(self.storage).get(job_id)

    def find(self, query: Query) -> list[Job]:
        """Snapshots of the matching jobs, in the order of their creation. Raises Unsupported."""
        return promised.inspects(self.storage).find(query)

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        """How many jobs each queue holds in each status. Raises Unsupported."""
        return promised.inspects(self.storage).counts()

    def attempts(self, job_id: str) -> list[Attempt]:
        """The attempts of a job: all of them where HISTORY is promised, else the last. Raises JobNotFound."""
        return promised.inspects(self.storage).attempts(job_id)

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        """The last lines that a job's task logged. Raises JobNotFound, or Unsupported where STEPS isn't promised."""
        return promised.steps(self.storage).lines(job_id, limit)

    def workers(self) -> list[WorkerEntry]:
        """The workers that are alive. Raises Unsupported where WORKERS isn't promised."""
        return promised.workers(self.storage).workers()

    def schedules(self) -> list[ScheduleEntry]:
        """What recurs, and when it is due next. Raises Unsupported where SCHEDULES isn't promised."""
        return promised.schedules(self.storage).schedules()

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, job_id: str | Identified, timeout: float | None = None) -> Job:
        """Block until the job is finished, and return its snapshot.

        timeout: seconds; None waits for ever. Raises TimeoutError after it, JobNotFound, or Unsupported.
        """
        storage, wanted = promised.inspects(self.storage), _id(job_id)
        deadline = None if timeout is None else monotonic() + timeout
        while (job := storage.get(wanted)).status not in FINISHED:
            left = LONG if deadline is None else deadline - monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"{job} is {job.status} after {timeout:g} s; it goes on, and can be waited for again"
                )
            storage.wait_finished(wanted, min(left, LONG))
        return job

    async def await_finished(self, job_id: str | Identified) -> Job:
        """The same in an event loop: however many wait, one thread does it for all of them."""
        pid = os.getpid()
        if self._lookout is None or self._lookout[0] != pid:  # a forked child has no threads of its parent's
            self._lookout = pid, Lookout(promised.inspects(self.storage))
        return await self._lookout[1].finished(_id(job_id))

    # --- changing ---------------------------------------------------------------------------------

    def change(self, change: Change, which: Filter, *, limit: int = BATCH, dry_run: bool = False) -> list[str]:
        """Change the matching jobs in one transaction; the ids of those that were changed, in their order.

        limit: at most so many; call again until fewer come back. dry_run: change nothing, and answer the same.
        Raises Unsupported where CONTROLS isn't promised; as all of what follows does.
        """
        return promised.controls(self.storage).change(change, which, limit=limit, dry_run=dry_run)

    def cancel(self, *jobs: str | Identified) -> list[str]:
        """Cancel jobs that wait, and ask running ones to stop; the ids of those that this was news to."""
        return self._change(Change.CANCEL, jobs)

    def retry(self, *jobs: str | Identified) -> list[str]:
        """Let finished jobs run again, with all their retries; the ids of those that will."""
        return self._change(Change.REQUEUE, jobs)

    def delete(self, *jobs: str | Identified) -> list[str]:
        """Delete jobs, running ones too, with their results and histories; the ids of those that are gone."""
        return self._change(Change.DELETE, jobs)

    def _change(self, change: Change, jobs: Sequence[str | Identified]) -> list[str]:
        ids = tuple(dict.fromkeys(map(_id, jobs)))
        return self.change(change, Filter(ids=ids), limit=max(1, len(ids)))

    def pause(self, queue: str) -> None:
        """Hand out no job of the queue until `resume`; what runs goes on, and jobs are still accepted."""
        promised.controls(self.storage).pause(queue)

    def resume(self, queue: str) -> None:
        """End the pause."""
        promised.controls(self.storage).resume(queue)

    def paused(self) -> frozenset[str]:
        """The queues that are paused."""
        return promised.controls(self.storage).paused()

    def purge(
        self, *, older_than: Seconds | None = None, status: Status | None = None, queue: str | None = None
    ) -> int:
        """Delete finished jobs, with their results and histories; how many.

        Without arguments, those whose `keep` has run out, which workers do on their way, too. Else those that finished
        longer ago than `older_than`, and have this status and this queue where they are given, whatever their `keep`.
        """
        if older_than is None and status is None and queue is None:
            return self._purge_kept()
        before = as_datetime(self.clock.now() - round((seconds(older_than) or 0.0) * SECOND))
        ends = [each for each in Status if each in FINISHED and status in (None, each)]
        return sum(self._delete_all(Filter(status=each, queue=queue, before=before)) for each in ends)

    def _purge_kept(self) -> int:
        storage, gone = promised.controls(self.storage), 0
        while number := storage.purge(BATCH):
            gone += number
        return gone

    def _delete_all(self, which: Filter) -> int:
        gone = 0
        while ids := self.change(Change.DELETE, which):
            gone += len(ids)
        return gone


def _id(job: str | Identified) -> str:
    return job if isinstance(job, str) else job.id
