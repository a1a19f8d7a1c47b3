"""ManualClock: time that passes when a test says so, and not otherwise."""

import threading

from pinion.clock import SECOND, SYSTEM

__all__ = ["ManualClock"]


class ManualClock:
    """A `Clock` moved by hand; a storage that is given one needs no sleeping to be tested.

    start: microseconds since the epoch; None means the present.
    """

    def __init__(self, start: int | None = None) -> None:
        self._now = SYSTEM.now() if start is None else start
        self._moving = threading.Lock()  # guards _now

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass; a negative number sets the clock back, as an administrator might."""
        with self._moving:
            self._now += round(seconds * SECOND)

    def set(self, microseconds: int) -> None:
        """Let it be that moment, in microseconds since 1970-01-01 UTC."""
        with self._moving:
            self._now = microseconds

    def __repr__(self) -> str:
        return f"ManualClock({self._now})"
