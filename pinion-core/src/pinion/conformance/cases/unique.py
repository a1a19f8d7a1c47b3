"""UNIQUE: at most one unfinished job holds a unique key."""

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import Trial, names
from pinion.errors import UniqueKeyHeld
from pinion.job import Job, JobError
from pinion.outcome import Cancelled, Done, Failed, Retry
from pinion.storage import Inserted, KeyHeld, Promise

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
