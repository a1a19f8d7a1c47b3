"""CONTROLS: a job that runs can be asked to stop, and nothing of it comes back; changes and claims don't cross."""

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.controls import expect_change
from pinion.conformance.interleaving import Meeting, Scene, meetings
from pinion.conformance.trial import WORKER, Trial, claim_of, names
from pinion.job import Job, JobError, Status
from pinion.outcome import Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Change, ClaimRequest, Filter, Promise, Settled, Settlement, Signal

__all__ = ["cases"]

cases = chapter(Promise.CONTROLS)
ERROR = JobError("ValueError", "no")
GIVES_BACK: tuple[Outcome, ...] = (Retry(0.0, ERROR), Snoozed(0.0), Released())


def _asked(trial: Trial, name: str = "asked") -> Job:
    """A job that runs and was asked to stop."""
    trial.put(name)
    job = trial.take_one()
    trial.controls.change(Change.CANCEL, Filter(ids=(job.id,)))
    return job


def _expect_cancelled(trial: Trial, job: Job, because: str) -> None:
    told = trial.inspects.get(job.id)
    expect(told.status is Status.CANCELLED, f"{because}; then it must be CANCELLED, but is {told.status}")
    expect(told.finished_at is not None, f"{because}; then it must tell when it ended: finished_at is None")
    trial.elapse(0.01)
    trial.expect_none(f"{because}; it must never be handed out again")
    expect(trial.claims.size() == 0, f"{because}; nothing waits, but size() is {trial.claims.size()}")


@cases("cancel.running")
def running(trial: Trial) -> None:
    """A cancel of a job that runs is told to its holder by each extend, which still extends; to nobody else."""
    trial.put("asked", "other")
    asked, other = trial.take(2)
    expect_change(trial, Change.CANCEL, Filter(ids=(asked.id,)), [asked], "a job runs")
    for _ in range(2):
        signals = trial.claims.extend([claim_of(asked), claim_of(other)], 2 * trial.lease)
        expect(
            signals == [Signal.CANCEL, Signal.HELD],
            f"one of two running jobs was cancelled; extend must answer CANCEL and HELD, but answered {signals}",
        )
    told = trial.inspects.get(asked.id)
    expect(told.status is Status.RUNNING, f"a job that runs was asked to stop and hasn't yet, but is {told.status}")
    trial.expire()
    trial.expect_none("the claim of a cancelled job was extended, and lasts")
    settled = trial.settle(asked, Done())
    expect(
        settled is Settled.SETTLED, f"the claim of a cancelled job was extended, and lasts; settling it was {settled}"
    )


@cases("cancel.once")
def once(trial: Trial) -> None:
    """A running job that was asked to stop is not asked, and counted, again."""
    job = _asked(trial)
    expect_change(trial, Change.CANCEL, Filter(ids=(job.id,)), [], "the job was asked to stop before")


@cases("cancel.gives_back")
def gives_back(trial: Trial) -> None:
    """Retry, Snoozed and Released of a job that was asked to stop count, and make it CANCELLED."""
    for outcome in GIVES_BACK:
        job = _asked(trial)
        for time in ("", ", and repeating it,"):
            settled = trial.settle(job, outcome)
            expect(
                settled is Settled.SETTLED,
                f"settling a cancelled job with {type(outcome).__name__}{time} must be SETTLED, but was {settled}",
            )
        _expect_cancelled(trial, job, f"a job was cancelled as it ran, and settled with {type(outcome).__name__}")


@cases("cancel.counts")
def counts(trial: Trial) -> None:
    """Done and Failed of a job that was asked to stop count as ever."""
    outcomes: tuple[tuple[Outcome, Status], ...] = ((Done(1), Status.SUCCESS), (Failed(ERROR), Status.FAILED))
    for outcome, status in outcomes:
        job = _asked(trial)
        settled, name = trial.settle(job, outcome), type(outcome).__name__
        expect(settled is Settled.SETTLED, f"settling a cancelled job with {name} must be SETTLED, but was {settled}")
        told = trial.inspects.get(job.id).status
        expect(told is status, f"a job was cancelled as it ran, and settled with {name}, but is {told}")


@cases("cancel.lost")
def lost(trial: Trial) -> None:
    """A job that was asked to stop, and whose lease ran out, is CANCELLED when a claim comes upon it, not handed out."""
    job = _asked(trial)
    trial.expire()
    trial.expect_none("a job was cancelled as it ran, and its lease ran out")
    _expect_cancelled(trial, job, "a job was cancelled as it ran, its lease ran out, and somebody claimed")
    settled = trial.settle(job, Done())
    expect(
        settled is Settled.LOST, f"a cancelled job's lease ran out; its late settlement must be LOST, but was {settled}"
    )


@cases("cancel.lost_in_a_crowd")
def lost_in_a_crowd(trial: Trial) -> None:
    """Cancelled jobs whose leases ran out hold up no other."""
    for number in range(5):
        _asked(trial, f"asked-{number}")
    trial.put("other")
    trial.expire()
    came: list[Job] = []
    for _ in range(2):
        came += trial.take(1)
    expect(names(came) == "other", f"five jobs were cancelled and their leases ran out; claims got {names(came)}")


@cases("cancel.requeued")
def requeued(trial: Trial) -> None:
    """A job that was asked to stop, and was requeued since, runs like any other."""
    for outcome in (Released(), Failed(ERROR)):
        job = _asked(trial)
        trial.settle(job, outcome)
        trial.controls.change(Change.REQUEUE, Filter(ids=(job.id,)))
        again = trial.take_one()
        signals = trial.claims.extend([claim_of(again)], 60.0)
        expect(signals == [Signal.HELD], f"a cancelled job was requeued; then extend answered {signals}")
        trial.settle(again, Retry(0.0, ERROR))
        trial.settle(trial.take_one(), Done())


@cases("cancel.shared", besides=(Promise.SHARED,))
def shared(trial: Trial) -> None:
    """A cancel by one object is told to a holder that uses another."""
    trial.check_reopens(Promise.SHARED)
    trial.put("task")
    other = trial.open()
    job = trial.take_one(of=other)
    trial.controls.change(Change.CANCEL, Filter(ids=(job.id,)))
    signals = other.extend([claim_of(job)], 60.0)
    expect(signals == [Signal.CANCEL], f"another object cancelled the job; extend was answered {signals}")


@cases("cancel.race")
def race(trial: Trial) -> None:
    """However a cancel and a claim take turns, the job never runs, or its holder learns of the cancel."""
    for met in meetings(trial, lambda: _meet(trial, Change.CANCEL)):
        because = f"as a cancel paused {met.stop}, a claim ran"
        [job_id], held = met.first, met.second.jobs
        if not held:
            told = met.storage.get(job_id).status
            expect(told is Status.CANCELLED, f"{because}: it got nothing, and the job is {told}, not CANCELLED")
            continue
        signals = met.storage.extend([claim_of(held[0])], 60.0)
        expect(signals == [Signal.CANCEL], f"{because}, and got the job; extend was answered {signals}")
        _expect_settles(met, held[0], because)


@cases("controls.race")
def delete_race(trial: Trial) -> None:
    """However a delete and a claim take turns, a job that is handed out is still there."""
    for met in meetings(trial, lambda: _meet(trial, Change.DELETE)):
        held, because = met.second.jobs, f"as a delete paused {met.stop}, a claim ran"
        expect(
            len(held) + len(met.first) == 1,
            f"{because}: it got {names(held)}, and the delete answered {met.first}, which must be one or the other",
        )
        if held:
            _expect_settles(met, held[0], because)


def _meet(trial: Trial, change: Change) -> Scene:
    storage = trial.fresh()
    storage.enqueue(Job("task"))
    which = Filter(task="task")
    return Scene(
        storage, lambda: storage.change(change, which), lambda: storage.exchange(claim=ClaimRequest(WORKER, 1, 60.0))
    )


def _expect_settles(met: Meeting, job: Job, because: str) -> None:
    settled = met.storage.exchange([Settlement(claim_of(job), Done())]).settled
    expect(settled == [Settled.SETTLED], f"{because}, and got the job; its settlement was {settled}")
