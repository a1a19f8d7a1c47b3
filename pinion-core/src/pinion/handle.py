"""Handle: a job that was enqueued, to ask what became of it."""

from collections.abc import Generator
from typing import Any

from pinion import promised
from pinion.access import Access
from pinion.errors import JobCancelled, JobFailed, UndecodableJob
from pinion.job import Job, Status
from pinion.registry import Definition
from pinion.storage import Promise

__all__ = ["Handle"]


class Handle[R]:
    """A stored job of a task that returns R. `await handle` is its result, too.

    id: the job's.
    queue: where it is.
    created: whether this call stored it; false if the handle is of the job that holds its unique key.
    """

    __slots__ = ("created", "id", "queue", "task")

    def __init__(
        self, queue: Access, job_id: str, task: Definition[..., R] | None = None, created: bool = True
    ) -> None:
        self.queue = queue
        self.id = job_id
        self.task = task
        self.created = created

    def result(self, timeout: float | None = None) -> R:
        """Block until the job is finished, and return what its task returned.

        timeout: seconds; None waits for ever.
        Raises JobFailed, with the error, or JobCancelled; TimeoutError, after which the job goes on; JobNotFound if it
        was deleted; InvalidResult if the result can't be made what the task's annotation says; Unsupported where
        RESULTS isn't promised.
        """
        promised.require(self.queue.storage, Promise.RESULTS)
        return self._result(self.queue.wait(self.id, timeout))

    def __await__(self) -> Generator[Any, None, R]:
        return self.aresult().__await__()

    async def aresult(self, timeout: float | None = None) -> R:
        """`result` in an event loop. Any number may be awaited at once: one thread waits for all of them."""
        import asyncio

        promised.require(self.queue.storage, Promise.RESULTS)
        try:
            async with asyncio.timeout(timeout):
                job = await self.queue.await_finished(self.id)
        except TimeoutError:
            raise TimeoutError(f"job {self.id} isn't finished after {timeout} s; it goes on") from None
        return self._result(job)

    def _result(self, job: Job) -> R:
        if job.status is Status.CANCELLED:
            raise JobCancelled(f"{job} was cancelled, and has no result")
        if job.status is Status.FAILED:
            raise JobFailed(f"{job} failed: {job.error}", job.error)
        if job.error is not None:
            raise UndecodableJob(f"{job} succeeded, but its result can't be read: {job.error}")
        if self.task is None or self.task.name.lower() != job.func_name.lower():
            result: R = job.result
            return result
        return self.task.result_of(job.result)

    def wait(self, timeout: float | None = None) -> Job:
        """Block until the job is finished, however it ends, and return its snapshot. Raises TimeoutError."""
        return self.queue.wait(self.id, timeout)

    def job(self) -> Job:
        """A snapshot of the job, as it is now. Raises JobNotFound."""
        return self.queue.get(self.id)

    def status(self) -> Status:
        """Where the job is in its life. Raises JobNotFound."""
        return self.job().status

    def cancel(self) -> bool:
        """Cancel the job, or ask its task to stop if it runs; false if it is finished, or was asked already."""
        return bool(self.queue.cancel(self.id))

    def __repr__(self) -> str:
        return f"<Handle {self}>"

    def __str__(self) -> str:
        return f"{self.task.name}[{self.id}]" if self.task else self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self.id == other.id and self.queue is other.queue

    def __hash__(self) -> int:
        return hash(self.id)
