"""For application authors' tests. Imports no pytest, and nothing before it is asked for.

`Rehearsal` runs a test's jobs; `ManualClock` is for a storage of your own.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinion.testing.rehearsal import Rehearsal

from pinion.testing.clock import ManualClock

__all__ = ["ManualClock", "Rehearsal"]


def __getattr__(name: str) -> Any:
    if name == "Rehearsal":
        from pinion.testing.rehearsal import Rehearsal

        return Rehearsal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
