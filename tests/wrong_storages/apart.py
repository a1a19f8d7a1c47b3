"""Wrong ClaimStorages on a file: groups that other objects, or later ones, know nothing of."""

from dataclasses import replace

from pinion.storage import Inspects, Promise
from right_storages.controlling import PlainControls
from right_storages.living import PlainWorkers
from right_storages.reading import PlainReading
from right_storages.row import Around, Row
from right_storages.scheduling import PlainSchedules
from right_storages.shelf import ShelfClaims
from right_storages.telling import PlainSteps
from wrong_storages.catalogue import refused_by


class Forgetful(ShelfClaims):
    """Part of what it knows isn't written."""

    def save(self) -> None:
        known = self.rows, self.around
        self.rows = {job_id: self.written(row) for job_id, row in self.rows.items()}
        self.around = self.written_around(self.around)
        try:
            super().save()
        finally:
            self.rows, self.around = known

    def written(self, row: Row) -> Row:
        return row

    def written_around(self, around: Around) -> Around:
        return around


class Reading(Forgetful, PlainReading):
    """Jobs that can be read."""

    wait_finished = Inspects.wait_finished


class Controlling(Reading, PlainControls):
    """Jobs that can be changed."""


SHARED_CONTROLS = frozenset({Promise.SHARED, Promise.INSPECTS, Promise.CONTROLS})


@refused_by("finish.shared")
class HearsOnlyItself(Forgetful, PlainReading):
    """What another process settles is never finished."""

    promises = frozenset({Promise.SHARED, Promise.INSPECTS})


@refused_by("cancel.shared")
class TellsOnlyItsOwnHolders(Controlling):
    """A cancel is a message to the workers of this process."""

    promises = SHARED_CONTROLS

    def written(self, row: Row) -> Row:
        return replace(row, asked=False)


@refused_by("pause.shared")
class PausesItself(Controlling):
    """A pause is an attribute of the object."""

    promises = SHARED_CONTROLS

    def written_around(self, around: Around) -> Around:
        return replace(around, paused=set())


@refused_by("pause.survives", like="https://github.com/sidekiq/sidekiq/issues/4975")
class ResumesWhenItIsOpened(Controlling):
    """A worker that is started doesn't know that the queue is paused."""

    promises = frozenset({Promise.DURABLE, Promise.INSPECTS, Promise.CONTROLS})

    def written_around(self, around: Around) -> Around:
        return replace(around, paused=set())


@refused_by("attempts.survives")
class KeepsHistoryInMemory(Reading):
    """What was before it was opened is not its business."""

    promises = frozenset({Promise.DURABLE, Promise.INSPECTS, Promise.HISTORY})

    def written(self, row: Row) -> Row:
        return replace(row, tries=[])


class Scheduling(Forgetful, PlainSchedules):
    """A timetable for itself."""

    def written_around(self, around: Around) -> Around:
        return replace(around, timetable={})


@refused_by("schedules.processes")
class KeepsTimeForItself(Scheduling):
    """Every process has schedules of its own."""

    promises = frozenset({Promise.SHARED, Promise.SCHEDULES})


@refused_by("schedules.survives")
class BeginsTheDayAnew(Scheduling):
    """Schedules are gone when it is closed."""

    promises = frozenset({Promise.DURABLE, Promise.SCHEDULES})


@refused_by("steps.survives")
class KeepsLinesInMemory(Reading, PlainSteps):
    """What a task said is gone when the worker is restarted."""

    promises = frozenset({Promise.DURABLE, Promise.INSPECTS, Promise.STEPS})

    def written(self, row: Row) -> Row:
        return replace(row, lines=[])


@refused_by("workers.shared")
class KnowsItsOwnWorkers(Forgetful, PlainWorkers):
    """Every process is alone in the world."""

    promises = frozenset({Promise.SHARED, Promise.WORKERS})

    def written_around(self, around: Around) -> Around:
        return replace(around, alive={})
