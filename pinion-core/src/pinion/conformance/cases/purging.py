"""CONTROLS: what is finished goes when its time is over."""

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.controls import finished
from pinion.conformance.trial import Trial
from pinion.errors import JobNotFound
from pinion.job import Job, JobError
from pinion.outcome import Cancelled, Done, Failed, Retry
from pinion.storage import Change, Filter, Inserted, KeyHeld, Promise, Query

__all__ = ["cases"]

cases = chapter(Promise.CONTROLS)
ERROR = JobError("ValueError", "no")


def _expect_purged(trial: Trial, wanted: int, because: str) -> None:
    gone = trial.controls.purge()
    expect(gone == wanted, f"{because}; purge must delete {wanted}, but deleted {gone}")


def _left(trial: Trial) -> list[str]:
    return sorted(job.func_name for job in trial.inspects.find(Query()))


@cases("purge.keep")
def keep(trial: Trial) -> None:
    """A finished job stays for as long as its `keep` says since it finished, and goes then; without one, for ever."""
    finished(trial, "done", Done(), keep=trial.lease)
    finished(trial, "cancelled", Cancelled(), keep=trial.lease)
    finished(trial, "longer", Done(), keep=1000 * trial.lease)
    finished(trial, "for ever", Done())
    _expect_purged(trial, 0, "no job's time is over")
    trial.elapse(trial.lease + trial.margin)
    _expect_purged(trial, 2, "the time of two jobs is over")
    expect(_left(trial) == ["for ever", "longer"], f"the time of two jobs is over; these were left: {_left(trial)}")
    _expect_purged(trial, 0, "what was too old is gone")


@cases("purge.since_the_end")
def since_the_end(trial: Trial) -> None:
    """`keep` counts from when a job finished, not from when it was created or began."""
    trial.put("task", keep=trial.lease)
    trial.settle(trial.take_one(), Retry(0.0, ERROR))
    trial.elapse(trial.lease + trial.margin)
    trial.settle(trial.take_one(), Done())
    _expect_purged(trial, 0, "a job was inserted long ago, and finished just now")


@cases("purge.at_once")
def at_once(trial: Trial) -> None:
    """A job with a `keep` of 0 goes with the first purge after it finished, and all that was known of it."""
    job = finished(trial, "task", Done(1), keep=0)
    _expect_purged(trial, 1, "a job with keep=0 is done")
    for read in (trial.inspects.get, trial.inspects.attempts):
        try:
            told = read(job.id)
        except JobNotFound:
            continue
        expect(False, f"the job was purged, so {read.__name__} must raise JobNotFound, but it told {told}")


@cases("purge.unfinished")
def unfinished(trial: Trial) -> None:
    """What waits or runs, or failed, is not purged, whatever its `keep`."""
    finished(trial, "failed", Failed(ERROR), keep=0)
    requeued = finished(trial, "requeued", Done(), keep=0)
    trial.controls.change(Change.REQUEUE, Filter(ids=(requeued.id,)))
    trial.put("running", keep=0)
    trial.take(2)
    trial.put("waiting", keep=0)
    trial.elapse(trial.margin)
    _expect_purged(trial, 0, "jobs with keep=0 wait, run and failed")
    wanted = ["failed", "requeued", "running", "waiting"]
    expect(_left(trial) == wanted, f"{wanted} were there; after a purge, {_left(trial)} are")


@cases("purge.limit")
def limit(trial: Trial) -> None:
    """A purge deletes at most so many, and tells how many went."""
    for number in range(5):
        finished(trial, f"done-{number}", Done(), keep=0)
    went = [trial.controls.purge(limit=most) for most in (0, 2, 2, 2, 2)]
    expect(went == [0, 2, 2, 1, 0], f"five jobs were to go; with limits of 0, 2, 2, 2 and 2, purge deleted {went}")


@cases("purge.key", besides=(Promise.UNIQUE,))
def key(trial: Trial) -> None:
    """A job that holds a key for a time isn't purged before that is over."""
    job = finished(trial, "task", Done(), keep=0, unique_key="key", unique_for=trial.lease)
    _expect_purged(trial, 0, "a job with keep=0 is done, but holds its key for a time")
    got = trial.claims.insert([Job("other", unique_key="key")])
    expect(got == [KeyHeld(job.id)], f"a job holds a key for a time; inserting another was answered {got}")
    trial.elapse(trial.lease + trial.margin)
    _expect_purged(trial, 1, "the time of a job and that of its key are over")
    got = trial.claims.insert([Job("other", unique_key="key")])
    expect(got == [Inserted.NEW], f"the time of a key is over; inserting another was answered {got}")
