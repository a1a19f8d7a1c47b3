"""Queue: what an application holds to enqueue jobs and ask what became of them.

`from pinion.queue import SqliteStorage` works too when pinion-sqlite is installed, as it does from `pinion`.
"""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from pinion.clock import monotonic, sleep
from pinion.errors import Unsupported
from pinion.hooks import Hooks
from pinion.job import FINISHED, Job, Status, check
from pinion.plugins import open_storage, optional_name
from pinion.storage import ClaimStorage, Inserted, Inspects, KeyHeld, Promise, Query, Storage, refuse_unpromised
from pinion.task import Registry, Task, default_registry

__all__ = ["Queue"]

_FIRST_LOOK, _LAST_LOOK = 0.002, 0.25


class Queue:
    """An application's end of a storage.

    storage: a storage, or its URL, which is opened here and closed by `close`.
    registry: where tasks given by name are looked up, to check their arguments before anything is stored.
    hooks: whom to tell of what is enqueued; `pinion enqueue` tells the installed plugins.
    """

    def __init__(
        self, storage: Storage | ClaimStorage | str, *, registry: Registry | None = None, hooks: Hooks | None = None
    ) -> None:
        self._opened = isinstance(storage, str)
        self.storage: Storage | ClaimStorage = open_storage(storage) if isinstance(storage, str) else storage
        self.registry = default_registry if registry is None else registry
        self.hooks = hooks or Hooks()

    def enqueue(self, task: Task[..., Any] | str, /, *args: Any, **kwargs: Any) -> Job:
        """Store a job that calls the task with these arguments; returns it, with its id.

        Raises InvalidArguments if they don't fit a registered task, Unserializable or PayloadTooLarge if they
        can't be stored, StorageUnavailable if the storage can't be reached. Then nothing was stored.
        """
        job = Job(task.name if isinstance(task, Task) else task, args, kwargs)
        if isinstance(task, Task):
            task.bind(args, kwargs)
        self.submit(job)
        return job

    def submit(self, job: Job) -> None:
        """Store a ready-made job. Raises DuplicateJob or UniqueKeyHeld if it isn't stored, and as `enqueue`."""
        self._check(job)
        self.storage.enqueue(job)
        if self.hooks.job_enqueued:
            self.hooks.job_enqueued(job=job)

    def submit_many(self, jobs: Iterable[Job]) -> list[Inserted | KeyHeld]:
        """Store many jobs, all or none where the storage is a ClaimStorage; one answer per job, in order."""
        batch = list(jobs)
        for job in batch:
            self._check(job)
        answers = self._insert(batch)
        if self.hooks.job_enqueued:
            for job, answer in zip(batch, answers, strict=True):
                if answer in (Inserted.NEW, Inserted.AGAIN):
                    self.hooks.job_enqueued(job=job)
        return answers

    def _insert(self, jobs: list[Job]) -> list[Inserted | KeyHeld]:
        if isinstance(self.storage, ClaimStorage):
            return self.storage.insert(jobs)
        for job in jobs:
            self.storage.enqueue(job)
        return [Inserted.NEW] * len(jobs)

    def _check(self, job: Job) -> None:
        if not isinstance(self.storage, ClaimStorage):  # that checks for itself
            check(job)
            refuse_unpromised(self.storage, job)
        if job.func_name in self.registry:
            self.registry[job.func_name].bind(job.args, job.kwargs)

    def get(self, job_id: str) -> Job:
        """A snapshot of the job. Raises JobNotFound, or Unsupported where INSPECTS isn't promised."""
        return self._inspects().get(job_id)

    def find(self, query: Query) -> list[Job]:
        """Snapshots of the matching jobs, in the order of their creation. Raises Unsupported."""
        return self._inspects().find(query)

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        """How many jobs each queue holds in each status. Raises Unsupported."""
        return self._inspects().counts()

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Block until the job is finished, and return its snapshot.

        timeout: seconds; None waits for ever. Raises TimeoutError after it, JobNotFound, or Unsupported.
        """
        storage, deadline, pause = self._inspects(), None if timeout is None else monotonic() + timeout, _FIRST_LOOK
        while (job := storage.get(job_id)).status not in FINISHED:
            left = pause if deadline is None else deadline - monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"{job} is {job.status} after {timeout:g} s; it goes on, and can be waited for again"
                )
            sleep(min(pause, left))
            pause = min(pause * 1.5, _LAST_LOOK)
        return job

    def _inspects(self) -> Inspects:
        if isinstance(self.storage, Inspects) and Promise.INSPECTS in getattr(self.storage, "promises", ()):
            return self.storage
        raise Unsupported(f"{type(self.storage).__name__} doesn't promise INSPECTS: its jobs can't be read or counted")

    def close(self) -> None:
        """Close the storage if it was opened here, by its URL."""
        if self._opened and isinstance(self.storage, ClaimStorage):
            self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Queue({self.storage!r})"


def __getattr__(name: str) -> Any:
    return optional_name(name, __name__)
