"""The cases, a file per promise, in the order in which they are tried: a failure further down may follow from one above."""

from pinion.conformance.case import Case
from pinion.conformance.cases import base, waiting

__all__ = ["ALL", "FOUNDATION"]

ALL: tuple[Case, ...] = (*base.cases, *waiting.cases)

FOUNDATION = ("base.opens", "base.fresh", "base.round_trip")
"""Where one of these fails, the others would tell nothing."""
