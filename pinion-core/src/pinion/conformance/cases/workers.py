"""WORKERS: which workers are alive."""

from dataclasses import replace

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses_calls
from pinion.conformance.trial import Trial
from pinion.storage import Promise, WorkerEntry

__all__ = ["cases"]

cases = chapter(Promise.WORKERS)


def _entry(trial: Trial, name: str) -> WorkerEntry:
    return WorkerEntry(name, "host", 4711, trial.moment(-60))


def _expect_alive(trial: Trial, wanted: list[str], because: str) -> None:
    told = [entry.name for entry in trial.workers.workers()]
    expect(told == wanted, f"{because}; workers() must tell {wanted}, but told {told}")


@cases("workers.told")
def told(trial: Trial) -> None:
    """workers tells what each said of itself, and when it did."""
    _expect_alive(trial, [], "no worker said anything")
    said = replace(_entry(trial, "näme % \U0001f400"), queues=("mail", "a,b"), slots=8, running=3)
    trial.workers.report_worker(said, 60.0)
    [entry] = trial.workers.workers()
    expect(entry.seen_at is not None, "a worker said that it is alive; workers() must tell when: seen_at is None")
    got = replace(entry, seen_at=None)
    expect(got == said, f"a worker said {said}; workers() told {got}")
    moment = entry.seen_at or said.started_at
    near = abs((trial.moment(0) - moment).total_seconds())
    expect(near < 60, f"a worker said just now that it is alive; workers() told that it was {near:g} s ago")


@cases("workers.queues")
def queues(trial: Trial) -> None:
    """A worker that takes from all queues is told from one that takes from none in particular, or from one."""
    for name, taken in (("all", None), ("none", ()), ("one", ("default",))):
        trial.workers.report_worker(replace(_entry(trial, name), queues=taken), 60.0)
    got = {entry.name: entry.queues for entry in trial.workers.workers()}
    expect(
        got == {"all": None, "none": (), "one": ("default",)},
        f"one worker takes from all queues, one from none, one from the default; workers() told {got}",
    )


@cases("workers.last_word")
def last_word(trial: Trial) -> None:
    """A worker that says something again is told once, with what it said last."""
    trial.workers.report_worker(replace(_entry(trial, "one"), running=1, pid=1), 60.0)
    first = trial.workers.workers()[0].seen_at
    trial.elapse(0.01)
    trial.workers.report_worker(replace(_entry(trial, "one"), running=2, pid=2), 60.0)
    got = [(entry.running, entry.pid) for entry in trial.workers.workers()]
    expect(got == [(2, 2)], f"a worker said that 1 and then that 2 jobs run; workers() told {got}")
    second = trial.workers.workers()[0].seen_at
    later = first is not None and second is not None and first < second
    expect(later, f"a worker said something at {first} and again later; workers() told {second}")


@cases("workers.by_name")
def by_name(trial: Trial) -> None:
    """workers tells all that are alive, in the order of their names."""
    names = [f"{number:03}" for number in range(12)]
    for name in trial.random.sample(names, len(names)):
        trial.workers.report_worker(_entry(trial, name), 60.0)
    _expect_alive(trial, names, "twelve workers are alive")


@cases("workers.lease")
def lease(trial: Trial) -> None:
    """A worker is alive for as long as it said, from when it said it last; longer or shorter than before."""
    trial.workers.report_worker(_entry(trial, "short"), trial.lease)
    trial.workers.report_worker(_entry(trial, "shorter"), 1000 * trial.lease)
    trial.workers.report_worker(_entry(trial, "shorter"), trial.lease)
    trial.workers.report_worker(_entry(trial, "longer"), trial.lease)
    trial.workers.report_worker(_entry(trial, "longer"), 1000 * trial.lease)
    _expect_alive(trial, ["longer", "short", "shorter"], "the time of none is over")
    trial.elapse(trial.lease + trial.margin)
    _expect_alive(trial, ["longer"], "the time of short and shorter is over")
    trial.workers.report_worker(_entry(trial, "short"), trial.lease)
    _expect_alive(trial, ["longer", "short"], "short is back")


@cases("workers.forgotten")
def forgotten(trial: Trial) -> None:
    """A worker that stopped is told no more, and no other is forgotten; it may stop twice, and come back."""
    for name in ("one", "two"):
        trial.workers.report_worker(_entry(trial, name), 60.0)
    for name in ("one", "one", "never there", "tw_"):
        trial.workers.forget_worker(name)
    _expect_alive(trial, ["two"], "of the workers one and two, one stopped")
    trial.workers.report_worker(_entry(trial, "one"), 60.0)
    _expect_alive(trial, ["one", "two"], "one is back")


@cases("workers.shared", besides=(Promise.SHARED,))
def shared(trial: Trial) -> None:
    """What a worker said by one object is told by another."""
    trial.check_reopens(Promise.SHARED)
    other = trial.open()
    trial.workers.report_worker(_entry(trial, "one"), 60.0)
    got = [entry.name for entry in other.workers()]
    expect(got == ["one"], f"a worker said by another object that it is alive; workers() told {got}")
    other.forget_worker("one")
    _expect_alive(trial, [], "another object was told that the worker stopped")


@cases("workers.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, workers can't say that they are alive: the methods are absent, or raise Unsupported."""
    refuses_calls(
        trial,
        Promise.WORKERS,
        {"report_worker": (_entry(trial, "one"), 60.0), "forget_worker": ("one",), "workers": ()},
    )
