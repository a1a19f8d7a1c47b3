"""Refusal: what a storage must do with a job that needs what it doesn't promise. It holds no case of its own."""

from pinion.conformance.broken import Broken, expect
from pinion.conformance.trial import Trial
from pinion.errors import Unsupported
from pinion.job import Job

__all__ = ["refuses"]


def refuses(trial: Trial, job: Job) -> None:
    """The job is refused, alone and among others."""
    for jobs in ([job], [Job("task"), job]):
        try:
            trial.claims.insert(jobs)
        except Unsupported:
            expect(trial.claims.size() == 0, f"insert raised Unsupported, but size() is {trial.claims.size()}")
        else:
            raise Broken(
                f"{trial.facts.kind} doesn't promise what {job!r:.120} needs, so insert must raise Unsupported"
            )
    trial.expect_none("insert raised Unsupported")
