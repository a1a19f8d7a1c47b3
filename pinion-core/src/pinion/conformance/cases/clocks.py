"""CLAIMS: the time, where a storage takes a clock."""

from pinion.clock import as_microseconds
from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import Trial
from pinion.testing import ManualClock

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("claim.own_clock", clock=True)
def own_clock(trial: Trial) -> None:
    """A storage that takes a clock asks it and no other."""
    for moment in (trial.moment(86400.0 * 365 * 50), trial.moment(-86400.0 * 365 * 50)):
        clock = ManualClock(as_microseconds(moment))
        storage = trial.open(trial.elsewhere(), clock=clock)
        trial.put("task", into=storage)
        started = trial.take_one(of=storage).started_at
        expect(started is None or started == moment, f"its clock says {moment}, but a job was started at {started}")
        clock.advance(trial.lease + trial.margin)
        expect(len(trial.take(of=storage)) == 1, f"by its own clock, {moment}, the lease ran out; a claim got nothing")


@cases("claim.clock_set_back", clock=True)
def clock_set_back(trial: Trial) -> None:
    """A job without a run_at is due at once, also when the clock was set back since it was inserted."""
    trial.put("one")
    trial.elapse(-3600.0)
    trial.put("two")
    came = sorted(job.func_name for job in trial.take(10))
    expect(
        came == ["one", "two"], f"the clock was set back by an hour after the first of two inserts; a claim got {came}"
    )
