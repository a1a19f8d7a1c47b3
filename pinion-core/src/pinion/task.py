"""`@task`: a function becomes a task, which stays a plain callable, and can be enqueued.

    @task(queue="mail", timeout=30)
    def greet(name: str) -> str: ...

    greet("ann")                                    # runs here and now
    handle = greet.enqueue("ann")                   # runs in a worker; handle.result() is a str
    greet.using(delay=60, priority=5).enqueue("ann")

What its arguments and its result are is known to type checkers: `greet.enqueue(1)` is an error to them.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, overload

from pinion.clock import SYSTEM
from pinion.errors import InvalidJob
from pinion.job import DEFAULT_QUEUE, Job
from pinion.options import UNCHANGED, Options, Seconds, Unique
from pinion.registry import Definition, Registry, default_registry
from pinion.retry import RetryPolicy

if TYPE_CHECKING:  # at run time they are loaded when they are used: a program may declare tasks and enqueue nothing
    from pinion.handle import Handle
    from pinion.queue import Queue
    from pinion.schedule import Recurrence, Schedule

__all__ = ["AsyncTask", "Registry", "Task", "Variant", "default_registry", "schedule", "task"]


class Terms(NamedTuple):
    """How a job is enqueued, apart from what is stored of it."""

    on_conflict: str = "existing"
    connection: Any = None
    on: "Queue | None" = None

    @property
    def queue(self) -> "Queue":
        return _default_queue()() if self.on is None else self.on


@functools.cache
def _default_queue() -> "Callable[[], Queue]":
    from pinion.queue import default_queue

    return default_queue


TERMS = Terms()


class Verbs[**P, R]:
    """What can be done with a task, and with a variant of it.

    P: its parameters. R: what its jobs result in.
    """

    definition: Definition[P, R]
    options: Options
    terms: Terms

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> "Handle[R]":
        """Store a job that calls the task with these arguments.

        Raises InvalidArguments if they don't fit the task, Unserializable or PayloadTooLarge if they can't be stored,
        UniqueKeyHeld if asked to, InvalidURL if there is no queue, Unsupported if the storage doesn't promise what an
        option needs, StorageUnavailable if the storage can't be reached. Then nothing was stored.
        """
        queue = self.terms.queue
        job = self.definition.job_of(self.options, args, kwargs, queue.clock)
        return queue.store(job, self.definition, self.terms.on_conflict, self.terms.connection)

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> "Handle[R]":
        """`enqueue` without blocking the event loop. If it is cancelled, the job may be stored all the same."""
        queue = self.terms.queue
        job = self.definition.job_of(self.options, args, kwargs, queue.clock)
        return await queue.astore(job, self.definition, self.terms.on_conflict, self.terms.connection)

    def job(self, *args: P.args, **kwargs: P.kwargs) -> Job:
        """A job that calls the task with these arguments, not stored yet: for `Queue.enqueue_many`, or a schedule."""
        clock = SYSTEM if self.terms.on is None else self.terms.on.clock
        return self.definition.job_of(self.options, args, kwargs, clock)

    def using(
        self,
        *,
        delay: Seconds | None = UNCHANGED,
        at: datetime | None = UNCHANGED,
        queue: str = UNCHANGED,
        priority: int = UNCHANGED,
        timeout: Seconds | None = UNCHANGED,
        unique: Unique = UNCHANGED,
        unique_while: str = UNCHANGED,
        unique_for: Seconds | None = UNCHANGED,
        keep: Seconds | None = UNCHANGED,
        headers: Mapping[str, str] | None = UNCHANGED,
        on_conflict: str = UNCHANGED,
        connection: Any = UNCHANGED,
        on: "Queue | None" = UNCHANGED,
    ) -> "Variant[P, R]":
        """The task with other options, for the jobs enqueued through what this returns. What is left out stays.

        delay: not before so many seconds, or a timedelta, from now on. at: not before this moment, an aware datetime.
        queue, priority, timeout, unique, unique_while, unique_for, keep: as for `@task`.
        headers: text by text, kept with the job.
        on_conflict: what to do if another job holds the unique key. "existing": the handle of that one is returned.
            "raise": UniqueKeyHeld is raised. "replace": that one is deleted if it still waits, and the new one stored,
            in one transaction; else UniqueKeyHeld is raised.
        connection: a connection of the caller's own, in whose transaction the job is stored: it is there if and only if
            that commits. Only where TRANSACTIONS is promised.
        on: the queue to store it in; the default queue if left out.
        Raises InvalidJob for what makes no sense.
        """
        stored = {
            "delay": delay,
            "at": at,
            "queue": queue,
            "priority": priority,
            "timeout": timeout,
            "unique": unique,
            "unique_while": unique_while,
            "unique_for": unique_for,
            "keep": keep,
            "headers": headers,
        }
        options = self.options.changed(**stored)
        options.check(self.definition.name, self.definition.signature, self.definition.secret)
        said = {"on_conflict": on_conflict, "connection": connection, "on": on}
        terms = self.terms._replace(**{name: value for name, value in said.items() if value is not UNCHANGED})
        return Variant(self.definition, options, terms)


class Variant[**P, R](Verbs[P, R]):
    """A task with other options, for some of its jobs: `task.using(...)`. It has the same verbs as a task."""

    def __init__(self, definition: Definition[P, R], options: Options, terms: Terms) -> None:
        self.definition = definition
        self.options = options
        self.terms = terms

    def __repr__(self) -> str:
        return f"<Variant of {self.definition!r}>"


class Task[**P, R](Definition[P, R], Verbs[P, R]):
    """A registered function: call it as before, or enqueue jobs of its name.

    P: its parameters. R: what it returns, and its jobs result in.
    """

    def __init__(self, function: Callable[..., Any], name: str, **said: Any) -> None:
        super().__init__(function, name, **said)
        self.definition = self
        self.terms = TERMS
        if self.is_async:
            inspect.markcoroutinefunction(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        answer: R = self.function(*args, **kwargs)
        return answer

    def __reduce__(self) -> Any:
        """By reference where the task stands under its function's name in its module, else remade of the function."""
        if _found(self.function) is self:
            return self.function.__qualname__
        said = {"retry": self.retry, "options": self.options, "process": self.process, "secret": self.secret}
        return _remade, (type(self), self.function, self.name, said)


class AsyncTask[**P, R](Task[P, R]):
    """A task that is an `async def`: calling it gives a coroutine, and its jobs result in what that returns."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:  # type: ignore[override]  # R is of the jobs
        coroutine: Coroutine[Any, Any, R] = self.function(*args, **kwargs)
        return coroutine


def _found(function: Callable[..., Any]) -> Any:
    """What stands under the function's name in its module; None if nothing does."""
    found: Any = sys.modules.get(getattr(function, "__module__", ""))
    for name in getattr(function, "__qualname__", "?").split("."):
        found = getattr(found, name, None)
    return found


def _remade(kind: type[Task[..., Any]], function: Callable[..., Any], name: str, said: dict[str, Any]) -> Any:
    return kind(function, name, **said)


# --- declaring ------------------------------------------------------------------------------------


class Decorator(Protocol):
    """What `task(...)` returns: to be put before a function."""

    @overload
    def __call__[**P, R](self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__[**P, R](self, function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task[**P, R](name: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
@overload
def task[**P, R](name: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    name: str | None = None,
    *,
    queue: str = DEFAULT_QUEUE,
    priority: int = 0,
    retry: RetryPolicy | None = None,
    timeout: Seconds | None = None,
    unique: Unique = None,
    unique_while: str = "unfinished",
    unique_for: Seconds | None = None,
    keep: Seconds | None = None,
    process: bool = False,
    secret: Iterable[str] = (),
    cron: str | None = None,
    every: Seconds | None = None,
    tz: str | None = None,
    missed: str = "latest",
    registry: Registry | None = None,
) -> Decorator: ...
def task(
    name: str | Callable[..., Any] | None = None,
    *,
    queue: str = DEFAULT_QUEUE,
    priority: int = 0,
    retry: RetryPolicy | None = None,
    timeout: Seconds | None = None,
    unique: Unique = None,
    unique_while: str = "unfinished",
    unique_for: Seconds | None = None,
    keep: Seconds | None = None,
    process: bool = False,
    secret: Iterable[str] = (),
    cron: str | None = None,
    every: Seconds | None = None,
    tz: str | None = None,
    missed: str = "latest",
    registry: Registry | None = None,
) -> Any:
    """Register a function as a task: `@task`, `@task()`, or `@task("name")`.

    name: what jobs call it by; the function's own name if left out.
    queue, priority: where its jobs wait, and which of them run first: the higher.
    retry: when failed attempts of its jobs are tried again; the worker's policy if left out.
    timeout: seconds that one attempt may take, or a timedelta; None means no limit.
    unique: no other job may have the same key. True makes the key of the name and all arguments, a text such as
        "mail-{address}" of those that it names, and a function of the task's arguments returns it, or None for a job
        that has none.
    unique_while: a job holds its key while it is "unfinished" (waiting or running), or just while it is "pending".
    unique_for: instead, so many seconds from the enqueueing, whatever becomes of the job.
    keep: seconds that its jobs are kept after they finished; None means for ever. Those that FAILED stay.
    process: run each attempt in a child process of the worker, which a timeout or a cancel really kills. The function
        must stand at the top of a module.
    secret: the names of parameters whose arguments are never shown, but stored as they are.
    cron, every, tz, missed: it recurs, as for `schedule`, under its own name and called without arguments.
    registry: where to register it; `default_registry` if left out.
    Raises DuplicateTask if another function has the name, InvalidJob for an option that makes no sense.
    """
    if callable(name):
        return task()(name)
    when = _recurrence(cron, every, tz)
    if when is None and missed != "latest":
        raise InvalidJob(f"missed={missed!r} is for a task that recurs: give cron= or every= too")
    if isinstance(secret, str):
        raise InvalidJob(f"secret={secret!r} must be a tuple of names, as in secret=({secret!r},)")
    options = Options().changed(
        queue=queue,
        priority=priority,
        timeout=timeout,
        unique=unique,
        unique_while=unique_while,
        unique_for=unique_for,
        keep=keep,
    )
    said = {"retry": retry, "options": options, "process": process, "secret": tuple(secret)}

    def register(function: Callable[..., Any]) -> Task[..., Any]:
        kind = AsyncTask if inspect.iscoroutinefunction(function) else Task
        made: Task[..., Any] = kind(function, name if isinstance(name, str) else function.__name__, **said)
        where = default_registry if registry is None else registry
        where.add(made)
        if when is not None:
            where.add_schedule(_schedule(made.name, _without_arguments(made), when, missed))
        return made

    return register


def _recurrence(cron: str | None, every: Seconds | None, tz: str | None) -> "Recurrence | None":
    if cron is None and every is None and tz is None:
        return None
    from pinion.schedule import recurrence

    return recurrence(cron, every, tz)


def _schedule(name: str, job: Job, when: "Recurrence", missed: str) -> "Schedule":
    from pinion.schedule import Schedule

    return Schedule(name, job, when, missed)


def _without_arguments(task: Definition[..., Any]) -> Job:
    return task.options.job(task.name, task.signature, (), {}, SYSTEM)


def schedule(
    name: str,
    job: Job | Definition[..., Any],
    *,
    cron: str | None = None,
    every: Seconds | None = None,
    tz: str | None = None,
    missed: str = "latest",
    registry: Registry | None = None,
) -> "Schedule":
    """Declare that a job recurs: each worker that knows of it, of however many, may make the job of a tick; one does.

    name: unique; what `pinion schedules` shows.
    job: a copy of it is made at each tick, with its arguments and options, as `task.job(...)` makes one; or a task that
        needs no arguments.
    cron: an expression, read by a wall clock of the zone `tz` (UTC), see `Cron`; or
    every: seconds, or a timedelta, counted from 1970-01-01 00:00 UTC.
    missed: what becomes of ticks while no worker ran: "latest" runs the last of them, "skip" none, "all" each.
    registry: where to declare it; `default_registry` if left out. The task must be registered there.
    Raises InvalidJob, InvalidArguments, UnknownTask or DuplicateSchedule.
    """
    when = _recurrence(cron, every, tz)
    if when is None:
        raise InvalidJob(f"schedule {name!r}: give cron= or every=")
    declared = _schedule(name, job if isinstance(job, Job) else _without_arguments(job), when, missed)
    (default_registry if registry is None else registry).add_schedule(declared)
    return declared
