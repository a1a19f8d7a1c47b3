"""The only place that asks the time.

Pinion counts time in integer microseconds since the epoch, UTC: exact, ordered, and the same in every
storage. `datetime` values at the surface are aware and in UTC. A storage takes a `Clock`, so that a
test moves time by hand instead of sleeping.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = [
    "EPOCH",
    "SECOND",
    "SYSTEM",
    "Clock",
    "SystemClock",
    "as_datetime",
    "as_microseconds",
    "monotonic",
    "sleep",
    "utc_now",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
_MICROSECOND = timedelta(microseconds=1)

monotonic = time.monotonic
sleep = time.sleep


class Clock(Protocol):
    """Tells what time it is."""

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def __repr__(self) -> str:
        return "SystemClock()"


SYSTEM = SystemClock()


def utc_now() -> datetime:
    """The wall clock's time as an aware datetime."""
    return datetime.now(UTC)


def as_datetime(microseconds: int) -> datetime:
    """The aware UTC datetime of so many microseconds since the epoch, exactly."""
    return EPOCH + microseconds * _MICROSECOND  # half the time that making a timedelta takes


def as_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly. Raises TypeError for a naive one."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
