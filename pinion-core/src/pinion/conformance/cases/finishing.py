"""INSPECTS: `wait_finished`: whoever waits for a job learns when it is finished."""

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import chapter
from pinion.conformance.errand import Errand
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import SOON, WORKER, Trial, claim_of
from pinion.errors import JobNotFound, StorageClosed
from pinion.identity import new_id
from pinion.job import FINISHED, Job, JobError
from pinion.outcome import Cancelled, Done, Failed, Outcome
from pinion.storage import Change, ClaimRequest, Filter, Inspects, Promise, Settlement

__all__ = ["cases"]

cases = chapter(Promise.INSPECTS)
LONG = 30.0
SHORT = 0.2
ERROR = JobError("ValueError", "no")
ENDS: tuple[Outcome, ...] = (Done(1), Failed(ERROR), Cancelled())


@cases("finish.not_found", real_time=True)
def not_found(trial: Trial) -> None:
    """wait_finished raises JobNotFound for an id that is not there, at once."""
    trial.put("task")
    waiting = trial.start(trial.inspects.wait_finished, new_id(), LONG)
    try:
        waiting.result(SOON, f"wait_finished(unknown id, {LONG:g})")
    except JobNotFound:
        return
    raise Broken("there is no such job, so wait_finished must raise JobNotFound, but it returned")


@cases("finish.at_once", real_time=True)
def at_once(trial: Trial) -> None:
    """wait_finished returns at once if the job is finished, however it ended."""
    for outcome in ENDS:
        trial.put("task")
        job = trial.take_one()
        trial.settle(job, outcome)
        waiting = trial.start(trial.inspects.wait_finished, job.id, LONG)
        waiting.result(SOON, f"wait_finished of a job that was settled with {type(outcome).__name__}")


@cases("finish.times_out", real_time=True)
def times_out(trial: Trial) -> None:
    """wait_finished returns when its time is over, at once if there is none, whether the job waits or runs."""
    jobs = trial.put("running", "waiting")
    trial.take(1)
    for seconds in (0.0, SHORT):
        for job in jobs:
            waiting = trial.start(trial.inspects.wait_finished, job.id, seconds)
            waiting.result(seconds + SOON, f"the job isn't finished; wait_finished(id, {seconds:g})")


@cases("finish.settled", real_time=True)
def settled(trial: Trial) -> None:
    """A settlement by another thread ends wait_finished."""
    for outcome in ENDS:
        trial.put("task")
        job = trial.take_one(lease=LONG)
        waiting = trial.start(_wait, trial, trial.inspects, job.id)
        expect(not waiting.is_done(0.05), "the job still runs, but get tells that it is finished")
        trial.settle(job, outcome)
        _expect_over(waiting, f"the job was settled with {type(outcome).__name__}")


@cases("finish.many", real_time=True)
def many(trial: Trial) -> None:
    """Any number of threads may wait for one job, and for others; each returns when its own is finished."""
    trial.put("one", "two")
    one, two = trial.take(2, lease=LONG)
    waiting = [trial.start(_wait, trial, trial.inspects, job.id) for job in (one, one, two)]
    expect(not waiting[0].is_done(0.05), "a job still runs, but get tells that it is finished")
    trial.settle(one, Done())
    for each in waiting[:2]:
        _expect_over(each, "two threads wait for the job, and it was settled")
    expect(not waiting[2].is_done(0.05), "a job still runs, but get tells that it is finished")
    trial.settle(two, Done())
    _expect_over(waiting[2], "the job was settled, after another")


@cases("finish.race", real_time=True)
def race(trial: Trial) -> None:
    """A settlement while another thread is just about to wait ends that wait."""
    for met in meetings(trial, lambda: _wait_and_settle(trial), once=True, patience=0.08):
        expect(
            met.first < 1.4, f"the job was settled as wait_finished(id, 1.5) paused {met.stop}, but it went on waiting"
        )


def _wait_and_settle(trial: Trial) -> Scene:
    storage = trial.fresh()
    storage.enqueue(Job("task"))
    [job] = storage.exchange(claim=ClaimRequest(WORKER, 1, LONG)).jobs
    settlement = Settlement(claim_of(job), Done())
    return Scene(storage, lambda: _waited(trial, storage, job.id), lambda: storage.exchange([settlement]))


def _waited(trial: Trial, inspects: Inspects, job_id: str) -> float:
    began = trial.now()
    inspects.wait_finished(job_id, 1.5)
    return trial.now() - began


@cases("finish.deleted", real_time=True, besides=(Promise.CONTROLS,))
def deleted(trial: Trial) -> None:
    """wait_finished returns when the job is deleted, or cancelled, from outside."""
    for change in (Change.DELETE, Change.CANCEL):
        [job] = trial.put("task")
        waiting = trial.start(trial.inspects.wait_finished, job.id, LONG)
        waiting.is_done(0.05)
        trial.controls.change(change, Filter(ids=(job.id,)))
        _expect_over(waiting, f"{change.name} was done to the job")


@cases("finish.closed", real_time=True)
def closed(trial: Trial) -> None:
    """Closing the storage ends wait_finished."""
    [job] = trial.put("task")
    waiting = trial.start(trial.inspects.wait_finished, job.id, LONG)
    waiting.is_done(0.05)
    trial.claims.close()
    try:
        _expect_over(waiting, "the storage was closed")
    except StorageClosed:
        return


@cases("finish.shared", real_time=True, besides=(Promise.SHARED,))
def shared(trial: Trial) -> None:
    """A settlement by another object ends wait_finished."""
    trial.check_reopens(Promise.SHARED)
    trial.put("task")
    job = trial.take_one(lease=LONG)
    other = trial.open()
    waiting = trial.start(_wait, trial, other, job.id)
    expect(not waiting.is_done(0.05), "the job still runs, but get tells that it is finished")
    trial.settle(job, Done())
    _expect_over(waiting, "another object settled the job")


def _wait(trial: Trial, inspects: Inspects, job_id: str) -> None:
    """As a caller does who wants the result: wait_finished may return early."""
    while inspects.get(job_id).status not in FINISHED:
        inspects.wait_finished(job_id, LONG)
        trial.progress()


def _expect_over(waiting: Errand, because: str) -> None:
    waiting.result(SOON, f"wait_finished(id, {LONG:g}), after {because},")
