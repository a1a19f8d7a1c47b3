"""For application authors' tests. Imports no pytest, and nothing before it is asked for.

`Rehearsal` runs a test's jobs; `ManualClock` is for a storage of your own.
"""

TYPE_CHECKING = False  # of typing, which costs as much as all of this
if TYPE_CHECKING:
    from pinion.testing.clock import ManualClock
    from pinion.testing.rehearsal import Rehearsal

__all__ = ["ManualClock", "Rehearsal"]


def __getattr__(name: str) -> object:
    if name == "ManualClock":
        from pinion.testing.clock import ManualClock

        return ManualClock
    if name == "Rehearsal":
        from pinion.testing.rehearsal import Rehearsal

        return Rehearsal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
