"""RESULTS: the result of a job can be read after it succeeded."""

from datetime import UTC, datetime
from typing import Any

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.trial import Trial
from pinion.errors import InvalidJob
from pinion.job import JobError
from pinion.outcome import Done, Failed
from pinion.storage import Promise

__all__ = ["cases"]

cases = chapter(Promise.RESULTS)
INSPECTS = (Promise.INSPECTS,)


def _result(trial: Trial, job_id: str) -> Any:
    storage: Any = trial.storage
    return storage.get(job_id).result


@cases("results.kept", besides=INSPECTS)
def kept(trial: Trial) -> None:
    """The result comes back as what it was."""
    for value in (
        7,
        "text",
        None,
        False,
        0,
        "",
        [],
        {"a": [1, {"b": None}]},
        2.5,
        [1] * 1000,
        datetime(2020, 1, 1, tzinfo=UTC),
        b"\x00\xff",
    ):
        [job] = trial.put("task")
        trial.settle(trial.take_one(), Done(value))
        result = _result(trial, job.id)
        expect(
            result == value and type(result) is type(value),
            f"the result was {value!r:.80}, and is read as {result!r:.80}",
        )


@cases("results.first", besides=INSPECTS)
def first(trial: Trial) -> None:
    """The result is the one of the settlement that counted; a late or repeated one never replaces it."""
    [job] = trial.put("task")
    stale = trial.take_one()
    trial.expire()
    holder = trial.take_one()
    trial.settle(stale, Done("late"))
    trial.settle(holder, Done("right"))
    trial.settle(stale, Done("late"))
    trial.settle(holder, Done("other"))
    result = _result(trial, job.id)
    expect(result == "right", f"the holder's result was 'right', and {result!r} is read")


@cases("results.none", besides=INSPECTS)
def none(trial: Trial) -> None:
    """A job that failed has no result, whatever was tried."""
    [job] = trial.put("task")
    held = trial.take_one()
    trial.settle(held, Failed(JobError("ValueError")))
    trial.settle(held, Done("late"))
    result = _result(trial, job.id)
    expect(result is None, f"the job failed, but the result {result!r} is read")


@cases("results.refused_value", besides=INSPECTS)
def refused_value(trial: Trial) -> None:
    """A result that can't be stored is refused by its settlement, which changes nothing."""
    trial.put("task")
    job = trial.take_one()
    try:
        trial.settle(job, Done(object()))
    except InvalidJob:
        trial.expect_none("the settlement was refused, so that the job is still held")
        trial.settle(job, Done("another"))
    result = _result(trial, job.id)
    expect(result == "another", f"a result that can't be stored was given, then 'another'; {result!r} is read")
