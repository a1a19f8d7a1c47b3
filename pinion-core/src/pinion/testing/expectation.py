"""Expectation: which of the enqueued jobs a test means, and how to tell what was enqueued instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from pinion.codec import Codec
from pinion.errors import InvalidArguments, PinionError
from pinion.job import Job, Status
from pinion.task import Registry, Task

__all__ = ["Expectation", "told"]


class Expectation:
    """A call of a task: its name, and those of its arguments that are given. `...` stands for any value.

    Raises InvalidArguments for arguments that no call of the task could have.
    """

    def __init__(
        self,
        task: Task[..., Any] | str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        registry: Registry,
        codec: Codec,
    ) -> None:
        self.name = task if isinstance(task, str) else task.name
        registered = registry[task] if isinstance(task, str) and task in registry else task
        self._task = registered if isinstance(registered, Task) else None
        self._given = self._named(args, kwargs, partly=True)
        self._codec = codec

    def meets(self, job: Job) -> bool:
        """Whether the job is such a call."""
        if job.func_name.lower() != self.name.lower():
            return False
        stored = self._named(job.args, job.kwargs, partly=False)
        rebuilt = self._named(*self._rebuilt(job), partly=False)
        return all(
            name in stored and self._equal(expected, stored[name], rebuilt.get(name))
            for name, expected in self._given.items()
        )

    def _named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, partly: bool) -> dict[Any, Any]:
        """The arguments by their names; by their places where nobody knows the names."""
        if self._task is None:
            return {**dict(enumerate(args)), **kwargs}
        signature = self._task.signature
        try:
            bound = signature.bind_partial(*args, **kwargs) if partly else signature.bind(*args, **kwargs)
        except TypeError as wrong:
            raise InvalidArguments(
                f"no call of task {self.name!r}, {self.name}{signature}, is like this: {wrong}"
            ) from None
        if not partly:
            bound.apply_defaults()
        more = [each.name for each in signature.parameters.values() if each.kind is each.VAR_KEYWORD]
        return {
            **bound.arguments,
            **{name: value for each in more for name, value in bound.arguments.get(each, {}).items()},
        }

    def _rebuilt(self, job: Job) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._task is None or self._task.convert is None:
            return job.args, job.kwargs
        return self._task.convert(job.args, job.kwargs)

    def _equal(self, expected: Any, stored: Any, rebuilt: Any) -> bool:
        if expected is ... or expected in (stored, rebuilt):
            return True
        try:
            return bool(self._codec.decode(self._codec.encode(expected)) == stored)
        except PinionError:
            return False

    def __str__(self) -> str:
        if not self._given:
            return self.name
        texts = [f"{name}={'...' if value is ... else repr(value)}" for name, value in self._given.items()]
        return f"{self.name}({', '.join(texts)})"


def told(jobs: Sequence[Job], most: int = 20) -> str:
    """What was enqueued, a line each."""
    if not jobs:
        return "nothing was enqueued"
    lines = [_line(job) for job in jobs[:most]]
    if len(jobs) > most:
        lines.append(f"and {len(jobs) - most} more")
    return "\n  ".join(["enqueued were:", *lines])


def _line(job: Job) -> str:
    secret = "pinion.secret" in job.headers
    arguments = [repr(value) for value in job.args] + [f"{name}={value!r}" for name, value in job.kwargs.items()]
    call = f"{job.func_name}({'[secret]' if secret else ', '.join(arguments)})"
    when = f", due {job.run_at.isoformat()}" if job.run_at is not None and job.status is Status.PENDING else ""
    error = f", {job.error}" if job.error is not None else ""
    return f"{call}  in {job.queue!r}: {job.status}{when}{error}"
