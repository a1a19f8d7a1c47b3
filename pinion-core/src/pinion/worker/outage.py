"""An outage of the storage: whoever wants the storage waits, longer each time, and one line says so.

A worker doesn't end because its storage is away for a while: what it finished waits in memory, and no new job is
claimed, which bounds how much that can be.
"""

import logging
import threading

from pinion.clock import monotonic
from pinion.errors import StorageError
from pinion.worker.report import Report

__all__ = ["Outage"]

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0


class Outage:
    """Whether the storage answers, shared by the threads of one worker."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lock = threading.Lock()  # guards the three below
        self._pause = 0.0
        self._since = 0.0
        self._until = 0.0

    def remaining(self) -> float:
        """Seconds until the storage may be asked again; 0 when there is no outage."""
        return max(0.0, self._until - monotonic()) if self._pause else 0.0

    def failed(self, raised: Exception) -> None:
        """The storage didn't answer: everybody pauses, for twice as long as the last time."""
        with self._lock:
            now = monotonic()
            first = not self._pause
            if not first and now < self._until:
                return  # another thread has said so already
            self._since = now if first else self._since
            self._pause = FIRST_PAUSE if first else min(self._pause * 2, LONGEST_PAUSE)
            self._until = now + self._pause
        if first:
            # An error that no storage should raise is a defect of that storage; its traceback helps to mend it.
            trace = None if isinstance(raised, StorageError) else raised
            logger.error(
                "the storage doesn't answer (%s: %s); what is finished waits in memory, "
                "and the storage is asked again until it does",
                type(raised).__name__,
                raised,
                exc_info=trace,
                extra={"pinion": {"event": "storage.lost", "error_type": type(raised).__name__, "error": str(raised)}},
            )

    def over(self) -> None:
        """The storage answered."""
        if self._pause:
            with self._lock:
                self._pause, seconds = 0.0, monotonic() - self._since
            self._report.worker_event(
                "storage.back", "the storage answers again after %.1f s", seconds, level=logging.WARNING
            )


logger = logging.getLogger("pinion.worker")
