"""For application authors' tests. Imports no pytest."""

from pinion.testing.clock import ManualClock

__all__ = ["ManualClock"]
