"""An alarm that rings in the middle of what the main thread does, as Ctrl-C does."""

import signal
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Alarm", "Interrupted"]


class Interrupted(BaseException):
    """What the alarm raises."""


class Alarm:
    """Raises Interrupted in the main thread, once each time that it is set.

    Let what is interrupted be a call, not a loop within `with` or `try`: Python 3.13 leaves a block without ending it
    if the alarm rings as a loop in it begins anew (https://github.com/python/cpython/issues/130279).
    """

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGALRM, self._ring)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def set(self, seconds: float) -> None:
        self.rang = False
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        self.rang = True
        raise Interrupted
