"""UNIQUE: at most one job holds a unique key, as long as `Job.unique_while` and `Job.unique_for` say."""

from dataclasses import replace
from typing import Any

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import Trial, names
from pinion.errors import UniqueKeyHeld
from pinion.job import Job, JobError
from pinion.outcome import Cancelled, Done, Failed, Retry
from pinion.storage import Inserted, KeyHeld, Promise, Settled

__all__ = ["cases"]

cases = chapter(Promise.UNIQUE)


@cases("unique.held")
def held(trial: Trial) -> None:
    """A job whose key an unfinished job has is not stored; the answer names that job."""
    [holder] = trial.put("holder", unique_key="key")
    for state in ("PENDING", "RUNNING"):
        got = trial.claims.insert([Job("second", unique_key="key")])
        expect(
            got == [KeyHeld(holder.id)], f"a job that is {state} holds the key; inserting another was answered {got}"
        )
        trial.take(10)
    trial.expire()
    came = names(trial.take(10))
    expect(came == "holder", f"the second job was refused, but a claim got {came}")


@cases("unique.free")
def free(trial: Trial) -> None:
    """A key is free again once its job is finished; other keys, and jobs without one, are always."""
    for outcome in (Done(), Failed(JobError("ValueError")), Cancelled()):
        got = trial.claims.insert([Job("task", unique_key="key")])
        expect(got == [Inserted.NEW], f"the key is free, but inserting a job with it was answered {got}")
        trial.settle(trial.take_one(), outcome)
    trial.put("holder", unique_key="key")
    for key in ("KEY", "key ", "ke", "key%", None, None):
        got = trial.claims.insert([Job("other", unique_key=key)])
        expect(got == [Inserted.NEW], f"a job holds 'key'; inserting one with {key!r} was answered {got}")


@cases("unique.in_one_call")
def in_one_call(trial: Trial) -> None:
    """Of two jobs with one key in one call, the first is stored."""
    one, two = Job("one", unique_key="key"), Job("two", unique_key="key")
    got = trial.claims.insert([one, two])
    expect(
        got == [Inserted.NEW, KeyHeld(one.id)],
        f"two jobs with one key were inserted in one call; the answers were {got}",
    )


@cases("unique.kept")
def kept(trial: Trial) -> None:
    """A job keeps its key while it is retried."""
    [holder] = trial.put("task", unique_key="key")
    trial.settle(trial.take_one(), Retry(60.0, JobError("ValueError")))
    got = trial.claims.insert([Job("other", unique_key="key")])
    expect(got == [KeyHeld(holder.id)], f"a job that is to be retried holds the key; the answer was {got}")


@cases("unique.pending")
def pending(trial: Trial) -> None:
    """With unique_while="pending", a job holds its key until it is first claimed, and no longer."""
    options: dict[str, Any] = {"unique_key": "key", "unique_while": "pending"}
    [first] = trial.put("first", **options)
    _expect_held(trial, first, "a job waits for its first claim", **options)
    held = trial.take_one()
    [second] = trial.put("second", **options)  # the key is free
    _expect_held(trial, second, "the first job runs, and the second waits", **options)
    trial.settle(held, Retry(60.0, JobError("ValueError")))
    trial.settle(trial.take_one(), Done())
    got = trial.claims.insert([Job("third", **options)])
    expect(got == [Inserted.NEW], f"a job that ran once waits for its retry, and the key is free; it answered {got}")


@cases("unique.period")
def period(trial: Trial) -> None:
    """With unique_for, a job holds its key for so long from its insert, whatever becomes of it, and no longer."""
    options: dict[str, Any] = {"unique_key": "key", "unique_for": 2 * trial.lease}
    [first] = trial.put("first", **options)
    _expect_held(trial, first, "a job holds its key for a time", unique_key="key")
    trial.settle(trial.take_one(), Done())
    trial.expire()
    _expect_held(trial, first, "a job is done, but holds its key for a time that isn't over", unique_key="key")
    trial.elapse(trial.lease)
    [second] = trial.put("second", **options)  # the time is over
    trial.elapse(2 * trial.lease)
    got = trial.claims.insert([Job("third", unique_key="key")])
    expect(
        got == [Inserted.NEW], f"{second.func_name} waits, and its time is over, so the key is free; it answered {got}"
    )


def _expect_held(trial: Trial, holder: Job, because: str, **options: Any) -> None:
    got = trial.claims.insert([Job("other", **options)])
    expect(got == [KeyHeld(holder.id)], f"{because}; inserting another of its key was answered {got}")


@cases("unique.again")
def again(trial: Trial) -> None:
    """A job that is enqueued again holds its key again; if another has taken it, it stays as it is."""
    trial.put("first", unique_key="key")
    first = trial.take_one()
    trial.settle(first, Failed(JobError("ValueError")))
    expect(trial.claims.insert([first]) == [Inserted.AGAIN], "a job failed, and could not be enqueued again")
    _expect_held(trial, first, "a job failed and was enqueued again", unique_key="key")
    first = trial.take_one()
    trial.settle(first, Failed(JobError("ValueError")))
    [second] = trial.put("second", unique_key="key")
    got = trial.claims.insert([first])
    expect(got == [KeyHeld(second.id)], f"a job failed, and another took its key; enqueueing it again answered {got}")
    came = names(trial.take(10))
    expect(came == "second", f"a job failed, and another took its key; a claim got {came}")


@cases("unique.again_keeps")
def again_keeps(trial: Trial) -> None:
    """A job that is enqueued again keeps how long it holds its key, as it was first inserted."""
    trial.put("task", unique_key="key", unique_while="pending")
    job = trial.take_one()
    trial.settle(job, Failed(JobError("ValueError")))
    brought = replace(job, unique_while="unfinished", unique_for=1000.0)
    expect(trial.claims.insert([brought]) == [Inserted.AGAIN], "a job failed, and could not be enqueued again")
    _expect_held(trial, job, "a job was enqueued again, and waits", unique_key="key")
    trial.take_one()
    got = trial.claims.insert([Job("other", unique_key="key")])
    expect(
        got == [Inserted.NEW], f"a job held its key while pending, and was claimed again; another was answered {got}"
    )


@cases("unique.then")
def then(trial: Trial) -> None:
    """What follows on a settlement may take the key that it frees; a key that is held doesn't disturb the rest."""
    trial.put("one", unique_key="key")
    job = trial.take_one()
    follows = [Job("two", unique_key="key"), Job("held", unique_key="key"), Job("three")]
    settled = trial.settle(job, Done(), then=follows)
    expect(settled is Settled.SETTLED, f"a job was settled, and one of those that follow was held: {settled}")
    came = names(trial.take(10))
    expect(
        came == "two, three",
        f"two takes the key that is free, held doesn't get it, three needs none; a claim got {came}",
    )


@cases("unique.enqueue")
def enqueue(trial: Trial) -> None:
    """enqueue raises UniqueKeyHeld, which names the holder."""
    [holder] = trial.put("task", unique_key="key")
    try:
        trial.put("other", unique_key="key")
    except UniqueKeyHeld as raised:
        expect(raised.holder == holder.id, f"{holder.id} holds the key, but the error names {raised.holder!r}")
        return
    raise Broken("a job holds the key, so enqueue must raise UniqueKeyHeld, but it raised nothing")


@cases("unique.race")
def race(trial: Trial) -> None:
    """However two inserts of one key take turns, exactly one job is stored."""
    for met in meetings(trial, lambda: _two_inserts(trial)):
        answers = [met.first, met.second]
        met_so = f"as one insert paused {met.stop}, another with the same key ran"
        expect(answers.count([Inserted.NEW]) == 1, f"{met_so}; the answers were {answers}")
        came = trial.take(10, of=met.storage)
        expect(len(came) == 1, f"{met_so}; a claim got {names(came)}")


def _two_inserts(trial: Trial) -> Scene:
    storage = trial.fresh()
    one, two = ([Job(name, unique_key="key")] for name in ("one", "two"))
    return Scene(storage, lambda: storage.insert(one), lambda: storage.insert(two))


@cases("unique.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, a job with a unique key is refused with Unsupported."""
    refuses(trial, Job("task", unique_key="key"))
