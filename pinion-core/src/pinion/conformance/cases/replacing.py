"""CONTROLS, where UNIQUE is promised too: a job takes the place of one that waits and holds its key."""

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import Level, chapter
from pinion.conformance.cases.transactions import connection_of
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import Trial, names
from pinion.errors import JobNotFound
from pinion.job import Job, JobError
from pinion.outcome import Done, Failed, Retry
from pinion.storage import Inserted, KeyHeld, Promise, Query, Settled

__all__ = ["cases"]

cases = chapter(Promise.CONTROLS)
ERROR = JobError("ValueError", "no")


def _job(name: str = "new") -> Job:
    return Job(name, unique_key="key")


def _left(trial: Trial) -> str:
    return names(trial.inspects.find(Query()))


@cases("replace.waiting", besides=(Promise.UNIQUE,))
def waiting(trial: Trial) -> None:
    """The job that waits and holds the key is gone, and the new one stored, at the end of the queue."""
    trial.put("old", unique_key="key")
    trial.put("other", unique_key="other")
    got = trial.controls.replace(_job())
    expect(got is Inserted.NEW, f"a job waits, and holds the key; replacing it was answered {got}")
    expect(_left(trial) == "other, new", f"one of two jobs that wait was replaced; these are stored: {_left(trial)}")
    came = names(trial.take(10))
    expect(came == "other, new", f"one of two jobs that wait was replaced; a claim got {came}")


@cases("replace.retried", besides=(Promise.UNIQUE,))
def retried(trial: Trial) -> None:
    """A job that waits for its retry is replaced too, and the new one has nothing of it."""
    trial.put("old", unique_key="key")
    trial.settle(trial.take_one(), Retry(60.0, ERROR))
    got = trial.controls.replace(_job())
    expect(got is Inserted.NEW, f"a job waits for its retry, and holds the key; replacing it was answered {got}")
    came = trial.take(10)
    expect(names(came) == "new", f"a job that waits for its retry was replaced; a claim got {names(came)}")
    counts = came[0].attempts, came[0].failures
    expect(counts == (1, 0), f"a new job's first claim must tell 1 attempt and 0 failures, but tells {counts}")


@cases("replace.held", besides=(Promise.UNIQUE,))
def held(trial: Trial) -> None:
    """A holder that runs, or is finished, stays, and the answer names it; the new job isn't stored."""
    trial.put("old", unique_key="key", unique_for=3600.0)
    holder = trial.take_one()
    _expect_kept(trial, holder, "runs")
    settled = trial.settle(holder, Done())
    expect(settled is Settled.SETTLED, f"a job that runs was to be replaced, and stayed; settling it was {settled}")
    _expect_kept(trial, holder, "is done, and holds its key for an hour")


def _expect_kept(trial: Trial, holder: Job, does: str) -> None:
    got = trial.controls.replace(_job())
    expect(got == KeyHeld(holder.id), f"the job that holds the key {does}; replacing it was answered {got}")
    expect(_left(trial) == "old", f"the job that holds the key {does}, and can't be replaced; stored: {_left(trial)}")


@cases("replace.free", besides=(Promise.UNIQUE,))
def free(trial: Trial) -> None:
    """Where nobody holds the key, or the id is known, replace does what insert does."""
    first = _job("first")
    got = trial.controls.replace(first)
    expect(got is Inserted.NEW, f"nobody holds the key; replace was answered {got}")
    got = trial.controls.replace(Job("second", id=first.id, unique_key="key"))
    expect(got is Inserted.SAME_ID, f"a job of this id waits; replace was answered {got}")
    got = trial.controls.replace(Job("keyless"))
    expect(got is Inserted.NEW, f"the job has no key; replace was answered {got}")
    expect(_left(trial) == "first, keyless", f"nothing was to be replaced; these are stored: {_left(trial)}")


@cases("replace.again", besides=(Promise.UNIQUE,))
def again(trial: Trial) -> None:
    """A job that failed, and is enqueued again by replace, takes the place of the one that has its key by now."""
    trial.put("first", unique_key="key")
    first = trial.take_one()
    trial.settle(first, Failed(ERROR))
    [second] = trial.put("second", unique_key="key")
    got = trial.controls.replace(first)
    expect(got is Inserted.AGAIN, f"a job failed, and another waits under its key; replacing that was answered {got}")
    _expect_gone(trial, second)
    came = names(trial.take(10))
    expect(came == "first", f"a job failed, and took back its key from one that waits; a claim got {came}")


def _expect_gone(trial: Trial, job: Job) -> None:
    try:
        there = trial.inspects.get(job.id)
    except JobNotFound:
        return
    raise Broken(f"{job.func_name} was replaced, but it is still there, and {there.status.name}")


@cases("replace.race", besides=(Promise.UNIQUE,))
def race(trial: Trial) -> None:
    """However a claim and replacing take turns, the claim gets the old job or the new one, and no other is left."""
    for met in meetings(trial, lambda: _replace_and_claim(trial)):
        met_so = f"as replace paused {met.stop}, another claimed"
        came, answer = names(met.second), met.first
        wanted = "new" if isinstance(answer, Inserted) else "old"
        expect(came == wanted, f"{met_so}; replace was answered {answer}, and the claim got {came}")
        left = names(trial.take(10, of=met.storage))
        expect(left == "nothing", f"{met_so}, and got {came}; then another claim got {left}")


def _replace_and_claim(trial: Trial) -> Scene:
    storage = trial.fresh()
    storage.insert([_job("old")])
    return Scene(storage, lambda: storage.replace(_job()), lambda: trial.take(10, of=storage))


@cases("replace.transaction", besides=(Promise.UNIQUE, Promise.TRANSACTIONS), level=Level.PROVISIONAL)
def transaction(trial: Trial) -> None:
    """With the caller's connection, a job is replaced if and only if the caller commits."""
    trial.put("old", unique_key="key")
    connection = connection_of(trial)
    try:
        trial.controls.replace(_job("rolled back"), connection=connection)
        connection.rollback()
        expect(_left(trial) == "old", f"the caller rolled its transaction back; these are stored: {_left(trial)}")
        got = trial.controls.replace(_job("committed"), connection=connection)
        expect(got is Inserted.NEW, f"a job waits, and holds the key; replacing it was answered {got}")
        connection.commit()
    finally:
        connection.close()
    came = names(trial.take(10))
    expect(came == "committed", f"a job was replaced in a transaction that was committed; a claim got {came}")
