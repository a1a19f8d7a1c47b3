"""Schedules that tick by hand, for tests: a clock that shows noon, a worker's ticking, and the ticks that made jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pinion import Job
from pinion.hooks import Hooks
from pinion.schedule import Cron, Recurrence, Schedule
from pinion.storage import Query, ScheduleEntry
from pinion.testing import ManualClock
from pinion.worker.report import Report
from pinion.worker.ticking import Ticking

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class AtNoon(ManualClock):
    """Shows noon, until it is moved."""

    def __init__(self) -> None:
        super().__init__(int(NOON.timestamp()) * 1_000_000)

    def move_to(self, moment: datetime) -> None:
        self.advance((moment - NOON).total_seconds() - (self.now() / 1e6 - NOON.timestamp()))


def schedule(when: Recurrence | None = None, missed: str = "latest", job: Job | None = None) -> Schedule:
    return Schedule("report", job or Job("report"), when or Cron("@hourly"), missed)


def ticking(storage: Any, *schedules: Schedule, once: bool = False) -> Ticking:
    """What a worker with these schedules does, which has just begun."""
    begun = Ticking(storage, schedules or [schedule()], Report("w1", Hooks()), once=once)
    begun.act()
    return begun


def made(storage: Any) -> list[datetime]:
    """The ticks of the jobs that are stored, in the order of their creation."""
    return [datetime.fromisoformat(job.headers["pinion.tick"]) for job in storage.find(Query(limit=10_000))]


def stored(storage: Any) -> ScheduleEntry:
    [entry] = storage.schedules()
    assert isinstance(entry, ScheduleEntry)
    return entry


def act(worker: Ticking) -> float:
    """Act until nothing is due."""
    while (seconds := worker.act()) <= 0:
        pass
    return seconds
