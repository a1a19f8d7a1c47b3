"""Steps, on plain rows: what a running task tells."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pinion.storage import KEEP, Claim, Line, Promise, Steps
from right_storages.reading import PlainReading
from right_storages.row import Row


class PlainSteps(PlainReading, Steps):
    """Progress and lines stand in the job's own row."""

    promises: ClassVar[frozenset[Promise]] = PlainReading.promises | {Promise.STEPS}

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        text = None if progress is KEEP else self.codec.encode(progress)
        with self.locked():
            row = self.rows.get(claim.id)
            if row is None or not self.is_held(row, claim):
                return False
            self.write(row, text, lines)
            return True

    def write(self, row: Row, progress: str | None, lines: Sequence[Line]) -> None:
        if progress is not None:
            row.progress = progress
        row.lines.extend(lines)

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        with self.locked():
            lines = self.stored(job_id).lines
            return lines[len(lines) - min(limit, len(lines)) :]
