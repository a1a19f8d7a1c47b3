"""BASE: the five methods, one caller at a time. Blocking and several threads are in `waiting` and `threads`."""

from pinion.conformance.broken import expect, fail
from pinion.conformance.case import BASE, Level, chapter
from pinion.conformance.facts import METHODS
from pinion.conformance.trial import SOON, Trial
from pinion.job import Job, Status

__all__ = ["cases"]

cases = chapter(BASE)
AT_ONCE = 0.5
"""Seconds that a call may take which doesn't wait for anything."""


@cases("base.opens")
def opens(trial: Trial) -> None:
    """The target opens a storage, which has the five methods."""
    for name in METHODS:
        expect(callable(getattr(trial.storage, name, None)), f"{type(trial.storage).__name__} has no method {name}")


@cases("base.zero_timeout")
def zero_timeout(trial: Trial) -> None:
    """dequeue(0) of an empty storage returns None without waiting."""
    began = trial.now()
    got = trial.storage.dequeue(0)
    expect(got is None, f"the storage is empty, but dequeue(0) returned {got!r}")
    took = trial.now() - began
    expect(took < AT_ONCE, f"dequeue(0) must not wait, but took {took:.2f} s")


@cases("base.fresh")
def fresh(trial: Trial) -> None:
    """A new storage is empty, whatever was put into another one."""
    trial.put("first")
    other = trial.fresh()
    size = other.size()
    expect(size == 0, f"a new storage must be empty, but size() is {size}: does every call open the same one?")
    job = other.dequeue(0)
    expect(job is None, f"a new storage must be empty, but it handed out {job}: does every call open the same one?")


@cases("base.round_trip")
def round_trip(trial: Trial) -> None:
    """An enqueued job is dequeued with its id, its name and its arguments."""
    job = Job("add", (1, "two", 3.5, None, True, [4, {"five": 6}]), {"key": "värde", "empty": ""})
    sent = (job.id, job.func_name, job.args, dict(job.kwargs))
    trial.storage.enqueue(job)
    got = trial.storage.dequeue(SOON)
    expect(got is not None, "a job was enqueued, but dequeue() returned None")
    expect(isinstance(got, Job), f"dequeue() must return a Job, got {type(got).__name__}")
    expect(type(got.args) is tuple, f"args must come back as the tuple they were, got a {type(got.args).__name__}")
    for name, was, now in zip(
        ("id", "func_name", "args", "kwargs"), sent, (got.id, got.func_name, got.args, got.kwargs), strict=True
    ):
        expect(was == now, f"{name} was {was!r} when the job was enqueued, and {now!r} when it was dequeued")


@cases("base.takes_at_once")
def takes_at_once(trial: Trial) -> None:
    """dequeue(0) hands out a job that is there."""
    trial.put("there")
    expect(trial.storage.dequeue(0) is not None, "a job is there, but dequeue(0) returned None")


@cases("base.running")
def running(trial: Trial) -> None:
    """dequeue marks the job RUNNING before it returns it."""
    got = trial.dequeue_after_put("task")
    expect(got.status == Status.RUNNING, f"a dequeued job must be RUNNING, but its status is {got.status!r}")


@cases("base.attempts")
def attempts(trial: Trial) -> None:
    """dequeue adds one to attempts before it returns the job."""
    got = trial.dequeue_after_put("task")
    expect(got.attempts == 1, f"attempts must be 1 when a job is dequeued for the first time, but is {got.attempts}")


@cases("base.once")
def once(trial: Trial) -> None:
    """A dequeued job is not handed out a second time."""
    got = trial.dequeue_after_put("task")
    again = trial.storage.dequeue(0)
    expect(again is None, f"{got} was dequeued and is running, but dequeue(0) handed out {again}")


@cases("base.done")
def done(trial: Trial) -> None:
    """A job that was marked done never comes back."""
    got = trial.dequeue_after_put("task")
    trial.storage.mark_done(got)
    again = trial.storage.dequeue(0.1)
    expect(again is None, "the job was marked done, but dequeue() handed it out again")


@cases("base.failed")
def failed(trial: Trial) -> None:
    """A job that was marked failed stays away until it is enqueued again."""
    got = trial.dequeue_after_put("task")
    trial.storage.mark_failed(got, ValueError("no"))
    again = trial.storage.dequeue(0.1)
    expect(again is None, "the job was marked failed and not enqueued again, but dequeue() handed it out")


@cases("base.retry")
def retry(trial: Trial) -> None:
    """A job that was dequeued, marked failed and enqueued again comes back, with its attempts."""
    job = trial.put("task", args=(1,), kwargs={"key": "value"})[0]
    for attempt in (1, 2, 3):
        got = trial.storage.dequeue(SOON)
        expect(
            got is not None,
            f"the job was marked failed and enqueued again {attempt - 1} times, but dequeue() returned None",
        )
        expect(got.id == job.id, f"the job {job.id} was enqueued again, but {got.id} came back")
        expect(
            got.attempts == attempt,
            f"attempts must be {attempt} when a job is dequeued the {_th(attempt)} time, but is {got.attempts}",
        )
        expect(
            (got.args, got.kwargs) == ((1,), {"key": "value"}),
            f"the arguments came back as {got.args!r} and {got.kwargs!r}",
        )
        expect(got.status == Status.RUNNING, f"a dequeued job must be RUNNING, but its status is {got.status!r}")
        trial.storage.mark_failed(got, ValueError(f"attempt {attempt}"))
        trial.storage.enqueue(got)


def _th(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}[number]


@cases("base.right_one")
def right_one(trial: Trial) -> None:
    """What is said about one job leaves the others alone."""
    first, second = trial.put("first", "second")
    taken = {job.id: job for job in (trial.storage.dequeue(0), trial.storage.dequeue(0)) if job is not None}
    expect(len(taken) == 2, f"two jobs were enqueued, but {len(taken)} could be dequeued")
    trial.put("third")
    trial.storage.mark_failed(taken[first.id], ValueError("no"))
    trial.storage.enqueue(taken[first.id])
    trial.storage.mark_done(taken[second.id])
    came = sorted(job.func_name for job in trial.drain())
    expect(came == ["first", "third"], f"'first' was enqueued again and 'third' is new, but {came} came")


@cases("base.size")
def size(trial: Trial) -> None:
    """size counts the jobs that are PENDING, and no others."""
    storage = trial.storage
    _size_is(storage.size(), 0, "nothing was enqueued")
    trial.put("one", "two", "three")
    _size_is(storage.size(), 3, "three jobs were enqueued")
    first, second = storage.dequeue(0), storage.dequeue(0)
    expect(first is not None and second is not None, "three jobs were enqueued, but not two could be dequeued")
    _size_is(storage.size(), 1, "two of three jobs were dequeued")
    storage.mark_done(first)
    _size_is(storage.size(), 1, "two of three jobs were dequeued, and one of them marked done")
    storage.mark_failed(second, ValueError("no"))
    _size_is(storage.size(), 1, "one job was marked done, one failed, and one is pending")
    storage.enqueue(second)
    _size_is(storage.size(), 2, "one job is pending, and one was marked failed and enqueued again")


def _size_is(got: int, wanted: int, because: str) -> None:
    expect(got == wanted, f"{because}, so size() must be {wanted}, but is {got}")


@cases("base.fifo", five=Level.SHOULD)
def fifo(trial: Trial) -> None:
    """Jobs are handed out in the order in which they were enqueued."""
    names = [f"job-{number}" for number in range(1, 13)]  # as text, 10 comes before 9
    trial.put(*names)
    came = [job.func_name for job in trial.drain()]
    expect(came == names, f"enqueued in the order {', '.join(names)}; handed out in the order {', '.join(came)}")


@cases("base.snapshot", five=Level.SHOULD)
def snapshot(trial: Trial) -> None:
    """What happens to a Job after it was enqueued changes nothing that is stored."""
    job = Job("task", ([1],), {"key": [1]})
    job_id = job.id
    trial.storage.enqueue(job)
    job.args[0].append(2)
    job.kwargs["key"] = "changed"
    job.func_name, job.id, job.attempts = "changed", "changed", 7
    got = trial.storage.dequeue(0)
    expect(got is not None, "a job was enqueued, but dequeue(0) returned None")
    kept = (got.func_name, got.id, got.args, got.kwargs, got.attempts)
    expect(
        kept == ("task", job_id, ([1],), {"key": [1]}, 1),
        f"the caller changed its Job after enqueueing it, and what is stored changed too: {kept}; keep a copy",
    )


@cases("base.hostile_arguments")
def hostile_arguments(trial: Trial) -> None:
    """Arguments come back as they were, or are refused by enqueue; what was accepted never breaks dequeue."""
    values = [
        "", " ", "\x00", "a\x00b", "\r\n", "'; DROP TABLE jobs; --", "%s %d {} {0}", "\U0001f400", "e\u0301", "\u00e9",
        "\ud800", 0, -1, 2**53 + 1, 2**64, -(2**63), 0.1, -0.0, 1e308, 5e-324, True, False, None, [], {}, [[], [[]]],
        {"": {"": None}}, "x" * 100_000, list(range(1000)),
    ]  # fmt: skip
    for value in values:
        job = Job("task", (value,), {"value": value})
        try:
            trial.storage.enqueue(job)
        except Exception:
            continue  # refused, as it may be
        got = trial.storage.dequeue(0)
        if got is None:
            fail(f"enqueue accepted the argument {value!r:.60}, but then there was nothing to dequeue")
        same = repr(got.args) == repr((value,)) and repr(got.kwargs) == repr({"value": value})
        expect(same, f"the argument {value!r:.60} came back as {got.args!r:.60}")
        trial.storage.mark_done(got)


@cases("base.hostile_ids", five=Level.SHOULD)
def hostile_ids(trial: Trial) -> None:
    """Any printable text of up to 255 characters can be the id of a job, and no two are taken for one."""
    ids = [
        "a",
        "A",
        "a ",
        "a.b",
        "../a",
        "/a",
        "a/b",
        "a\\b",
        "%",
        "a%",
        "_",
        "*",
        "?",
        "'",
        '"',
        "\u00e9",
        "e\u0301",
        "{}",
        "-",
        "..",
        "x" * 255,
    ]
    for job_id in ids:
        trial.storage.enqueue(Job("task", (job_id,), id=job_id))
    came = trial.drain()
    wrong = [job.id for job in came if job.args != (job.id,)]
    expect(not wrong, f"jobs were taken for each other: {wrong}")
    missing = sorted(set(ids) - {job.id for job in came})
    expect(not missing, f"jobs with these ids were enqueued and never came: {missing}")


@cases("base.any_exception", five=Level.SHOULD)
def any_exception(trial: Trial) -> None:
    """A job can be marked failed with whatever exception its task raised."""
    for raised in (_Speechless(), _Local(lambda: None), ValueError("\x00\ud800" + "x" * 100_000), KeyError()):
        got = trial.dequeue_after_put("task")
        trial.storage.mark_failed(got, raised)
    expect(trial.storage.dequeue(0) is None, "all jobs were marked failed, but one was handed out again")


class _Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class _Local(Exception):
    """Can't be pickled: it holds a function that has no name."""
