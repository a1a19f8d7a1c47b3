"""`@task`, and the registry that maps names to tasks.

A task stays a plain callable: calling it runs it here and now. Registering it under a name lets a worker find it
when a job of that name is claimed. Names are the same in upper and lower case. Nothing is ever imported by a
name that came out of a queue: what isn't registered doesn't run.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, overload

from pinion.annotations import check_call, converter
from pinion.errors import DuplicateSchedule, DuplicateTask, InvalidArguments, InvalidJob, TaskTimeout, UnknownTask
from pinion.job import Job
from pinion.reference import Reference
from pinion.retry import RetryPolicy
from pinion.schedule import Schedule, recurrence

__all__ = ["Registry", "Task", "default_registry", "schedule", "task"]

Call = tuple[tuple[Any, ...], dict[str, Any]]


class Task[**P, R]:
    """A registered function: call it as before, or enqueue jobs of its name.

    name: what jobs call it by.
    function: the function itself.
    retry: the policy of its jobs; None means the worker's.
    process: whether each attempt runs in a child process of the worker.
    """

    def __init__(
        self, function: Callable[P, R], name: str, *, retry: RetryPolicy | None = None, process: bool = False
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = name
        self.retry = retry
        self.process = process
        if process:
            Reference.to(function)  # raises InvalidJob
        self.is_async = inspect.iscoroutinefunction(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise InvalidArguments unless the function can be called with these arguments."""
        if kwargs or len(args) not in self._positional:
            check_call(self.signature, self.name, args, dict(kwargs))

    @functools.cached_property
    def _positional(self) -> range:
        """How many arguments, all of them positional, certainly fit; the signature is asked about any other call."""
        parameters = self.signature.parameters.values()
        plain = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        if len(plain) < len(parameters):
            return range(0)
        return range(sum(each.default is each.empty for each in plain), len(plain) + 1)

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @functools.cached_property
    def convert(self) -> Callable[[tuple[Any, ...], dict[str, Any]], Call] | None:
        """Rebuilds Enums, dataclasses and the like by the function's annotations; None if it has none of them."""
        return converter(self.function)

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None = None) -> Any:
        """Call the function with arguments that came out of a storage.

        An `async def` runs on a loop of its own, and is cancelled after `timeout` seconds, which raises TaskTimeout.
        """
        if self.convert is not None:
            args, kwargs = self.convert(args, kwargs)
        answer = self.function(*args, **kwargs)
        return _finished(answer, timeout) if self.is_async else answer

    def __repr__(self) -> str:
        return f"<Task {self.name!r}>"


def _finished(coroutine: Any, timeout: float | None) -> Any:
    import asyncio  # costs a third of the time that `import pinion` takes, and most programs don't need it

    async def within() -> Any:
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                return await coroutine
        except TimeoutError:
            if limit.expired():
                raise TaskTimeout from None
            raise

    return asyncio.run(within())


class Registry(Mapping[str, Task[..., Any]]):
    """Tasks by name, upper and lower case being the same; and the schedules declared with them.

    schedules: by their names; every worker with this registry makes their jobs.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}
        self.schedules: dict[str, Schedule] = {}

    def add(self, added: Task[..., Any]) -> None:
        """Register the task. Raises DuplicateTask if another function has the name, InvalidJob if it is no name.

        The same function, defined again by a reload or inside a function, replaces the earlier one.
        """
        if not isinstance(added.name, str) or not added.name or not added.name.isprintable():
            raise InvalidJob(f"a task's name must be printable text, got {added.name!r}")
        there = self._tasks.get(added.name.lower())
        if there is not None and not _same_definition(there.function, added.function):
            raise DuplicateTask(
                f"task {added.name!r} is {_place(there.function)} already, "
                f"and {_place(added.function)} wants the name: "
                f'give one of them another, as in @task("other")'
            )
        if there is not None:
            self._forget_schedules(there.name)  # they are declared again
        self._tasks[added.name.lower()] = added

    def _forget_schedules(self, task: str) -> None:
        for each in list(self.schedules.values()):
            if each.job.func_name.lower() == task.lower():
                del self.schedules[each.name]

    def add_schedule(self, added: Schedule) -> None:
        """Declare a schedule of a registered task.

        Raises DuplicateSchedule if another one has the name, UnknownTask, or InvalidArguments if the arguments don't
        fit the task, which would fail at every tick.
        """
        job = added.job
        try:
            self[job.func_name].bind(job.args, job.kwargs)
        except InvalidArguments as raised:
            raise InvalidArguments(
                f"schedule {added.name!r}: {raised}; give the arguments, as in "
                f"schedule({added.name!r}, Job({job.func_name!r}, (...,)), ...), or the parameters defaults"
            ) from None
        there = self.schedules.get(added.name)
        if there is not None and there.definition != added.definition:
            raise DuplicateSchedule(
                f"schedule {added.name!r} is declared already, of task {there.job.func_name!r} ({there.when}); "
                f"give the one of task {job.func_name!r} ({added.when}) another name"
            )
        self.schedules[added.name] = added

    def __getitem__(self, name: str) -> Task[..., Any]:
        try:
            return self._tasks[name] if name in self._tasks else self._tasks[name.lower()]
        except KeyError:
            known = ", ".join(sorted(self._tasks)) or "none"
            raise UnknownTask(
                f"no task is registered as {name!r} (registered: {known}); import the module that defines it"
            ) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __repr__(self) -> str:
        return f"<Registry of {', '.join(sorted(self._tasks)) or 'no tasks'}>"


def _same_definition(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    if "<locals>" in getattr(one, "__qualname__", "<locals>") or "<locals>" in getattr(
        other, "__qualname__", "<locals>"
    ):
        return True
    return _place(one) == _place(other)


def _place(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"


default_registry = Registry()
"""Where `@task` registers, unless it is given another registry."""


@overload
def task[**P, R](name: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task[**P, R](
    name: str | None = None,
    /,
    *,
    retry: RetryPolicy | None = None,
    process: bool = False,
    cron: str | None = None,
    every: float | timedelta | None = None,
    tz: str | None = None,
    missed: str = "latest",
    registry: Registry | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task[**P, R](
    name: str | Callable[..., Any] | None = None,
    /,
    *,
    retry: RetryPolicy | None = None,
    process: bool = False,
    cron: str | None = None,
    every: float | timedelta | None = None,
    tz: str | None = None,
    missed: str = "latest",
    registry: Registry | None = None,
) -> Any:
    """Register a function as a task: `@task`, `@task()`, or `@task("name")`.

    name: what jobs call it by; the function's own name if left out.
    retry: when failed attempts of its jobs are tried again; the worker's policy if left out.
    process: run each attempt in a child process of the worker, which a timeout or a cancel really kills. The function
        must stand at the top of a module.
    cron, every, tz, missed: it recurs, as for `schedule`, under its own name and called without arguments.
    registry: where to register it; `default_registry` if left out.
    Raises DuplicateTask if another function has the name, InvalidJob for a time that makes no sense.
    """
    if callable(name):
        return task()(name)
    when = recurrence(cron, every, tz)
    if when is None and missed != "latest":
        raise InvalidJob(f"missed={missed!r} is for a task that recurs: give cron= or every= too")

    def register(function: Callable[P, R]) -> Task[P, R]:
        made = Task(function, name if isinstance(name, str) else function.__name__, retry=retry, process=process)
        where = default_registry if registry is None else registry
        where.add(made)
        if when is not None:
            where.add_schedule(Schedule(made.name, Job(made.name), when, missed))
        return made

    return register


def schedule(
    name: str,
    job: Job | Task[..., Any],
    *,
    cron: str | None = None,
    every: float | timedelta | None = None,
    tz: str | None = None,
    missed: str = "latest",
    registry: Registry | None = None,
) -> Schedule:
    """Declare that a job recurs: each worker that knows of it, of however many, may make the job of a tick; one does.

    name: unique; what `pinion schedules` shows.
    job: a copy of it is made at each tick, with its arguments and options; or a task that needs no arguments.
    cron: an expression, read by a wall clock of the zone `tz` (UTC), see `Cron`; or
    every: seconds, or a timedelta, counted from 1970-01-01 00:00 UTC.
    missed: what becomes of ticks while no worker ran: "latest" runs the last of them, "skip" none, "all" each.
    registry: where to declare it; `default_registry` if left out. The task must be registered there.
    Raises InvalidJob, InvalidArguments, UnknownTask or DuplicateSchedule.
    """
    when = recurrence(cron, every, tz)
    if when is None:
        raise InvalidJob(f"schedule {name!r}: give cron= or every=")
    declared = Schedule(name, job if isinstance(job, Job) else Job(job.name), when, missed)
    (default_registry if registry is None else registry).add_schedule(declared)
    return declared
