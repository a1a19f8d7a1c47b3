"""HISTORY: `attempts` tells of every attempt of a job, and not of the last alone."""

from itertools import pairwise

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.trial import Trial
from pinion.job import Job, JobError
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Attempt, Change, ClaimRequest, Filter, Promise

__all__ = ["cases"]

cases = chapter(Promise.HISTORY)
ERROR = JobError("my.Error", "ne\x00in \U0001f400", "Traceback " + "x" * 10_000)
OTHER = JobError("ValueError", "not again")
LIFE: tuple[tuple[Outcome | None, str], ...] = (
    (Retry(0.0, ERROR), "retry"),
    (Snoozed(0.0), "snoozed"),
    (Released(), "released"),
    (None, "lost"),
    (Failed(ERROR), "failed"),
)


def _outcomes(trial: Trial, job: Job) -> list[str | None]:
    return [attempt.outcome for attempt in trial.inspects.attempts(job.id)]


def _expect(trial: Trial, job: Job, wanted: list[str | None], because: str) -> None:
    told = _outcomes(trial, job)
    expect(told == wanted, f"{because}; the outcomes of the attempts must be {wanted}, but are {told}")


@cases("attempts.all")
def every(trial: Trial) -> None:
    """Every attempt is told, the first one first, and how each ended; the one that runs has no end yet."""
    [sent] = trial.put("task")
    wanted: list[str | None] = []
    for outcome, name in LIFE:
        job = trial.take_one()
        _expect(trial, sent, [*wanted, None], f"an attempt runs, after {len(wanted)} others")
        wanted.append(name)
        if outcome is None:
            trial.expire()
        else:
            trial.settle(job, outcome)
            _expect(trial, sent, wanted, f"an attempt was settled with {type(outcome).__name__}")
        trial.elapse(0.01)
    numbers = [attempt.number for attempt in trial.inspects.attempts(sent.id)]
    expect(numbers == [1, 2, 3, 4, 5], f"there were five attempts; they are numbered {numbers}")


@cases("attempts.ends")
def ends(trial: Trial) -> None:
    """The attempt of a job that is done, or cancelled, says so."""
    outcomes: tuple[tuple[Outcome, str], ...] = ((Done(), "done"), (Cancelled(), "cancelled"))
    for outcome, name in outcomes:
        trial.put("task")
        job = trial.take_one()
        trial.settle(job, outcome)
        _expect(trial, job, [name], f"a job was settled with {type(outcome).__name__}")


@cases("attempts.tells")
def tells(trial: Trial) -> None:
    """An attempt tells who made it, when it began and ended, and why it failed."""
    [sent] = trial.put("task")
    for worker, outcome in (("one", Retry(0.0, ERROR)), ("two", Snoozed(0.0)), ("three", Failed(OTHER))):
        [job] = trial.claims.exchange(claim=ClaimRequest(worker, 1, trial.lease)).jobs
        trial.elapse(0.01)
        trial.settle(job, outcome)
        trial.elapse(0.01)
    told = trial.inspects.attempts(sent.id)
    workers = [attempt.worker for attempt in told]
    expect(workers == ["one", "two", "three"], f"one, two and three had the job; its attempts tell {workers}")
    errors = [attempt.error for attempt in told]
    expect(errors == [ERROR, None, OTHER], f"the first and last attempt failed; their errors are {errors!r:.300}")
    _expect_times(told)


def _expect_times(told: list[Attempt]) -> None:
    moments = [moment for attempt in told for moment in (attempt.started_at, attempt.ended_at)]
    known = [moment for moment in moments if moment is not None]
    expect(len(known) == len(moments), f"an attempt that is over must tell when it began and ended: {moments}")
    rising = all(one < two for one, two in pairwise(known))
    expect(rising, f"the attempts must tell when each began and ended, one after the other, but tell {moments}")


@cases("attempts.once")
def once(trial: Trial) -> None:
    """A settlement that is repeated, or comes too late, changes nothing in the history."""
    trial.put("task")
    stale = trial.take_one()
    trial.expire()
    job = trial.take_one()
    trial.settle(stale, Failed(ERROR))
    for _ in range(3):
        trial.settle(job, Retry(0.0, ERROR))
    trial.settle(job, Done())
    _expect(trial, job, ["lost", "retry"], "a claim was lost and came late, another was settled with Retry three times")


@cases("attempts.again")
def again(trial: Trial) -> None:
    """A job that is enqueued again keeps its attempts, and goes on counting them."""
    trial.put("task")
    job = trial.take_one()
    trial.settle(job, Failed(ERROR))
    trial.claims.insert([job])
    _expect(trial, job, ["failed"], "a job failed, and was enqueued again")
    job = trial.take_one()
    trial.claims.insert([job])
    _expect(trial, job, ["failed", "released"], "a job's holder enqueued it again")
    trial.take_one()
    numbers = [attempt.number for attempt in trial.inspects.attempts(job.id)]
    expect(numbers == [1, 2, 3], f"a job was enqueued again twice, and claimed; its attempts are numbered {numbers}")


@cases("attempts.same_batch")
def same_batch(trial: Trial) -> None:
    """Each of several jobs that are claimed and settled together has its own history."""
    jobs = trial.put("one", "two", "three")
    held = trial.take(3)
    trial.settle(held[1], Done())
    for job, wanted in zip(jobs, (None, "done", None), strict=True):
        _expect(trial, job, [wanted], f"of three jobs the second was settled; this is {job.func_name}")


@cases("attempts.cancel", besides=(Promise.CONTROLS,))
def cancel(trial: Trial) -> None:
    """An attempt whose Retry, Snoozed or Released meant CANCELLED is told as cancelled."""
    for outcome in (Retry(0.0, ERROR), Snoozed(0.0), Released()):
        trial.put("task")
        held = trial.take_one()
        trial.controls.change(Change.CANCEL, Filter(ids=(held.id,)))
        trial.settle(held, outcome)
        _expect(trial, held, ["cancelled"], f"a job was cancelled as it ran, and settled with {type(outcome).__name__}")


@cases("attempts.requeued", besides=(Promise.CONTROLS,))
def requeued(trial: Trial) -> None:
    """A requeued job keeps its attempts, and goes on counting them."""
    trial.put("task")
    job = trial.take_one()
    trial.settle(job, Failed(ERROR))
    trial.controls.change(Change.REQUEUE, Filter(ids=(job.id,)))
    trial.settle(trial.take_one(), Done())
    _expect(trial, job, ["failed", "done"], "a job failed, was requeued, and done")
    numbers = [attempt.number for attempt in trial.inspects.attempts(job.id)]
    expect(numbers == [1, 2], f"a job was requeued after its first attempt; its attempts are numbered {numbers}")


@cases("attempts.survives", besides=(Promise.DURABLE,))
def survives(trial: Trial) -> None:
    """The history survives closing and opening again."""
    trial.check_reopens(Promise.DURABLE)
    trial.put("task")
    trial.settle(trial.take_one(), Retry(0.0, ERROR))
    job = trial.take_one()
    before = trial.inspects.attempts(job.id)
    trial.claims.close()
    told = trial.open().attempts(job.id)
    expect(told == before, f"the attempts were {before!r:.200}; after closing and opening again they are {told!r:.200}")
