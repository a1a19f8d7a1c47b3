"""Schedule: a job that recurs, how it is written down, and what is to be done about the tick that is due. Pure.

A schedule is declared in code, with its task. Of it, a storage keeps its name, its definition as text, and when it is
due next. Whoever moves that moment on makes the job (`pinion.groups.Schedules.fire`); what to move it to, and whether
there is a job to make, is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pinion.errors import InvalidJob
from pinion.identity import new_id
from pinion.job import DEFAULT_QUEUE, Job, check
from pinion.recurrence import Cron, Every, Recurrence

__all__ = ["MISSED", "OVERDUE", "TICK", "Cron", "Every", "Recurrence", "Schedule", "Step", "recurrence", "summary"]

MISSED = ("latest", "skip", "all")

TICK = "pinion.tick"
"""The header of a job that says which tick it was made for, in ISO 8601."""

OVERDUE = timedelta(seconds=60)
"""A tick that is later than this was missed: nobody was there to make its job."""

_OPTIONS = {
    "queue": DEFAULT_QUEUE,
    "priority": 0,
    "timeout": None,
    "unique_key": None,
    "unique_while": "unfinished",
    "unique_for": None,
    "keep": None,
    "headers": {},
}
"""What a definition says of the job beside its task and arguments, unless it is this."""


class Step(NamedTuple):
    """What to do with a schedule: set it to `next`, and make the job of `tick`, if it isn't None."""

    next: datetime | None
    tick: datetime | None


@dataclass(frozen=True)
class Schedule:
    """A job that recurs.

    name: unique among the schedules of a storage.
    job: what each tick's job is a copy of.
    when: at which moments.
    missed: what becomes of ticks that nobody was there for. "latest": the last of them makes a job, late, the others
        don't. "skip": none does. "all": each makes its job.
    definition: all of it as text, which is the same for the same schedule.

    Raises InvalidJob, or Unserializable, for what can't be stored or makes no sense.
    """

    name: str
    job: Job
    when: Recurrence
    missed: str = "latest"
    definition: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= 255 or not self.name.isprintable():
            raise InvalidJob(f"a schedule's name must be printable text of 1 to 255 characters, got {self.name!r:.100}")
        if not isinstance(self.when, Recurrence):
            raise InvalidJob(f"schedule {self.name!r}: when must be a Cron or an Every, got {self.when!r:.100}")
        if self.missed not in MISSED:
            raise InvalidJob(
                f"schedule {self.name!r}: missed must be one of {', '.join(MISSED)}, got {self.missed!r:.100}"
            )
        if self.job.run_at is not None:
            raise InvalidJob(f"schedule {self.name!r} says when its job runs: leave out delay and at")
        check(self.job)
        object.__setattr__(self, "definition", self._written())

    def _written(self) -> str:
        import json

        from pinion.codec import DEFAULT_CODEC  # once per schedule: most programs have none

        job = self.job
        call = json.loads(DEFAULT_CODEC.encode_call(job.args, job.kwargs))
        options = {name: getattr(job, name) for name, usual in _OPTIONS.items() if getattr(job, name) != usual}
        plain = {
            "task": job.func_name,
            **self.when.as_plain(),
            "missed": self.missed,
            "args": call[0],
            "kwargs": call[1],
            **options,
        }
        return json.dumps(plain, sort_keys=True, separators=(",", ":"))

    def step(self, due: datetime, last: datetime | None, now: datetime) -> Step | None:
        """What to do with the schedule that is stored as due at `due`; None if it is to wait.

        To be asked again after each step. A moment that isn't of this schedule (another definition set it, or a clock
        that was wrong, or a zone's rules have changed) makes no job, and is set right.
        last: the tick that was dealt with last; what lies before isn't done again.
        """
        if due > now:
            sooner = self.when.next(now if last is None else _not_before(last, now))
            return Step(sooner, None) if sooner is not None and sooner < due else None
        if self.missed != "all" and (latest := self.when.latest(due, now)) is not None:
            return Step(latest, None)
        makes_none = not self.when.includes(due) or (self.missed == "skip" and now - due > OVERDUE)
        return Step(self.when.next(due), None if makes_none else due)

    def job_of(self, tick: datetime, now: datetime) -> Job:
        """The job of a tick, with an id of its own."""
        headers = {**self.job.headers, TICK: tick.isoformat()}
        return replace(self.job, id=new_id(), created_at=now, kwargs=dict(self.job.kwargs), headers=headers)


def _not_before(last: datetime, now: datetime) -> datetime:
    """The later of the two; but a `last` that lies a day ahead comes from a clock that was wrong."""
    return last if now < last < now + timedelta(days=1) else now


def recurrence(
    cron: str | None = None, every: float | timedelta | None = None, tz: str | None = None
) -> Recurrence | None:
    """What is meant by the options of a task; None if it doesn't recur. Raises InvalidJob."""
    if cron is not None and every is not None:
        raise InvalidJob("give cron= or every=, not both")
    if cron is None and tz is not None:
        raise InvalidJob(f"tz={tz!r} is for cron=: what recurs every so many seconds doesn't depend on a zone")
    if cron is not None:
        return Cron(cron, "UTC" if tz is None else tz)
    return None if every is None else Every(every)


def summary(definition: str) -> tuple[str, str]:
    """The task and the "when" of a definition, for people; "?" where it isn't one of ours."""
    import json

    try:
        plain = json.loads(definition)
    except ValueError:
        plain = None
    if not isinstance(plain, Mapping):
        return "?", "?"
    return str(plain.get("task", "?")), _when(plain)


def _when(plain: Mapping[str, Any]) -> str:
    if "cron" in plain:
        return f"{plain['cron']} {plain.get('tz', '')}".strip()
    return f"every {plain['every']:g} s" if isinstance(plain.get("every"), int | float) else "?"
