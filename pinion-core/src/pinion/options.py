"""Options: how the jobs of a task are stored, apart from their arguments.

A task has its options from `@task`; `using` changes them for some of its jobs. What isn't changed is `UNCHANGED`,
since None is an option like any other.
"""

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pinion.clock import Clock, as_datetime
from pinion.errors import InvalidJob
from pinion.job import DEFAULT_QUEUE, Job, check
from pinion.secrecy import OURS
from pinion.uniqueness import Unique, check_text, key_of

__all__ = ["UNCHANGED", "Options", "Seconds", "Unique", "seconds"]

UNCHANGED: Any = type("_Unchanged", (), {"__repr__": lambda self: "UNCHANGED"})()
"""Says that an option stays as the task has it."""

type Seconds = float | timedelta


def seconds(value: Seconds | None) -> float | None:
    """Seconds, of a number or a timedelta."""
    return value.total_seconds() if isinstance(value, timedelta) else value


@dataclass(frozen=True)
class Options:
    """How jobs are stored. The names are those of Job's fields, but for these:

    unique: what the job's unique key is made of, see `@task`.
    delay, at: not before so many seconds from the enqueueing, or not before that moment.
    Raises InvalidJob for what can't be stored or makes no sense.
    """

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    timeout: float | None = None
    unique: Unique = None
    unique_while: str = "unfinished"
    unique_for: float | None = None
    keep: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if self.delay is not None and self.at is not None:
            raise InvalidJob("give delay= or at=, not both")
        if self.delay is not None and not _is_delay(self.delay):
            raise InvalidJob(f"delay must be a number of seconds, or a timedelta, of at least 0, got {self.delay!r}")
        if not isinstance(self.unique, bool | str | None) and not callable(self.unique):
            raise InvalidJob(
                f"unique must be True, a text such as 'mail-{{address}}', or a function of the task's arguments that "
                f"returns a text, got {self.unique!r}"
            )
        if not self.unique and (self.unique_for is not None or self.unique_while != "unfinished"):
            raise InvalidJob("unique_for and unique_while say how long a key is held: give unique= too")

    def changed(self, **given: Any) -> "Options":
        """These options with some of them changed; headers are added to those that are there."""
        changes = {name: value for name, value in given.items() if value is not UNCHANGED}
        for name in changes.keys() & {"timeout", "unique_for", "keep", "delay"}:
            changes[name] = seconds(changes[name])
        if "headers" in changes:
            changes["headers"] = {**self.headers, **_own(changes["headers"] or {})}
        if "delay" in changes or "at" in changes:
            changes = {"delay": None, "at": None, **changes}
        if "unique" in changes and not changes["unique"]:
            changes = {"unique_while": "unfinished", "unique_for": None, **changes}
        return replace(self, **changes)

    @functools.cached_property
    def _fields(self) -> dict[str, Any]:
        """The fields of a job that are the same for all of them, and not as they come."""
        plain = Job("", id="")
        named = ("queue", "priority", "timeout", "unique_while", "unique_for", "keep")
        return {name: getattr(self, name) for name in named if getattr(self, name) != getattr(plain, name)}

    @functools.cached_property
    def _is_plain(self) -> bool:
        return not (self.headers or self.unique or self.delay is not None or self.at)

    def job(
        self, name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any], clock: Clock
    ) -> Job:
        """A job of a task of this name and signature. Raises InvalidJob."""
        job = Job(name, args, kwargs, **self._fields)
        if self._is_plain:
            return job
        job.headers = dict(self.headers)
        job.run_at = self.at
        if self.delay is not None:
            job.run_at = as_datetime(clock.now() + round(self.delay * 1_000_000))
        if self.unique:
            job.unique_key = key_of(self.unique, name, signature, args, kwargs)
        return job

    def check(self, name: str, signature: inspect.Signature, secret: tuple[str, ...]) -> None:
        """Refuse, when a task is declared, what would be refused of each of its jobs. Raises InvalidJob."""
        check(Job(name or "?", unique_key="?" if self.unique else None, headers=dict(self.headers), **self._fields))
        if isinstance(self.unique, str):
            check_text(self.unique, name, signature, secret)
        if self.unique is True and secret:
            raise InvalidJob(
                f"task {name!r}: unique=True would put a digest of what is secret into the key, which is shown: name "
                "the arguments that make it unique, as in unique='mail-{address}'"
            )


def _is_delay(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _own(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name in headers:
        if name.startswith(OURS):
            raise InvalidJob(f"header {name!r}: names that begin with {OURS!r} are Pinion's own; take another")
    return headers
