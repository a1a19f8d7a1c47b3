"""CONTROLS: many jobs can be cancelled, requeued and deleted at once, by filter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses_calls
from pinion.conformance.trial import Trial, claim_of, names
from pinion.errors import JobNotFound
from pinion.identity import new_id
from pinion.job import Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome
from pinion.storage import Change, Filter, Inserted, Promise, Settled, Signal

__all__ = ["cases", "expect_change", "finished"]

cases = chapter(Promise.CONTROLS)
ERROR = JobError("ValueError", "no")
ENDS: tuple[tuple[Status, Outcome], ...] = (
    (Status.SUCCESS, Done("result")),
    (Status.FAILED, Failed(ERROR)),
    (Status.CANCELLED, Cancelled()),
)
BECOMES = {Change.CANCEL: Status.CANCELLED, Change.REQUEUE: Status.PENDING, Change.DELETE: None}


def expect_change(
    trial: Trial, change: Change, which: Filter, wanted: Sequence[Job], because: str, limit: int = 1000
) -> None:
    """Change, and get the ids of just these jobs."""
    by_id = {job.id: job.func_name for job in wanted}
    got = trial.controls.change(change, which, limit=limit)
    expect(
        got == [job.id for job in wanted],
        f"{because}; {change.name} must change {names(wanted)}, but answered {[by_id.get(each, each) for each in got]}",
    )
    trial.progress()


def finished(trial: Trial, name: str, outcome: Outcome, **options: Any) -> Job:
    """A job that ended so, with its claim's token; no other may be claimable."""
    trial.put(name, **options)
    job = trial.take_one()
    trial.settle(job, outcome)
    return job


def _one_of_each(trial: Trial) -> dict[Status, Job]:
    """A job in every status, named by it, in the order of their ids."""
    jobs = {status: finished(trial, status, outcome) for status, outcome in ENDS}
    trial.put(Status.RUNNING)
    jobs[Status.RUNNING] = trial.take_one(lease=3600.0)
    [jobs[Status.PENDING]] = trial.put(Status.PENDING)
    return jobs


def _status(trial: Trial, job: Job) -> Status | None:
    """None if there is no such job."""
    try:
        return trial.inspects.get(job.id).status
    except JobNotFound:
        return None


@cases("controls.cancel")
def cancel(trial: Trial) -> None:
    """A job that waits is CANCELLED: it says when it ended, isn't counted as waiting, and is never handed out."""
    [job] = trial.put("cancelled")
    [other] = trial.put("other")
    expect_change(trial, Change.CANCEL, Filter(ids=(job.id,)), [job], "a job waits")
    told = trial.inspects.get(job.id)
    expect(told.status is Status.CANCELLED, f"a job was cancelled while it waited, but its status is {told.status}")
    expect(told.finished_at is not None, "a cancelled job must tell when it ended: finished_at is None")
    expect(trial.claims.size() == 1, f"of two jobs one was cancelled; size() must be 1, but is {trial.claims.size()}")
    came = names(trial.take(10))
    expect(came == other.func_name, f"a job was cancelled and another waits; a claim got {came}")
    expect_change(trial, Change.CANCEL, Filter(ids=(job.id,)), [], "the job was cancelled before")


@cases("controls.statuses")
def statuses(trial: Trial) -> None:
    """Each change applies to the jobs that it is meant for, by their status, and leaves all others as they are."""
    for change, meant in (
        (Change.CANCEL, (Status.RUNNING, Status.PENDING)),
        (Change.REQUEUE, (Status.FAILED, Status.CANCELLED)),
        (Change.DELETE, (Status.SUCCESS, Status.FAILED, Status.CANCELLED, Status.PENDING)),
    ):
        jobs = _one_of_each(trial)
        expect_change(trial, change, Filter(), [jobs[status] for status in meant], "there is a job in every status")
        for status, job in jobs.items():
            wanted = BECOMES[change] if status in meant and status is not Status.RUNNING else status
            became = _status(trial, job)
            expect(became is wanted, f"after {change.name} a job that was {status} must be {wanted}, but is {became}")
        trial.controls.change(Change.DELETE, Filter())
        trial.controls.change(Change.DELETE, Filter(status=Status.RUNNING))


@cases("controls.named")
def named(trial: Trial) -> None:
    """SUCCESS is requeued, and RUNNING deleted, where the filter names the status or the job's id, and only there."""
    for change, status in ((Change.REQUEUE, Status.SUCCESS), (Change.DELETE, Status.RUNNING)):
        for by_id in (True, False):
            job = _one_of_each(trial)[status]
            expect_change(trial, change, Filter(task=status), [], f"a job is {status}, and the filter doesn't say so")
            which = Filter(ids=(job.id,)) if by_id else Filter(status=status)
            expect_change(trial, change, which, [job], f"a job is {status}, and was named")
            became = _status(trial, job)
            expect(
                became is BECOMES[change],
                f"a job that was {status} was named in {change.name}; it must be {BECOMES[change]}, but is {became}",
            )
            trial.controls.change(Change.DELETE, Filter())
            trial.controls.change(Change.DELETE, Filter(status=Status.RUNNING))


@cases("controls.requeue")
def requeue(trial: Trial) -> None:
    """A requeued job is PENDING and due at once, without failures, losses, error and result; its attempts go on."""
    trial.put("task", failures=2, lost=1)
    job = trial.take_one()
    trial.settle(job, Failed(ERROR))
    trial.controls.change(Change.REQUEUE, Filter(ids=(job.id,)))
    told = trial.inspects.get(job.id)
    kept = (told.status, told.attempts, told.failures, told.lost, told.error, told.result, told.finished_at)
    wanted = (Status.PENDING, 1, 0, 0, None, None, None)
    expect(
        kept == wanted,
        f"status, attempts, failures, lost, error, result and finished_at must be {wanted}, but are {kept}",
    )
    expect(trial.claims.size() == 1, f"a job was requeued; size() must be 1, but is {trial.claims.size()}")
    again = trial.take_one()
    expect(
        again.attempts == 2, f"a job ran once and was requeued; then its attempts must be 2, but are {again.attempts}"
    )


@cases("controls.requeue_result")
def requeue_result(trial: Trial) -> None:
    """A job that succeeded and was requeued runs again, and has no result until it succeeds again."""
    job = finished(trial, "task", Done("old"))
    trial.controls.change(Change.REQUEUE, Filter(ids=(job.id,)))
    told = trial.inspects.get(job.id)
    expect(told.result is None, f"the job was requeued, but get tells the result {told.result!r}")
    again = trial.take_one()
    expect(again.id == job.id, "the job was requeued, but another came")
    expect(trial.settle(again, Done("new")) is Settled.SETTLED, "a requeued job was claimed, but could not be settled")


@cases("controls.requeue_order")
def requeue_order(trial: Trial) -> None:
    """Requeued jobs are due at once, behind those that wait already, in the order of their ids."""
    jobs = [Job(f"again-{number}", id=f"{9 - number}") for number in range(3)]
    for job in jobs:
        trial.storage.enqueue(job)
        trial.settle(trial.take_one(), Failed(ERROR))
    trial.put("waiting")
    trial.elapse(0.01)
    trial.controls.change(Change.REQUEUE, Filter())
    trial.elapse(0.01)
    trial.put("later")
    came = names(trial.take(10))
    wanted = "waiting, again-2, again-1, again-0, later"
    expect(
        came == wanted,
        f"jobs were requeued, of which again-2 has the lowest id; a claim must get {wanted}, but got {came}",
    )


@cases("controls.requeue_delayed", besides=(Promise.DELAY,))
def requeue_delayed(trial: Trial) -> None:
    """A job that was cancelled before its time came is due at once when it is requeued."""
    [job] = trial.put("task", run_at=trial.moment(600))
    trial.controls.change(Change.CANCEL, Filter(ids=(job.id,)))
    expect_change(trial, Change.REQUEUE, Filter(ids=(job.id,)), [job], "a delayed job was cancelled")
    told = trial.inspects.get(job.id)
    expect(told.run_at is None, f"the job was requeued, and waits for nothing, but its run_at is {told.run_at}")
    came = names(trial.take(10))
    expect(came == "task", f"a delayed job was cancelled and requeued; a claim must get it, but got {came}")


@cases("controls.requeue_fences")
def requeue_fences(trial: Trial) -> None:
    """The claims of a requeued job are lost, also a settlement that had counted and is repeated."""
    job = finished(trial, "task", Failed(ERROR))
    trial.controls.change(Change.REQUEUE, Filter(ids=(job.id,)))
    for outcome in (Failed(ERROR), Done()):
        settled = trial.settle(job, outcome)
        expect(
            settled is Settled.LOST, f"the job was requeued; settling its last claim must be LOST, but was {settled}"
        )
    expect(_status(trial, job) is Status.PENDING, f"the job was requeued, but is {_status(trial, job)}")


@cases("controls.requeue_key", besides=(Promise.UNIQUE,))
def requeue_key(trial: Trial) -> None:
    """Jobs whose key is held by now are not requeued; of several with one key, the first is."""
    one, two = (finished(trial, name, Failed(ERROR), unique_key="key") for name in ("one", "two"))
    free = finished(trial, "free", Failed(ERROR), unique_key="other")
    expect_change(trial, Change.REQUEUE, Filter(), [one, free], "one and two have the same key")
    expect(_status(trial, two) is Status.FAILED, f"two is left alone, but is {_status(trial, two)}")
    expect(
        trial.claims.insert([Job("new", unique_key="other")]) != [Inserted.NEW],
        "a job was requeued, but its key is free",
    )


@cases("controls.delete")
def delete(trial: Trial) -> None:
    """A deleted job is gone: it isn't found, counted or handed out, its history is gone, and its id is free."""
    finished(trial, "done", Done(), id="the-id")
    [waiting] = trial.put("waiting")
    expect(len(trial.controls.change(Change.DELETE, Filter())) == 2, "two jobs were to be deleted")
    for job_id in (waiting.id, "the-id"):
        _expect_gone(trial, job_id)
    expect(dict(trial.inspects.counts()) == {}, f"all was deleted; counts told {trial.inspects.counts()}")
    trial.expect_none("all was deleted")
    got = trial.claims.insert([Job("new", id="the-id")])
    expect(got == [Inserted.NEW], f"a job was deleted, so its id is free; inserting it was answered {got}")
    told = trial.inspects.attempts("the-id")
    expect(told == [], f"a job was deleted and its id used again; its attempts are {told}")


def _expect_gone(trial: Trial, job_id: str) -> None:
    for read in (trial.inspects.get, trial.inspects.attempts):
        try:
            told = read(job_id)
        except JobNotFound:
            continue
        expect(False, f"the job was deleted, so {read.__name__} must raise JobNotFound, but it told {told}")


@cases("controls.delete_running")
def delete_running(trial: Trial) -> None:
    """The claim of a job that was deleted is lost, also if its id is used again."""
    trial.put("task", id="the-id")
    job = trial.take_one()
    trial.controls.change(Change.DELETE, Filter(ids=("the-id",)))
    trial.put("new", id="the-id")
    [signal] = trial.claims.extend([claim_of(job)], 60.0)
    expect(signal is Signal.LOST, f"the job was deleted; extending its claim must be LOST, but was {signal}")
    settled = trial.settle(job, Done())
    expect(settled is Settled.LOST, f"the job was deleted; settling its claim must be LOST, but was {settled}")
    came = names(trial.take(10))
    expect(came == "new", f"a deleted job's id was used again; a claim got {came}")


@cases("controls.filter")
def filter_by(trial: Trial) -> None:
    """A filter's conditions must all hold; names of tasks match without regard to case."""
    add, upper, sub = (finished(trial, name, Failed(ERROR)) for name in ("add", "ADD", "sub"))
    [waiting] = trial.put("add")
    for which, wanted in (
        (Filter(task="Add"), [add, upper, waiting]),
        (Filter(task="Add", status=Status.FAILED), [add, upper]),
        (Filter(ids=(sub.id, add.id)), [add, sub]),
        (Filter(ids=(sub.id, add.id), task="sub"), [sub]),
        (Filter(ids=(add.id,), status=Status.PENDING), []),
        (Filter(task="a%"), []),
        (Filter(task=""), []),
        (Filter(ids=(new_id(), waiting.id, waiting.id)), [waiting]),
        (Filter(ids=()), []),
        (Filter(), [add, upper, sub, waiting]),
    ):
        got = trial.controls.change(Change.DELETE, which, dry_run=True)
        expect(
            got == [job.id for job in wanted],
            f"add, ADD and sub failed and another add waits; DELETE of {which} must change {names(wanted)}, "
            f"in the order of their ids, but answered {len(got)} ids: {got}",
        )


@cases("controls.filter_queue", besides=(Promise.QUEUES,))
def filter_queue(trial: Trial) -> None:
    """A filter tells the queues apart."""
    [small] = trial.put("small", queue="a")
    [large] = trial.put("large", queue="A")
    expect_change(trial, Change.CANCEL, Filter(queue="_"), [], "the queues a and A hold a job each")
    expect_change(trial, Change.CANCEL, Filter(queue="A"), [large], "the queues a and A hold a job each")
    expect_change(trial, Change.CANCEL, Filter(queue="a"), [small], "the queue a holds a job that waits")


@cases("controls.before")
def before(trial: Trial) -> None:
    """`before` compares when a finished job finished, and when another was created, exactly."""
    created = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    exactly = timedelta(microseconds=1)
    [waiting] = trial.put("waiting", created_at=created)
    expect_change(trial, Change.CANCEL, Filter(before=created), [], "a job was created at just that moment")
    expect_change(trial, Change.CANCEL, Filter(before=created + exactly), [waiting], "a job was created just before")
    done = finished(trial, "done", Done(), created_at=created)
    ended = trial.inspects.get(done.id).finished_at
    expect(ended is not None, "a job that is done must tell when it ended")
    moment = ended or created
    which = Filter(task="done", before=moment)
    expect_change(trial, Change.DELETE, which, [], "a job was created long ago, and finished at just that moment")
    which = Filter(task="done", before=moment + exactly)
    expect_change(trial, Change.DELETE, which, [done], "a job finished just before that moment")


@cases("controls.limit")
def limit(trial: Trial) -> None:
    """At most so many jobs are changed, in the order of their ids; jobs that are left alone don't count."""
    for number in trial.random.sample(range(7), 7):
        trial.storage.enqueue(Job("task", id=f"job-{number}"))
    held = {job.id for job in trial.take(7)[:2]}
    trial.controls.change(Change.CANCEL, Filter(ids=tuple(held)))  # asked to stop, and changed no more
    left = [f"job-{number}" for number in range(7) if f"job-{number}" not in held]
    for most, wanted in ((0, []), (2, left[:2]), (2, left[2:4]), (2, left[4:]), (2, [])):
        got = trial.controls.change(Change.CANCEL, Filter(), limit=most)
        expect(
            got == wanted,
            f"seven jobs run, {' and '.join(sorted(held))} were cancelled before; "
            f"by and by, CANCEL with limit={most} must change {wanted}, but answered {got}",
        )


@cases("controls.dry_run")
def dry_run(trial: Trial) -> None:
    """A dry run answers the same as the change, and changes nothing."""
    jobs = _one_of_each(trial)
    was = {status: trial.inspects.get(job.id) for status, job in jobs.items()}
    for change in Change:
        tried = trial.controls.change(change, Filter(), limit=3, dry_run=True)
        now = {status: trial.inspects.get(job.id) for status, job in jobs.items()}
        expect(
            now == was,
            f"a dry run of {change.name} changed {[str(each) for each in was if was[each] != now.get(each)]}",
        )
        signal = trial.claims.extend([claim_of(jobs[Status.RUNNING])], 3600.0)
        expect(signal == [Signal.HELD], f"after a dry run of {change.name}, extending a claim was answered {signal}")
        expect(
            tried == trial.controls.change(change, Filter(), limit=3, dry_run=True),
            f"two dry runs of {change.name} gave different answers",
        )
    for change in (Change.CANCEL, Change.REQUEUE, Change.DELETE):
        tried = trial.controls.change(change, Filter(), dry_run=True)
        got = trial.controls.change(change, Filter())
        expect(tried == got, f"a dry run of {change.name} answered {len(tried)} ids, and then {len(got)} were changed")


@cases("controls.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, jobs can't be changed from outside: the methods are absent, or raise Unsupported."""
    trial.put("task")
    refuses_calls(
        trial,
        Promise.CONTROLS,
        {
            "change": (Change.CANCEL, Filter()),
            "replace": (Job("other"),),
            "pause": ("default",),
            "resume": ("default",),
            "paused": (),
            "purge": (),
        },
    )
    came = names(trial.take(10))
    expect(came == "task", f"what isn't promised must change nothing, but then a claim got {came}")
