"""STEPS: a running task's progress and log lines are kept with its job."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses_calls
from pinion.conformance.trial import Trial, claim_of
from pinion.errors import InvalidJob, JobNotFound
from pinion.identity import new_id
from pinion.job import Job, JobError
from pinion.outcome import Done, Failed, Released, Retry
from pinion.storage import KEEP, Change, Claim, Filter, Line, Promise

__all__ = ["cases"]

cases = chapter(Promise.STEPS)
AT = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
ERROR = JobError("ValueError", "no")


def _lines(job: Job, *texts: str) -> list[Line]:
    return [Line(AT + timedelta(seconds=number), job.attempts, text) for number, text in enumerate(texts)]


def _held(trial: Trial) -> Job:
    trial.put("task")
    return trial.take_one()


def _note(trial: Trial, job: Job, *texts: str, progress: Any = KEEP) -> None:
    held = trial.steps.note(claim_of(job), progress=progress, lines=_lines(job, *texts))
    expect(held is True, f"the claim is held, so note must answer True, but answered {held!r}")
    trial.progress()


def _expect(trial: Trial, job: Job, progress: Any, texts: list[str], because: str) -> None:
    told = trial.inspects.get(job.id).progress
    expect(
        told == progress and type(told) is type(progress),
        f"{because}; the progress must be {progress!r:.100}, but is {told!r:.100}",
    )
    lines = [line.text for line in trial.steps.lines(job.id)]
    expect(lines == texts, f"{because}; the lines must be {texts}, but are {lines}")


@cases("steps.progress")
def progress(trial: Trial) -> None:
    """The progress comes back as what it was; the last one counts, and None is one like any other."""
    job = _held(trial)
    _expect(trial, job, None, [], "nothing was noted")
    for value in (0.5, "half", {"done": [1, None]}, 0, False, "", AT, None, [1] * 1000):
        _note(trial, job, progress=value)
        _expect(trial, job, value, [], f"the progress {value!r:.50} was noted")


@cases("steps.kept")
def kept(trial: Trial) -> None:
    """Lines leave the progress as it is, and a progress leaves the lines."""
    job = _held(trial)
    _note(trial, job, "one", progress=0.5)
    _note(trial, job, "two")
    _expect(trial, job, 0.5, ["one", "two"], "a line and a progress were noted, then a line alone")
    _note(trial, job, progress=None)
    _expect(trial, job, None, ["one", "two"], "the progress None was noted")
    _note(trial, job)
    _expect(trial, job, None, ["one", "two"], "nothing was noted")


@cases("steps.lines")
def lines(trial: Trial) -> None:
    """Lines come back as what they were, in the order in which they were noted, whatever their times."""
    job = _held(trial)
    texts = ["first\n", "", "first\n", "ne\x00in \U0001f400", "x" * 10_000, "%"]
    wanted = list(reversed(_lines(job, *texts)))
    trial.steps.note(claim_of(job), lines=wanted[:2])
    trial.steps.note(claim_of(job), lines=wanted[2:])
    told = trial.steps.lines(job.id)
    expect(told == wanted, f"six lines were noted; lines told {told!r:.300}, which must be {wanted!r:.300}")


@cases("steps.attempts")
def attempts(trial: Trial) -> None:
    """A new attempt begins with the progress of the last, and the lines of all are told, also after the end."""
    job = _held(trial)
    _note(trial, job, "one", progress={"at": 1})
    trial.settle(job, Retry(0.0, ERROR))
    job = trial.take_one()
    expect(job.progress == {"at": 1}, f"the last attempt had come to {{'at': 1}}; the job came with {job.progress!r}")
    _note(trial, job, "two")
    trial.expire()
    job = trial.take_one()
    expect(job.progress == {"at": 1}, f"a lease ran out; the job came with the progress {job.progress!r}")
    _note(trial, job, "three", progress={"at": 2})
    trial.settle(job, Done())
    _expect(trial, job, {"at": 2}, ["one", "two", "three"], "each of three attempts noted a line")
    numbers = [line.attempt for line in trial.steps.lines(job.id)]
    expect(numbers == [1, 2, 3], f"each of three attempts noted a line; lines told the attempts {numbers}")


@cases("steps.fenced")
def fenced(trial: Trial) -> None:
    """Whose claim was lost, settled or never there may note nothing: note answers False."""
    stale = _held(trial)
    trial.expire()
    job = trial.take_one()
    _note(trial, job, "right", progress=1)
    _expect_refused(trial, claim_of(stale), "the job was claimed again")
    _expect_refused(trial, Claim(job.id, "never made"), "its token was never made")
    _expect_refused(trial, Claim(new_id(), job.token or ""), "there is no such job")
    trial.settle(job, Released())
    _expect_refused(trial, claim_of(job), "the job was released")
    last = trial.take_one()
    trial.settle(last, Failed(ERROR))
    _expect_refused(trial, claim_of(last), "the job failed")
    _expect(trial, job, 1, ["right"], "five claims that aren't held noted something")


def _expect_refused(trial: Trial, claim: Claim, because: str) -> None:
    held = trial.steps.note(claim, progress="wrong", lines=[Line(AT, 1, f"wrong: {because}")])
    expect(held is False, f"{because}, so note must answer False, but answered {held!r}")


@cases("steps.late")
def late(trial: Trial) -> None:
    """A claim whose lease ran out may note something as long as nobody claimed the job again."""
    job = _held(trial)
    trial.expire()
    _note(trial, job, "late", progress=1)
    _expect(trial, job, 1, ["late"], "a lease ran out, and nobody claimed the job again")
    again = trial.take_one()
    expect(again.id == job.id, "a note must not extend a lease that ran out")


@cases("steps.limit")
def limit(trial: Trial) -> None:
    """lines tells the last so many lines of the job that is asked for, in their order."""
    trial.put("one", "two")
    one, two = trial.take(2)
    for number in range(6):
        _note(trial, one, f"one-{number}")
        _note(trial, two, f"two-{number}")
    for most, wanted in ((0, []), (1, ["one-5"]), (4, ["one-2", "one-3", "one-4", "one-5"])):
        told = [line.text for line in trial.steps.lines(one.id, limit=most)]
        expect(
            told == wanted, f"a job noted the lines one-0 to one-5; the last {most} are {wanted}, but lines told {told}"
        )


@cases("steps.not_found")
def not_found(trial: Trial) -> None:
    """lines raises JobNotFound for an id that is not there; of a job that noted nothing, there are none."""
    [job] = trial.put("task")
    told = trial.steps.lines(job.id)
    expect(told == [], f"the job never ran; lines told {told}")
    try:
        told = trial.steps.lines(new_id())
    except JobNotFound:
        return
    raise Broken(f"there is no such job, so lines must raise JobNotFound, but it returned {told}")


@cases("steps.refused_value")
def refused_value(trial: Trial) -> None:
    """A progress that can't be stored is refused, and changes nothing; the lines that came with it aren't kept."""
    job = _held(trial)
    _note(trial, job, "one", progress=1)
    try:
        trial.steps.note(claim_of(job), progress=object(), lines=_lines(job, "two"))
    except InvalidJob:
        _expect(trial, job, 1, ["one"], "a progress that can't be stored was refused")
        return
    raise Broken("a progress that can't be stored was noted, so note must raise Unserializable, but it raised nothing")


@cases("steps.snapshot")
def snapshot(trial: Trial) -> None:
    """What is kept is a copy of the progress, and so is what is told."""
    job, value = _held(trial), [1]
    _note(trial, job, progress=value)
    value.append(2)
    trial.inspects.get(job.id).progress.append(3)
    _expect(trial, job, [1], [], "the progress [1] was noted, and the list changed afterwards")


@cases("steps.requeued", besides=(Promise.CONTROLS,))
def requeued(trial: Trial) -> None:
    """A requeued job keeps its lines; a cancelled one may still note some; of a deleted one, nothing is left."""
    job = _held(trial)
    trial.controls.change(Change.CANCEL, Filter(ids=(job.id,)))
    _note(trial, job, "one")
    trial.settle(job, Failed(ERROR))
    trial.controls.change(Change.REQUEUE, Filter(ids=(job.id,)))
    _note(trial, trial.take_one(), "two")
    told = [line.text for line in trial.steps.lines(job.id)]
    expect(told == ["one", "two"], f"a job noted one, was requeued and noted two; lines told {told}")
    trial.controls.change(Change.DELETE, Filter(ids=(job.id,)))
    trial.put("new", id=job.id)
    told = [line.text for line in trial.steps.lines(job.id)]
    expect(told == [], f"a job was deleted and its id used again; lines told {told}")


@cases("steps.survives", besides=(Promise.DURABLE,))
def survives(trial: Trial) -> None:
    """Progress and lines survive closing and opening again."""
    trial.check_reopens(Promise.DURABLE)
    job = _held(trial)
    _note(trial, job, "one", "two", progress={"at": [1]})
    trial.claims.close()
    again = trial.open()
    told = (again.get(job.id).progress, [line.text for line in again.lines(job.id)])
    expect(told == ({"at": [1]}, ["one", "two"]), f"after closing and opening again, progress and lines are {told}")


@cases("steps.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, nothing can be noted: the methods are absent, or raise Unsupported."""
    job = _held(trial)
    refuses_calls(trial, Promise.STEPS, {"note": (claim_of(job),), "lines": (job.id,)})
