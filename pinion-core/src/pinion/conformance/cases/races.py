"""CLAIMS: two workers that meet: at every line of what one of them does, the other does something else."""

from functools import partial
from typing import Any

from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import Trial, claim_of, names
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Settled, Signal

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("claim.race")
def race(trial: Trial) -> None:
    """However two claims take turns, no job goes to both, and none is lost."""
    for wanted in (["one"], ["one", "two"]):
        for met in meetings(trial, partial(_two_claims, trial, wanted)):
            came = sorted(job.func_name for job in (*met.first, *met.second, *trial.take(10, of=met.storage)))
            expect(
                came == wanted,
                f"of two threads, one paused in a claim {met.stop} while the other claimed; of {wanted} they got {came}",
            )


def _two_claims(trial: Trial, jobs: list[str]) -> Scene:
    storage = trial.fresh()
    trial.put(*jobs, into=storage)
    return Scene(storage, lambda: trial.take(of=storage), lambda: trial.take(of=storage))


@cases("claim.race_with_settling")
def race_with_settling(trial: Trial) -> None:
    """However a late settlement and another worker's claim take turns, exactly one of them gets the job."""
    for met in meetings(trial, lambda: _late_settlement(trial)):
        settled, claimed = met.first, met.second
        expect(
            (settled is Settled.SETTLED) != bool(claimed),
            f"as a late settlement paused {met.stop}, another worker claimed: the settlement was {settled.name}, "
            f"and the claim got {names(claimed)}",
        )


def _late_settlement(trial: Trial) -> Scene:
    storage, job = _lost_lease(trial)
    return Scene(storage, lambda: trial.settle(job, Done(), of=storage), lambda: trial.take(of=storage))


@cases("claim.race_with_extending")
def race_with_extending(trial: Trial) -> None:
    """However a late extension and another worker's claim take turns, exactly one of them gets the job."""
    for met in meetings(trial, lambda: _late_extension(trial)):
        [signal], claimed = met.first, met.second
        expect(
            (signal is Signal.LOST) == bool(claimed),
            f"as a late extension paused {met.stop}, another worker claimed: the extension was {signal.name}, "
            f"and the claim got {names(claimed)}",
        )


def _late_extension(trial: Trial) -> Scene:
    storage, job = _lost_lease(trial)
    return Scene(storage, lambda: storage.extend([claim_of(job)], 600.0), lambda: trial.take(of=storage))


def _lost_lease(trial: Trial) -> tuple[Any, Job]:
    """A storage whose only job is held by a claim that has run out."""
    storage = trial.fresh()
    trial.put("task", into=storage)
    seconds = trial.lease if trial.clock else 0.02
    job = trial.take_one(lease=seconds, of=storage)
    trial.elapse(seconds + 0.001)
    return storage, job
