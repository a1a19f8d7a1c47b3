"""POWER_SAFE: what `insert` accepted is there after a power cut. That takes a power cut to show, so little is tested."""

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.trial import Trial
from pinion.storage import Promise

__all__ = ["cases"]

cases = chapter(Promise.POWER_SAFE)


@cases("power_safe.durable")
def durable(trial: Trial) -> None:
    """Whoever promises POWER_SAFE promises DURABLE: what survives a power cut survives SIGKILL."""
    expect(trial.facts.makes(Promise.DURABLE), "POWER_SAFE is promised, but not DURABLE")
