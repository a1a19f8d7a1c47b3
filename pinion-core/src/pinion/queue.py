"""Queue: what an application holds to enqueue jobs; and the default queue, which is where PINION_URL says.

What can be asked of jobs, and done to them, is in `pinion.access`. `from pinion.queue import SqliteStorage` works too
when pinion-sqlite is installed, as it does from `pinion`.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self, overload

from pinion.access import Access
from pinion.errors import DuplicateJob, InvalidJob, InvalidURL, UniqueKeyHeld
from pinion.handle import Handle
from pinion.hooks import Hooks
from pinion.job import Job, Status, check
from pinion.plugins import open_storage, optional_name
from pinion.promised import controls, require
from pinion.registry import Definition, Registry, default_registry
from pinion.storage import ClaimStorage, Inserted, KeyHeld, Promise, Storage, refuse_unpromised

__all__ = ["ON_CONFLICT", "Queue", "default_queue", "set_default_queue"]

ON_CONFLICT = ("existing", "raise", "replace")


class Queue(Access):
    """An application's end of a storage.

    storage: a storage, or its URL, which is opened here and closed by `close`.
    registry: where tasks given by name are looked up, to check their arguments before anything is stored.
    hooks: whom to tell of what is enqueued; `pinion enqueue` tells the installed plugins.
    """

    def __init__(
        self, storage: Storage | ClaimStorage | str, *, registry: Registry | None = None, hooks: Hooks | None = None
    ) -> None:
        super().__init__(open_storage(storage) if isinstance(storage, str) else storage)
        self._opened = isinstance(storage, str)
        self._claims = self.storage if isinstance(self.storage, ClaimStorage) else None
        self.registry = default_registry if registry is None else registry
        self.hooks = hooks or Hooks()

    # --- enqueueing -------------------------------------------------------------------------------

    @overload
    def enqueue[**P, R](self, task: Definition[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]: ...
    @overload
    def enqueue(self, task: str, /, *args: Any, **kwargs: Any) -> Handle[Any]: ...
    def enqueue(self, task: Definition[..., Any] | str, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Store a job that calls the task with these arguments; with the task's options, if it is known here.

        Raises InvalidArguments if they don't fit a registered task, Unserializable or PayloadTooLarge if they
        can't be stored, StorageUnavailable if the storage can't be reached. Then nothing was stored.
        """
        known = self._known(task)
        return self.store(self._job(task, known, args, kwargs), known)

    @overload
    async def aenqueue[**P, R](self, task: Definition[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]: ...
    @overload
    async def aenqueue(self, task: str, /, *args: Any, **kwargs: Any) -> Handle[Any]: ...
    async def aenqueue(self, task: Definition[..., Any] | str, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """`enqueue` without blocking the event loop. If it is cancelled, the job may be stored all the same."""
        known = self._known(task)
        return await self.astore(self._job(task, known, args, kwargs), known)

    def _known(self, task: Definition[..., Any] | str) -> Definition[..., Any] | None:
        if isinstance(task, Definition):
            return task
        if task not in self.registry:
            return None
        return self.registry[task]

    def _job(
        self,
        task: Definition[..., Any] | str,
        known: Definition[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Job:
        if known is not None:
            return known.job_of(known.options, args, kwargs, self.clock)
        assert isinstance(task, str)
        return Job(task, args, kwargs)

    def submit(self, job: Job, *, on_conflict: str = "existing", connection: Any = None) -> Handle[Any]:
        """Store a ready-made job, such as `task.job(...)` makes, as it is.

        on_conflict: what to do if another job holds its unique key, see `Task.using`.
        connection: the caller's own transaction, where TRANSACTIONS is promised.
        Raises DuplicateJob if a job of its id is stored, UniqueKeyHeld if asked to, and as `enqueue`.
        """
        known = self._checked(job)
        return self.store(job, known, on_conflict, connection)

    def enqueue_many(
        self, jobs: Iterable[Job], *, on_conflict: str = "existing", connection: Any = None
    ) -> list[Handle[Any]]:
        """Store many jobs, such as `task.job(...)` makes, in one transaction where the storage is a ClaimStorage.

        One handle per job, in order. Those whose id is stored already stay as they are, so that a call whose reply was
        lost may be repeated. Raises as `submit`; if UniqueKeyHeld is raised, those that hold no such key are stored.
        """
        batch = list(jobs)
        known = [self._checked(job) for job in batch]
        self._check_conflict(on_conflict)
        answers = self._insert(batch, connection)
        if on_conflict == "replace":
            answers = [
                self._replace(job, connection) if isinstance(answer, KeyHeld) else answer
                for job, answer in zip(batch, answers, strict=True)
            ]
        return [
            Handle(self, job.id, task, created=answer is not Inserted.SAME_ID)
            if isinstance(answer, Inserted)
            else self._conflicting(job, task, answer, on_conflict)
            for job, task, answer in zip(batch, known, answers, strict=True)
        ]

    async def aenqueue_many(
        self, jobs: Iterable[Job], *, on_conflict: str = "existing", connection: Any = None
    ) -> list[Handle[Any]]:
        """`enqueue_many` without blocking the event loop."""
        import asyncio

        if connection is not None:  # it is this thread's
            return self.enqueue_many(jobs, on_conflict=on_conflict, connection=connection)
        return await asyncio.to_thread(self.enqueue_many, list(jobs), on_conflict=on_conflict)

    def submit_many(self, jobs: Iterable[Job]) -> list[Inserted | KeyHeld]:
        """`enqueue_many` for those that want to know what became of each insert."""
        batch = list(jobs)
        for job in batch:
            self._checked(job)
        return self._insert(batch, None)

    def handle[R](self, job_id: str, task: Definition[..., R] | None = None) -> Handle[R]:
        """The handle of a job that was enqueued before, perhaps elsewhere. Its result is rebuilt if the task is given.

        The storage isn't asked whether there is such a job.
        """
        return Handle(self, job_id, task, created=False)

    # --- storing ----------------------------------------------------------------------------------

    def store[R](
        self, job: Job, task: Definition[..., R] | None = None, on_conflict: str = "existing", connection: Any = None
    ) -> Handle[R]:
        """What all of the above come to: the job fits its task, or isn't of one that is known."""
        self._check_conflict(on_conflict)
        if on_conflict == "replace":  # most often there is one to replace
            answer = self._replace(job, connection)
        else:
            [answer] = self._insert([job], connection)
        if answer is Inserted.SAME_ID:
            raise DuplicateJob(f"{job} is stored already and stays as it is; give a new job a new id")
        if isinstance(answer, KeyHeld):
            return self._conflicting(job, task, answer, on_conflict)
        job.status = Status.PENDING
        return Handle(self, job.id, task)

    async def astore[R](
        self, job: Job, task: Definition[..., R] | None = None, on_conflict: str = "existing", connection: Any = None
    ) -> Handle[R]:
        """`store` without blocking the event loop."""
        import asyncio

        if connection is not None:  # it is this thread's
            return self.store(job, task, on_conflict, connection)
        return await asyncio.to_thread(self.store, job, task, on_conflict)

    def _checked(self, job: Job) -> Definition[..., Any] | None:
        known = self._known(job.func_name)
        if known is not None:
            known.bind(job.args, job.kwargs)
        return known

    def _insert(self, jobs: Sequence[Job], connection: Any) -> list[Inserted | KeyHeld]:
        if self._claims is None:
            answers = self._enqueue_each(jobs, connection)
        else:
            answers = self._claims.insert(jobs, connection=connection)
        self._tell(jobs, answers)
        return answers

    def _tell(self, jobs: Sequence[Job], answers: Sequence[Inserted | KeyHeld]) -> None:
        """Tell the hooks of those that were stored."""
        if self.hooks.job_enqueued:
            for job, answer in zip(jobs, answers, strict=True):
                if answer in (Inserted.NEW, Inserted.AGAIN):
                    self.hooks.job_enqueued(job=job)

    def _enqueue_each(self, jobs: Sequence[Job], connection: Any) -> list[Inserted | KeyHeld]:
        if connection is not None:
            require(self.storage, Promise.TRANSACTIONS)
        for job in jobs:  # a ClaimStorage checks for itself
            check(job)
            refuse_unpromised(self.storage, job)
        for job in jobs:
            self.storage.enqueue(job)
        return [Inserted.NEW] * len(jobs)

    # --- unique keys ------------------------------------------------------------------------------

    def _check_conflict(self, on_conflict: str) -> None:
        if on_conflict not in ON_CONFLICT:
            raise InvalidJob(f"on_conflict must be one of {', '.join(ON_CONFLICT)}, got {on_conflict!r}")
        if on_conflict == "replace":
            controls(self.storage)

    def _replace(self, job: Job, connection: Any) -> Inserted | KeyHeld:
        """Store the job in the place of one that waits. Whoever replaces last, wins."""
        answer = controls(self.storage).replace(job, connection=connection)
        self._tell([job], [answer])
        return answer

    def _conflicting[R](self, job: Job, task: Definition[..., R] | None, held: KeyHeld, on_conflict: str) -> Handle[R]:
        if on_conflict == "existing":
            return Handle(self, held.holder, task, created=False)
        why = ", which doesn't wait any more, and can't be replaced" if on_conflict == "replace" else ""
        raise UniqueKeyHeld(f"{job}: unique key {job.unique_key!r} is held by {held.holder}{why}", held.holder)

    # --- closing ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the storage if it was opened here, by its URL."""
        if self._opened and self._claims is not None:
            self._claims.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Queue({self.storage!r})"


# --- the default queue ----------------------------------------------------------------------------

_default: Queue | None = None
_opening = threading.Lock()


def default_queue() -> Queue:
    """Where tasks enqueue unless they are told otherwise: what `set_default_queue` was given, else PINION_URL, opened
    at the first use. Raises InvalidURL if there is neither.
    """
    global _default
    if _default is not None:
        return _default
    with _opening:
        if _default is None:
            if not (url := os.environ.get("PINION_URL")):
                raise InvalidURL(
                    "there is no default queue: set PINION_URL, to sqlite:///jobs.db for one, "
                    "or call set_default_queue(Queue(...)), or enqueue with using(on=queue)"
                )
            _default = Queue(url)
        return _default


def set_default_queue(queue: Queue | None) -> Queue | None:
    """Let tasks enqueue here from now on; None: where PINION_URL says. Returns what was set before, still open."""
    global _default
    with _opening:
        before, _default = _default, queue
    return before


def __getattr__(name: str) -> Any:
    return optional_name(name, __name__)
