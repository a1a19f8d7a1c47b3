"""Expectation: which of the enqueued jobs a test means, and how to tell what was enqueued instead."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pinion.codec import Codec
from pinion.errors import InvalidArguments, PinionError
from pinion.job import Job, Status
from pinion.registry import Definition, Registry
from pinion.secrecy import redacted
from pinion.task import Variant, Verbs

__all__ = ["Expectation", "Meant", "told"]

type Meant = Definition[..., Any] | Variant[..., Any] | str


class Expectation:
    """A call of a task: its name, and those of its arguments that are given. `...` stands for any value.

    task: the task, or its name; or `task.using(...)`, whose options the job must have, a delay counted from now.
    Raises InvalidArguments for arguments that no call of the task could have.
    """

    def __init__(
        self,
        task: Meant,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        registry: Registry,
        codec: Codec,
        now: datetime,
    ) -> None:
        known = registry[task] if isinstance(task, str) and task in registry else task
        self._task = None if isinstance(known, str) else known.definition if isinstance(known, Verbs) else known
        self.name = task if isinstance(task, str) else self._task.name if self._task is not None else ""
        self._options = _options(task, now) if isinstance(task, Variant) else {}
        self._given = self._named(args, kwargs, partly=True)
        self._codec = codec

    def meets(self, job: Job) -> bool:
        """Whether the job is such a call."""
        if job.func_name.lower() != self.name.lower() or not self._has_options(job):
            return False
        stored = self._named(job.args, job.kwargs, partly=False)
        rebuilt = self._named(*self._rebuilt(job), partly=False)
        return all(
            name in stored and self._equal(expected, stored[name], rebuilt.get(name))
            for name, expected in self._given.items()
        )

    def _has_options(self, job: Job) -> bool:
        headers = self._options.get("headers", {})
        return headers.items() <= job.headers.items() and all(
            getattr(job, name) == value for name, value in self._options.items() if name != "headers"
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
        options = [f"{name}={value!r}" for name, value in self._options.items()]
        return f"{self._call()} with {', '.join(options)}" if options else self._call()

    def _call(self) -> str:
        if not self._given:
            return self.name
        texts = [f"{name}={'...' if value is ... else repr(value)}" for name, value in self._given.items()]
        return f"{self.name}({', '.join(texts)})"


def _options(variant: Variant[..., Any], now: datetime) -> dict[str, Any]:
    """The fields of a job that the variant sets otherwise than the task."""
    usual, wanted = variant.definition.options, variant.options
    names = ("queue", "priority", "timeout", "unique_while", "unique_for", "keep", "headers")
    options = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(usual, name)}
    if wanted.delay is not None:
        options["run_at"] = now + timedelta(seconds=wanted.delay)
    elif wanted.at is not None:
        options["run_at"] = wanted.at
    return options


def told(jobs: Sequence[Job], most: int = 20) -> str:
    """What was enqueued, a line each."""
    if not jobs:
        return "nothing was enqueued"
    lines = [_line(job) for job in jobs[:most]]
    if len(jobs) > most:
        lines.append(f"and {len(jobs) - most} more")
    return "\n  ".join(["enqueued were:", *lines])


def _line(job: Job) -> str:
    args, kwargs = redacted(job.headers, job.args, job.kwargs)
    arguments = [repr(value) for value in args] + [f"{name}={value!r}" for name, value in kwargs.items()]
    call = f"{job.func_name}({', '.join(arguments)})"
    when = f", due {job.run_at.isoformat()}" if job.run_at is not None and job.status is Status.PENDING else ""
    error = f", {job.error}" if job.error is not None else ""
    return f"{call}  in {job.queue!r}: {job.status}{when}{error}"
