"""Refusal: what a storage must do with what it doesn't promise. It holds no case of its own."""

from collections.abc import Mapping
from typing import Any

from pinion.conformance.broken import Broken, expect
from pinion.conformance.trial import Trial
from pinion.errors import Unsupported
from pinion.job import Job
from pinion.storage import Promise

__all__ = ["refuses", "refuses_calls"]


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


def refuses_calls(trial: Trial, promise: Promise, calls: Mapping[str, tuple[Any, ...]]) -> None:
    """Each method is absent, or raises Unsupported when it is called with these arguments."""
    for name, arguments in calls.items():
        method = getattr(trial.storage, name, None)
        if method is None:
            continue
        try:
            got = method(*arguments)
        except Unsupported:
            continue
        raise Broken(
            f"{trial.facts.kind} doesn't promise {promise}, so {name}() must be absent or raise Unsupported, "
            f"but it answered {got!r:.100}: promise it, or don't inherit its group"
        )
