"""Wear: after so many jobs, or with so much memory, a worker makes room for a fresh one.

Tasks leak: memory, mostly. Where that can't be mended, a process that lives for a bounded time can be borne.
"""

import os
import sys

from pinion.clock import monotonic

__all__ = ["SUPERVISED", "WORN", "Wear"]

SUPERVISED = "PINION_SUPERVISED"
"""Set in the environment of a worker process that somebody will replace, when it ends with the status WORN."""
WORN = 4

EVERY = 1.0
"""Seconds between two looks at the memory."""
MEGABYTE = 1024 * 1024


class Wear:
    """What a worker may still do.

    max_jobs: attempts, in all; None is no bound.
    max_memory: megabytes that the process may take; None is no bound.
    """

    def __init__(self, max_jobs: int | None, max_memory: float | None) -> None:
        self._max_jobs, self._max_memory = max_jobs, max_memory
        self.counts_jobs = max_jobs is not None
        self._looked_at = 0.0

    def left(self, room: int, begun: int) -> int:
        """How many jobs may be claimed of so many, when `begun` are or were at work."""
        return room if self._max_jobs is None else min(room, self._max_jobs - begun)

    def reason(self, attempts: int) -> str | None:
        """Why it is time for another process; None if it isn't."""
        if self._max_jobs is not None and attempts >= self._max_jobs:
            return f"{attempts} jobs have run, of {self._max_jobs}"
        if self._max_memory is None or monotonic() - self._looked_at < EVERY:
            return None
        self._looked_at = monotonic()
        used = _memory() / MEGABYTE
        return f"the process takes {used:.0f} MB, of {self._max_memory:g}" if used > self._max_memory else None


def _memory() -> float:
    """Bytes that this process occupies just now, or, where the system doesn't tell, has occupied at most."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
