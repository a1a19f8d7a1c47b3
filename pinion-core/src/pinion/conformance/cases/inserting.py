"""CLAIMS: inserting: what is kept, what a known id means, and all or nothing."""

from datetime import UTC, datetime
from typing import Any

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import Trial, names
from pinion.errors import DuplicateJob, InvalidJob, PinionError, Unsupported
from pinion.job import Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed
from pinion.storage import Inserted

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("insert.answers")
def answers(trial: Trial) -> None:
    """insert answers for each job, in order; none for none."""
    expect(trial.claims.insert([]) == [], "inserting no jobs must answer nothing")
    known = Job("known")
    trial.claims.insert([known])
    got = trial.claims.insert([Job("new"), known, Job("another")])
    wanted = [Inserted.NEW, Inserted.SAME_ID, Inserted.NEW]
    expect(got == wanted, f"the second of three jobs is stored already; the answers were {got}")
    came = names(trial.take(10))
    expect(came == "known, new, another", f"the jobs known, new and another were inserted; a claim got {came}")


@cases("insert.twice_in_one")
def twice_in_one(trial: Trial) -> None:
    """Two jobs of one id in one call are one job."""
    job = Job("task")
    got = trial.claims.insert([job, job])
    expect(got == [Inserted.NEW, Inserted.SAME_ID], f"one job was inserted twice in one call; the answers were {got}")
    came = trial.take(10)
    expect(len(came) == 1, f"one job was inserted twice in one call; a claim got {len(came)}")


@cases("insert.pending_again")
def pending_again(trial: Trial) -> None:
    """Inserting a PENDING job once more changes nothing: a producer may repeat what may have been lost."""
    job = Job("task", (1,))
    trial.claims.insert([job])
    _stays(trial, Job("other", (2,), id=job.id), "PENDING")
    got = trial.take(10)
    expect([each.args for each in got] == [(1,)], f"the job was inserted again with other arguments; a claim got {got}")


@cases("insert.running_again")
def running_again(trial: Trial) -> None:
    """Inserting a RUNNING job changes nothing, unless its holder does it."""
    job = Job("task", (1,))
    trial.claims.insert([job])
    held = trial.take_one()
    for token in (None, "another token"):
        _stays(trial, Job("task", (2,), id=job.id, token=token, attempts=held.attempts), "RUNNING")
        trial.expect_none("the job is held, and somebody else inserted it again")
    got = trial.claims.insert([held])
    expect(got == [Inserted.AGAIN], f"the holder inserted its job again; the answer was {got}")
    again = trial.take_one()
    counts = (again.attempts, again.args)
    expect(counts == (2, (1,)), f"the holder gave its job back; it came with attempts and arguments {counts}")


@cases("insert.failed_again")
def failed_again(trial: Trial) -> None:
    """Inserting a FAILED job with as many attempts makes it PENDING again, with what it now holds."""
    job = Job("task", (1,))
    trial.claims.insert([job])
    held = trial.take_one()
    trial.settle(held, Failed(JobError("ValueError")))
    for attempts in (0, 2):
        _stays(trial, Job("task", (2,), id=job.id, attempts=attempts), f"FAILED with 1 attempt, not {attempts},")
        trial.expect_none("the job has FAILED, and was inserted with another number of attempts")
    held.args, held.failures = (3,), 1
    got = trial.claims.insert([held])
    expect(got == [Inserted.AGAIN], f"a FAILED job was inserted again with as many attempts; the answer was {got}")
    again = trial.take_one()
    kept = (again.args, again.attempts, again.failures, again.status)
    expect(
        kept == ((3,), 2, 1, Status.RUNNING),
        f"a FAILED job was inserted again with new arguments and one failure; it came as {kept}",
    )


@cases("insert.finished_again")
def finished_again(trial: Trial) -> None:
    """Inserting a job that is done or cancelled changes nothing."""
    for outcome in (Done(), Cancelled()):
        [job] = trial.put("task")
        held = trial.take_one()
        trial.settle(held, outcome)
        for again in (Job("task", id=job.id), Job("task", id=job.id, attempts=1), held):
            _stays(trial, again, f"settled with {type(outcome).__name__}")
        trial.expect_none(f"the job was settled with {type(outcome).__name__} and inserted again")


def _stays(trial: Trial, job: Job, being: str) -> None:
    got = trial.claims.insert([job])
    expect(got == [Inserted.SAME_ID], f"a job of an id that is {being} was inserted; the answer was {got}")


@cases("insert.all_or_nothing")
def all_or_nothing(trial: Trial) -> None:
    """If one of the jobs can't be stored, the call raises and none is."""
    refused: list[tuple[Job, type[PinionError]]] = [
        (Job(""), InvalidJob),
        (Job("task", id=""), InvalidJob),
        (Job("task", queue=""), InvalidJob),
        (Job("task", priority=2**31), InvalidJob),
        (Job("task", run_at=datetime(2020, 1, 1)), InvalidJob),
        (Job("x" * 256), InvalidJob),
        (Job("task", ([],)), InvalidJob),
    ]
    refused[-1][0].args = [1]  # type: ignore[assignment]  # a list where a tuple belongs
    for bad, error in refused:
        _refused(trial, bad, error)
    came = trial.take(10)
    expect(not came, f"a call of insert that raised stored {names(came)}")


def _refused(trial: Trial, bad: Job, error: type[PinionError]) -> None:
    try:
        got = trial.claims.insert([Job("good"), bad, Job("good")])
    except error:
        expect(trial.claims.size() == 0, f"insert raised {error.__name__}, but size() is {trial.claims.size()}")
        return
    except Unsupported:
        return
    raise Broken(f"{bad!r:.150} can't be stored, so insert must raise {error.__name__}, but it answered {got}")


@cases("insert.unserializable")
def unserializable(trial: Trial) -> None:
    """Arguments that can't be stored are refused by insert, which then stores nothing; none is refused by a claim."""
    for value in (
        object(),
        lambda: None,
        {1: object()},
        "\ud800",
        float("nan"),
        float("inf"),
        2**100,
        "x" * 20_000_000,
    ):
        stored = _inserts(trial, Job("good"), Job("task", (value,)))
        came = trial.take(10)
        wanted = ["good", "task"] if stored else []
        if [job.func_name for job in came] != wanted:  # not `expect`: it takes long to show the longest of the values
            raise Broken(
                f"insert {'accepted' if stored else 'refused'} the argument {value!r:.40}; then a claim got {names(came)}"
            )
        for job in came:
            trial.settle(job, Done())


def _inserts(trial: Trial, *jobs: Job) -> bool:
    """Whether the storage accepted the jobs; a refusal must be one of Pinion's."""
    try:
        trial.claims.insert(jobs)
    except InvalidJob:
        return False
    return True


@cases("insert.keeps")
def keeps(trial: Trial) -> None:
    """What a job holds is kept: counts, headers, timeout, and the moment it was made."""
    made = datetime(2020, 2, 29, 12, 30, 0, 123456, UTC)
    values: dict[str, Any] = {"headers": {"trace": "a=b"}, "timeout": 2.5, "created_at": made, "failures": 2}
    sent = Job("Task.Näme", (1,), attempts=3, **values)
    trial.claims.insert([sent])
    job = trial.take_one()
    for name, value in {**values, "func_name": "Task.Näme", "attempts": 4}.items():
        expect(
            getattr(job, name) == value,
            f"{name} must be {value!r} when the job is claimed, but is {getattr(job, name)!r}",
        )


@cases("insert.pending")
def pending(trial: Trial) -> None:
    """A job is stored as PENDING, whatever status, worker and token it comes with."""
    for status in Status:
        trial.claims.insert([Job("task", status=status, worker="nobody", token="made up")])
        size = trial.claims.size()
        expect(size == 1, f"a job that says {status} was inserted, and must be PENDING, but size() is {size}")
        trial.settle(trial.take_one(), Done())


@cases("insert.caller_keeps")
def caller_keeps(trial: Trial) -> None:
    """insert leaves the caller's Job as it is."""
    job = Job("task", ([1],), {"key": 1}, headers={"trace": "a"})
    before = repr(job)
    trial.claims.insert([job])
    expect(repr(job) == before, f"insert changed the caller's Job: it was {before}, and is {job!r}")


@cases("insert.duplicate")
def duplicate(trial: Trial) -> None:
    """enqueue raises DuplicateJob for a job that is stored already, and changes nothing."""
    [job] = trial.put("task", args=(1,))
    try:
        trial.storage.enqueue(Job("task", (2,), id=job.id))
    except DuplicateJob:
        came = trial.take(10)
        expect([each.args for each in came] == [(1,)], f"a duplicate was refused, but then a claim got {came}")
        return
    raise Broken("a job of a known id was enqueued, so enqueue must raise DuplicateJob, but it raised nothing")


@cases("insert.many")
def many(trial: Trial) -> None:
    """A large batch is stored whole and in its order."""
    jobs = [Job(f"job-{number}") for number in range(1200)]
    got = trial.claims.insert(jobs)
    expect(got == [Inserted.NEW] * 1200, f"1200 new jobs were inserted; {got.count(Inserted.NEW)} answers were NEW")
    came = [job.func_name for job in trial.take(2000)]
    expect(
        came == [job.func_name for job in jobs],
        f"1200 jobs were inserted in one call; a claim got {len(came)}, or in another order",
    )
