"""Row: what a plain storage keeps of a job; Around: what it keeps beside them; Connection: a caller's transaction."""

from dataclasses import dataclass, field
from typing import Any

from pinion.job import Job
from pinion.outcome import Outcome
from pinion.storage import Attempt, Line, ScheduleEntry, WorkerEntry


@dataclass(slots=True)
class Row:
    """A stored job: its arguments, result and progress are text. due, lease_ends, key_ends: microseconds.

    claimed: since it was inserted or requeued. asked: to stop. tries: its attempts, the last one maybe not over.
    """

    job: Job
    call: str
    number: int
    due: int
    lease_ends: int = 0
    settled_as: type[Outcome] | None = None
    result: str | None = None
    key_ends: int = 0
    claimed: bool = False
    asked: bool = False
    progress: str | None = None
    tries: list[Attempt] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Around:
    """Queues that are paused, schedules by name, workers and when they are no longer alive."""

    paused: set[str] = field(default_factory=set)
    timetable: dict[str, ScheduleEntry] = field(default_factory=dict)
    alive: dict[str, tuple[WorkerEntry, int]] = field(default_factory=dict)


class Connection:
    """The caller's own transaction: a copy of all rows, which replaces them when it is committed."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.rows: dict[str, Row] | None = None

    def commit(self) -> None:
        if self.rows is not None:
            self.storage.rows, self.rows = self.rows, None

    def rollback(self) -> None:
        self.rows = None

    def close(self) -> None:
        self.rollback()
