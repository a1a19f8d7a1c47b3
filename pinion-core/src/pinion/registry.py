"""Definition: what a task is, to those who run it; and the registry that maps names to definitions.

Names are the same in upper and lower case. Nothing is ever imported by a name that came out of a queue: what isn't
registered doesn't run. Enqueueing a task's jobs is `pinion.task`'s.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pinion.annotations import check_call, converter, returned
from pinion.clock import Clock
from pinion.errors import DuplicateSchedule, DuplicateTask, InvalidArguments, InvalidJob, UnknownTask
from pinion.job import Job
from pinion.options import Options
from pinion.reference import Reference
from pinion.retry import RetryPolicy
from pinion.secrecy import SECRET, marks

if TYPE_CHECKING:
    from pinion.schedule import Schedule

__all__ = ["Definition", "Registry", "default_registry"]

Call = tuple[tuple[Any, ...], dict[str, Any]]
NO_OPTIONS = Options()


class Definition[**P, R]:
    """A function under the name that jobs call it by, with all that was said of it at `@task`.

    P: its parameters. R: what its jobs result in.
    name: what jobs call it by.
    function: the function itself.
    retry: the policy of its jobs; None means the worker's.
    options: how its jobs are stored.
    process: whether each attempt runs in a child process of the worker.
    secret: the parameters whose arguments are never shown.
    """

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        *,
        retry: RetryPolicy | None = None,
        options: Options = NO_OPTIONS,
        process: bool = False,
        secret: tuple[str, ...] = (),
    ) -> None:
        functools.update_wrapper(cast(Callable[..., Any], self), function)  # a Task can be called
        self.function = function
        self.name = name
        self.retry = retry
        self.options = options
        self.process = process
        if process:
            Reference.to(function)  # raises InvalidJob
        self.secret = secret
        self.is_async = inspect.iscoroutinefunction(function)
        self.runs_in_thread = not (process or self.is_async)
        if secret:
            headers = {**options.headers, SECRET: marks(self.signature, secret, name)}
            self.options = replace(options, headers=headers)
        if self.options != NO_OPTIONS:
            self.options.check(name, self.signature, secret)

    def job_of(self, options: Options, args: tuple[Any, ...], kwargs: dict[str, Any], clock: Clock) -> Job:
        """A job that calls the task with these arguments and options, and isn't stored yet.

        clock: by which a delay is counted. Raises InvalidArguments if the arguments don't fit the function.
        """
        self.bind(args, kwargs)
        return options.job(self.name, self.signature, args, kwargs, clock)

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
        return converter(self.function, self.secret)

    @functools.cached_property
    def result_of(self) -> Callable[[Any], R]:
        """Makes of a stored result what the function's annotation says it returns. Raises InvalidResult."""
        return returned(self.function, self.name)

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

    from pinion.deadline import within

    return asyncio.run(within(timeout, coroutine))


class Registry(Mapping[str, Definition[..., Any]]):
    """Tasks by name, upper and lower case being the same; and the schedules declared with them.

    schedules: by their names; every worker with this registry makes their jobs.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, Definition[..., Any]] = {}
        self.schedules: dict[str, Schedule] = {}

    def add(self, added: Definition[..., Any]) -> None:
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

    def add_schedule(self, added: "Schedule") -> None:
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

    def __getitem__(self, name: str) -> Definition[..., Any]:
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
