"""Moments in microseconds, at the ends of what can be told."""

from pinion.storage import SECOND

__all__ = ["NEVER", "later"]

FAR = 253_402_300_799
"""The last second of the year 9999: no delay reaches beyond what a datetime can tell."""

NEVER = 2**63
"""A moment that doesn't come."""


def later(now: int, seconds: float) -> int:
    """The moment so many seconds from now, or the end of the year 9999."""
    return min(now + int(min(seconds, FAR) * SECOND), FAR * SECOND)
