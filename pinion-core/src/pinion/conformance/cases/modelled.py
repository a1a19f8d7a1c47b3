"""CLAIMS: made-up programs, whose every answer is compared with that of a model."""

from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import Trial

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("model.agrees")
def agrees(trial: Trial) -> None:
    """One call after the other, a storage answers as the interface says, whatever came before."""
    from pinion.conformance.machine import compare_with_model  # imports Hypothesis, which takes its time

    compare_with_model(trial)
