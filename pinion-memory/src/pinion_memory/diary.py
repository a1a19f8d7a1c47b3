"""Diary: progress and log lines of running tasks."""

from collections.abc import Sequence
from typing import Any

from pinion.storage import KEEP, Claim, Line, Steps
from pinion_memory.keeper import Keeper

__all__ = ["Diary"]


class Diary(Keeper, Steps):
    """The group Steps."""

    def note(self, claim: Claim, *, progress: Any = KEEP, lines: Sequence[Line] = ()) -> bool:
        text = None if progress is KEEP or progress is None else self.codec.encode(progress)
        with self._ledger.changed:
            self._check_open()
            if (record := self._ledger.held(claim)) is None:
                return False
            if progress is not KEEP:
                record.progress = text
            if lines:
                record.lines = record.lines or []
                record.lines.extend(lines)
            return True

    def lines(self, job_id: str, limit: int = 1000) -> list[Line]:
        with self._ledger.changed:
            lines = self._find(job_id).lines or []
            return lines[max(0, len(lines) - limit) :]
