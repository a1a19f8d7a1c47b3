"""Ticking: the jobs of schedules are made when they are due. Any worker may, and exactly one of them does.

A worker ticks the schedules that its own code declares, as long as what is stored is what it would have stored. A
newer worker that declares one anew thereby takes it over. One that nobody ticks any more, because the newer worker
was stopped again, say, is taken back after a while.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pinion.clock import SYSTEM, as_datetime
from pinion.errors import InvalidJob, JobNotFound, StorageError, Unsupported
from pinion.job import Job
from pinion.schedule import OVERDUE, Schedule, Step
from pinion.storage import ClaimStorage, Inspects, ScheduleEntry, Schedules
from pinion.worker.report import Report

__all__ = ["Ticking"]

LOOK = 5.0
"""Seconds after which it looks again, though nothing is due: what is stored may have changed, or the clock."""
STEPS = 100
"""Steps of one schedule in one round; the others have their turn then."""
_MICROSECOND = timedelta(microseconds=1)


class Ticking:
    """The duty of making the jobs of schedules.

    storage: one that promises SCHEDULES. Its clock says what is due.
    once: make the jobs of the ticks that are due at the start, and none later; `caught_up` says that this is done.
    """

    def __init__(
        self, storage: Schedules, schedules: Iterable[Schedule], report: Report, *, once: bool = False
    ) -> None:
        self._storage = storage
        self._clock = getattr(storage, "clock", SYSTEM)
        self._report = report
        self._new = {each.name: each for each in schedules}  # not yet put into the storage
        self._known: dict[str, Schedule] = {}
        self._left: set[str] = set()  # to newer workers
        self._waiting: dict[str, tuple[datetime | None, datetime]] = {}  # due when, as was found out when
        self._once = once
        self.caught_up = False

    def act(self) -> float:
        """Make the jobs of the ticks that are due. Seconds until the next one is, by the storage's clock."""
        if self._once and self.caught_up:
            return LOOK
        stored = {entry.name: entry for entry in self._storage.schedules()}
        self._put_new(stored)
        now = self._now()
        soonest = now + timedelta(seconds=LOOK)
        for schedule in list(self._known.values()):
            due = self._tick(schedule, stored.get(schedule.name), now)
            soonest = soonest if due is None else min(soonest, due)
        self.caught_up = soonest > now
        return (soonest - self._now()).total_seconds()

    def end(self) -> None:
        """Nothing: the next tick is anybody's."""

    def _now(self) -> datetime:
        return as_datetime(self._clock.now())

    # --- declaring --------------------------------------------------------------------------------

    def _put_new(self, stored: dict[str, ScheduleEntry]) -> None:
        for schedule in list(self._new.values()):
            if self._is_accepted(schedule):
                stored[schedule.name] = self._put(schedule, stored.get(schedule.name))
                self._known[schedule.name] = schedule
            del self._new[schedule.name]

    def _is_accepted(self, schedule: Schedule) -> bool:
        try:
            if isinstance(self._storage, ClaimStorage):
                self._storage.accept([schedule.job])
        except (InvalidJob, Unsupported) as refused:
            self._refuse(schedule, refused)
            return False
        return True

    def _put(self, schedule: Schedule, there: ScheduleEntry | None) -> ScheduleEntry:
        """Store the schedule. It begins now; or, in the place of another that is overdue, at the tick that one owes."""
        now = self._now()
        after = now if there is None or there.next is None or there.next > now else there.next - _MICROSECOND
        return self._storage.put_schedule(ScheduleEntry(schedule.name, schedule.definition, schedule.when.next(after)))

    # --- ticking ----------------------------------------------------------------------------------

    def _tick(self, schedule: Schedule, entry: ScheduleEntry | None, now: datetime) -> datetime | None:
        """Take the schedule as far as it goes; when it is due then, or None if that isn't this worker's business."""
        entry = self._own(schedule, entry, now)
        if entry is None or entry.next is None:
            return None
        if not self._waits(entry, now):
            entry = self._advance(schedule, entry, now)
            self._waiting[schedule.name] = entry.next, now
        return entry.next

    def _waits(self, entry: ScheduleEntry, now: datetime) -> bool:
        """Whether it is known that nothing is to be done before the entry is due; finding out takes its time."""
        due, since = self._waiting.get(entry.name, (None, now))
        return due is not None and due == entry.next and since <= now < due

    def _advance(self, schedule: Schedule, entry: ScheduleEntry, now: datetime) -> ScheduleEntry:
        """What is stored after all steps that are to be taken, or as many as one round may take."""
        try:
            for _ in range(STEPS):
                step = None if entry.next is None else schedule.step(entry.next, entry.last, now)
                if step is None or not self._fire(schedule, entry, step, now):
                    break
                entry = replace(entry, next=step.next, last=entry.next)
        except (InvalidJob, Unsupported) as refused:
            self._refuse(schedule, refused)
        return entry

    def _own(self, schedule: Schedule, entry: ScheduleEntry | None, now: datetime) -> ScheduleEntry | None:
        """The stored schedule, if this worker is to tick it."""
        if entry is None:
            return None  # somebody deleted it
        if entry.definition != schedule.definition:
            if entry.next is None or now - entry.next <= OVERDUE:
                self._leave(schedule)
                return None
            entry = self._put(schedule, entry)
        self._left.discard(schedule.name)
        return entry

    def _fire(self, schedule: Schedule, entry: ScheduleEntry, step: Step, now: datetime) -> bool:
        """Take the step, unless another worker was first."""
        job = None if step.tick is None else schedule.job_of(step.tick, now)
        assert entry.next is not None
        if not self._storage.fire(schedule.name, entry.next, step.next, [] if job is None else [job]):
            return False
        if job is not None and step.tick is not None:
            self._fired(schedule, job, step.tick)
        return True

    # --- saying so --------------------------------------------------------------------------------

    def _fired(self, schedule: Schedule, job: Job, tick: datetime) -> None:
        fields: dict[str, Any] = {
            "schedule": schedule.name,
            "job": job.id,
            "task": job.func_name,
            "tick": tick.isoformat(),
        }
        if not self._is_stored(job):
            text = "schedule %s: no job at %s, because another one holds the unique key"
            self._report.worker_event("schedule.held", text, schedule.name, tick.isoformat(), **fields)
            return
        self._report.worker_event(
            "schedule.fired", "schedule %s: %s at %s", schedule.name, job, tick.isoformat(), **fields
        )
        if self._report.hooks.job_enqueued:
            self._report.hooks.job_enqueued(job=job)

    def _is_stored(self, job: Job) -> bool:
        """Whether it is; a storage leaves out a job whose unique key is held."""
        if job.unique_key is None or not isinstance(self._storage, Inspects):
            return True
        try:
            self._storage.get(job.id)
        except JobNotFound:
            return False
        except StorageError:
            pass  # it is just for the log
        return True

    def _leave(self, schedule: Schedule) -> None:
        if schedule.name in self._left:
            return
        self._left.add(schedule.name)
        text = "schedule %s was declared anew by another worker, which makes its jobs from now on"
        self._report.worker_event("schedule.left", text, schedule.name, schedule=schedule.name)

    def _refuse(self, schedule: Schedule, why: Exception) -> None:
        self._known.pop(schedule.name, None)
        text = "schedule %s makes no jobs, because the storage refuses them: %s"
        self._report.worker_event(
            "schedule.refused", text, schedule.name, why, level=logging.ERROR, schedule=schedule.name, error=str(why)
        )
