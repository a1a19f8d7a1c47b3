"""Sweeping: what was kept long enough is deleted, a little at a time, so that running jobs don't notice."""

from datetime import timedelta

from pinion.clock import SYSTEM, as_datetime, monotonic
from pinion.job import Status
from pinion.storage import Change, Controls, Filter

__all__ = ["BATCH", "Sweeping"]

EVERY = 60.0
BATCH = 1000
SHORTEST_REST = 0.05


class Sweeping:
    """The duty of retention: jobs whose own `keep` ran out, and those that succeeded or were cancelled long ago.

    keep: seconds after which these go too; None keeps them. FAILED jobs stay until somebody looks after them.
    """

    def __init__(self, storage: Controls, keep: float | None = None) -> None:
        self._storage = storage
        self._keep = keep
        self._clock = getattr(storage, "clock", SYSTEM)

    def act(self) -> float:
        """Delete one batch of each kind. While there is more, rest as long as that took."""
        begun = monotonic()
        most = max(self._storage.purge(BATCH), self._delete(Status.SUCCESS), self._delete(Status.CANCELLED))
        return max(SHORTEST_REST, monotonic() - begun) if most >= BATCH else EVERY

    def _delete(self, status: Status) -> int:
        if self._keep is None:
            return 0
        before = as_datetime(self._clock.now()) - timedelta(seconds=self._keep)
        return len(self._storage.change(Change.DELETE, Filter(status=status, before=before), limit=BATCH))

    def end(self) -> None:
        """Nothing is left to do."""
