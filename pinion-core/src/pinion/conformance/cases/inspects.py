"""INSPECTS: jobs can be read, listed and counted."""

from collections.abc import Callable

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import Level, chapter
from pinion.conformance.cases.refusal import refuses_calls
from pinion.conformance.trial import Trial, names
from pinion.errors import JobNotFound
from pinion.identity import new_id
from pinion.job import DEFAULT_QUEUE, FINISHED, Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Promise, Query

__all__ = ["cases"]

cases = chapter(Promise.INSPECTS)
ERROR = JobError("my.Error", "ne\x00in \U0001f400", "Traceback " + "x" * 100_000)
BECOMES: tuple[tuple[Outcome, Status, int], ...] = (
    (Done(), Status.SUCCESS, 0),
    (Failed(ERROR), Status.FAILED, 1),
    (Cancelled(), Status.CANCELLED, 0),
    (Retry(60.0, ERROR), Status.PENDING, 1),
    (Snoozed(60.0), Status.PENDING, 0),
    (Released(), Status.PENDING, 0),
)
"""What each outcome makes of a job, and how many failures it counts."""


@cases("inspects.get")
def get(trial: Trial) -> None:
    """get tells all that was inserted."""
    sent = Job("task", (1, "two"), {"key": [3]}, headers={"trace": "a"}, timeout=1.5, failures=1, attempts=2)
    trial.claims.insert([sent])
    job = trial.inspects.get(sent.id)
    for name in (
        "id",
        "func_name",
        "args",
        "kwargs",
        "queue",
        "priority",
        "headers",
        "timeout",
        "created_at",
        "attempts",
        "failures",
    ):
        was, now = getattr(sent, name), getattr(job, name)
        expect(was == now, f"{name} was {was!r} when the job was inserted, and get tells {now!r}")
    expect(job.status is Status.PENDING, f"the job waits, but get tells the status {job.status!r}")


@cases("inspects.no_token", level=Level.SHOULD)
def no_token(trial: Trial) -> None:
    """get and find tell no tokens: whoever has one can settle the job."""
    [sent] = trial.put("task")
    trial.take_one()
    told = [trial.inspects.get(sent.id).token, trial.inspects.find(Query())[0].token]
    expect(told == [None, None], f"get and find told the tokens {told}")


@cases("inspects.not_found")
def not_found(trial: Trial) -> None:
    """get raises JobNotFound for an id that is not there."""
    trial.put("task")
    for job_id in (new_id(), "%", "_", ""):
        try:
            job = trial.inspects.get(job_id)
        except JobNotFound:
            continue
        raise Broken(f"no job has the id {job_id!r}, so get must raise JobNotFound, but it returned {job}")


@cases("inspects.life")
def life(trial: Trial) -> None:
    """get tells where in its life a job is: its status, counts, worker, times and error."""
    for outcome, status, failures in BECOMES:
        [sent] = trial.put("task")
        job = trial.take(100)[-1]
        running = trial.inspects.get(sent.id)
        expect(running.status is Status.RUNNING, f"the job is held, but get tells {running.status}")
        expect(
            running.worker == job.worker, f"the worker {job.worker!r} holds the job, but get tells {running.worker!r}"
        )
        expect(running.started_at is not None, "a running job must tell when it was started")
        trial.settle(job, outcome)
        _became(trial.inspects.get(sent.id), outcome, status, failures)


def _became(job: Job, outcome: Outcome, status: Status, failures: int) -> None:
    after = f"after {type(outcome).__name__}"
    expect(job.status is status, f"{after} the status must be {status}, but is {job.status}")
    expect(
        (job.attempts, job.failures) == (1, failures),
        f"{after} attempts and failures are {job.attempts}, {job.failures}",
    )
    if status is not Status.PENDING:
        expect(job.finished_at is not None, f"{after} the job must tell when it finished")
        ordered = job.started_at is not None and job.finished_at is not None and job.started_at <= job.finished_at
        expect(ordered, f"{after} started_at is {job.started_at} and finished_at {job.finished_at}")
    if isinstance(outcome, Failed | Retry):
        kept = job.error and (job.error.type, job.error.message, job.error.traceback)
        expect(kept == (ERROR.type, ERROR.message, ERROR.traceback), f"{after} the error is {job.error!r:.200}")


@cases("inspects.snapshot")
def snapshot(trial: Trial) -> None:
    """What get and find return are copies: changing them changes nothing that is stored."""
    [sent] = trial.put("task", args=([1],), headers={"trace": "a"})
    reads: list[Callable[[], Job]] = [
        lambda: trial.inspects.get(sent.id),
        lambda: trial.inspects.find(Query())[0],
    ]
    for read in reads:
        job = read()
        job.args[0].append(2)
        job.headers["trace"] = "b"
        job.func_name = "changed"
        job = read()
        kept = (job.func_name, job.args, job.headers)
        expect(
            kept == ("task", ([1],), {"trace": "a"}),
            f"a job that was read was changed, and what is stored changed too: {kept}",
        )


@cases("inspects.find")
def find(trial: Trial) -> None:
    """find tells the jobs that match, all conditions together, in the order of their ids."""
    trial.put("Add", "add", "sub", "ADD")
    held = trial.take(2)
    trial.settle(held[0], Done())
    _finds(trial, Query(), "Add, add, sub, ADD")
    _finds(trial, Query(status=Status.PENDING), "sub, ADD")
    _finds(trial, Query(status=Status.RUNNING), "add")
    _finds(trial, Query(status=Status.SUCCESS), "Add")
    _finds(trial, Query(status=Status.FAILED), "nothing")
    _finds(trial, Query(task="aDD"), "Add, add, ADD")
    _finds(trial, Query(task="add", status=Status.PENDING), "ADD")
    _finds(trial, Query(task="ad"), "nothing")
    _finds(trial, Query(task="%"), "nothing")
    _finds(trial, Query(queue=DEFAULT_QUEUE), "Add, add, sub, ADD")
    _finds(trial, Query(queue="defaul_"), "nothing")
    _finds(trial, Query(limit=2), "Add, add")


def _finds(trial: Trial, query: Query, wanted: str) -> None:
    found = names(trial.inspects.find(query))
    expect(
        found == wanted,
        f"the jobs Add (done), add (running), sub and ADD are there; {query} must find {wanted}, but found {found}",
    )


@cases("inspects.by_queue", besides=(Promise.QUEUES,))
def by_queue(trial: Trial) -> None:
    """find and counts tell the queues apart."""
    trial.put("one", queue="a")
    trial.put("two", "three", queue="A")
    found = names(trial.inspects.find(Query(queue="A")))
    expect(found == "two, three", f"the queue A holds two and three, and a holds one; find told {found}")
    counts = {queue: by_status[Status.PENDING] for queue, by_status in trial.inspects.counts().items()}
    expect(counts == {"a": 1, "A": 2}, f"the queue A holds 2 and a holds 1; counts told {counts}")


@cases("inspects.pages")
def pages(trial: Trial) -> None:
    """Pages neither skip nor repeat a job, also while others come and go."""
    sent = [job.id for job in trial.put(*(f"job-{number}" for number in range(25)))]
    found: list[str] = []
    while page := trial.inspects.find(Query(limit=4, after=found[-1] if found else None)):
        expect(len(page) <= 4, f"a page of at most 4 jobs holds {len(page)}")
        found += [job.id for job in page]
        if len(found) < 20:
            trial.put("newcomer")
        trial.settle(trial.take_one(), Done())
        expect(len(found) < 100, "the pages go on for ever")
    expect(
        [each for each in found if each in sent] == sent,
        f"25 jobs were there throughout; the pages told {len(set(found) & set(sent))}, or in another order",
    )
    expect(len(found) == len(set(found)), "the pages told a job twice")


@cases("inspects.order")
def order(trial: Trial) -> None:
    """find tells jobs in the order of their ids, whatever order they were inserted in."""
    ids = [f"{number:03}" for number in range(12)]
    shuffled = trial.random.sample(ids, len(ids))
    for job_id in shuffled:
        trial.storage.enqueue(Job("task", id=job_id))
    found = [job.id for job in trial.inspects.find(Query())]
    expect(found == ids, f"inserted in the order {shuffled}, the jobs were told in the order {found}")


@cases("inspects.counts")
def counts(trial: Trial) -> None:
    """counts tells how many jobs of each queue are in each status, and leaves out queues that hold none."""
    expect(dict(trial.inspects.counts()) == {}, f"nothing was inserted; counts told {trial.inspects.counts()}")
    for number, (outcome, _, _) in enumerate(BECOMES):
        trial.put(f"task-{number}")
        job = next(job for job in trial.take(100) if job.func_name == f"task-{number}")
        trial.settle(job, outcome)
    trial.put("held")
    trial.take(1)
    found = {status: number for status, number in trial.inspects.counts()[DEFAULT_QUEUE].items() if number}
    statuses = [job.status for job in trial.inspects.find(Query())]
    listed = {status: statuses.count(status) for status in Status if status in statuses}
    expect(found == listed, f"counts told {_plain(found)}, but the jobs that find lists are {_plain(listed)}")
    expect(
        sum(found.values()) == len(BECOMES) + 1, f"{len(BECOMES) + 1} jobs were inserted; counts told {_plain(found)}"
    )


@cases("inspects.steady")
def steady(trial: Trial) -> None:
    """counts and size stay right over many claims, retries, lost leases and repeated settlements."""
    for number in range(30):
        trial.put(f"task-{number}")
        for job in trial.take(2):
            outcome = trial.random.choice(BECOMES)[0]
            for _ in range(trial.random.randrange(3)):
                trial.settle(job, outcome)
        if number % 10 == 9:
            trial.expire()
    statuses = [job.status for job in trial.inspects.find(Query(limit=1000))]
    found = trial.inspects.counts()[DEFAULT_QUEUE]
    for status in Status:
        expect(
            found.get(status, 0) == statuses.count(status),
            f"{statuses.count(status)} jobs are {status}; counts told {found.get(status, 0)}",
        )
    pending = statuses.count(Status.PENDING)
    expect(trial.claims.size() == pending, f"{pending} jobs are PENDING, but size() is {trial.claims.size()}")


@cases("inspects.finished")
def finished(trial: Trial) -> None:
    """finished names those of many jobs that are finished or not there, and no others."""
    over, missing = [], new_id()
    for number, (outcome, status, _) in enumerate(BECOMES):
        [sent] = trial.put(f"task-{number}")
        trial.settle(next(job for job in trial.take(100) if job.id == sent.id), outcome)
        if status in FINISHED:
            over.append(sent.id)
    [held] = trial.put("held")
    trial.take(1)
    [waiting] = trial.put("waiting")
    everything = [job.id for job in trial.inspects.find(Query())]
    told = set(trial.inspects.finished([missing, *everything]))
    expect(held.id not in told, "a job is held, but finished names it")
    expect(waiting.id not in told, "a job waits, but finished names it")
    expect(missing in told, "no job has the id, so nobody needs to wait for it, but finished doesn't name it")
    expect(
        told - {missing} == set(over),
        f"{len(over)} jobs are finished, and {len(everything) - len(over)} aren't; finished named {len(told) - 1}",
    )
    expect(list(trial.inspects.finished([])) == [], "finished was asked of no jobs, and named some")


def _plain(numbers: dict[Status, int]) -> dict[str, int]:
    return {str(status): number for status, number in numbers.items()}


@cases("inspects.attempts")
def attempts(trial: Trial) -> None:
    """attempts tells at least the last attempt of a job, and how it ended; of a job that never ran, nothing."""
    [sent] = trial.put("task")
    told = trial.inspects.attempts(sent.id)
    expect(told == [], f"the job never ran; attempts told {told}")
    trial.settle(trial.take_one(), Retry(0.0, ERROR))
    job = trial.take_one()
    _last(trial, job, None)
    trial.settle(job, Failed(ERROR))
    _last(trial, job, "failed")


def _last(trial: Trial, job: Job, outcome: str | None) -> None:
    told = trial.inspects.attempts(job.id)
    last = (told[-1].number, told[-1].worker, told[-1].outcome, told[-1].ended_at is None) if told else None
    wanted = (2, job.worker, outcome, outcome is None)
    expect(last == wanted, f"the last attempt's number, worker, outcome and end must be {wanted}, but are {last}")


@cases("inspects.attempts_not_found")
def attempts_not_found(trial: Trial) -> None:
    """attempts raises JobNotFound for an id that is not there."""
    try:
        told = trial.inspects.attempts(new_id())
    except JobNotFound:
        return
    raise Broken(f"there is no such job, so attempts must raise JobNotFound, but it returned {told}")


@cases("inspects.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, there is no way to read jobs: the methods are absent, or raise Unsupported."""
    [job] = trial.put("task")
    refuses_calls(trial, Promise.INSPECTS, {"get": (job.id,), "find": (Query(),), "counts": ()})
