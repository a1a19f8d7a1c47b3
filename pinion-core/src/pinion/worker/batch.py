"""How many jobs to claim at once. Pure.

Claims and settlements share a transaction, so that its cost is divided by the size of the batch. But a claimed job
that waits for its turn is withheld from idle workers, so a batch is no larger than what runs within `HOLD`.
"""

__all__ = ["HOLD", "MOST", "Batch"]

HOLD = 0.025
"""Seconds that the jobs of one batch may take together."""
MOST = 128
"""Beyond this a transaction's fixed cost no longer shows; a killed worker leaves at most so many to be run again."""


class Batch:
    """Follows the pace of the jobs: halves at once when they slow down, doubles at most when they are fast."""

    def __init__(self) -> None:
        self._size = 1

    def size(self, idle: int) -> int:
        """How many jobs to claim for `idle` threads that have nothing to do."""
        return max(idle, self._size)

    def observe(self, finished: int, seconds: float) -> None:
        """The last `finished` jobs took so many seconds, from their claim to now."""
        if finished <= 0:
            return
        fitting = int(HOLD * finished / seconds) if seconds > 0 else MOST
        self._size = max(1, min(fitting, self._size * 2, MOST))
