"""CLAIMS: `wait` and `wake`: a worker that has nothing to do waits, and misses nothing."""

from collections.abc import Sequence
from typing import Any

from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, Level, chapter
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import SOON, Trial
from pinion.job import Job, JobError
from pinion.outcome import Released, Retry

__all__ = ["cases", "wait_for_a_job"]

cases = chapter(CLAIMS)
LONG = 4.0
SHORT = 0.2


@cases("wait.times_out", real_time=True)
def times_out(trial: Trial) -> None:
    """wait returns when its time is over, also if nothing happened; at once if there is no time."""
    for seconds in (0.0, SHORT):
        took = _waited(trial, seconds)
        expect(took < seconds + SOON, f"nothing happened; wait(None, {seconds}) took {took:.2f} s")


@cases("wait.at_once", real_time=True)
def at_once(trial: Trial) -> None:
    """wait returns at once if something is claimable: a new job, one that was released, one whose lease ran out."""
    trial.put("task")
    _returns_at_once(trial, "a job is there")
    trial.settle(trial.take_one(), Released())
    _returns_at_once(trial, "a job was released")
    trial.take_one(lease=0.05)
    trial.elapse(0.1)
    _returns_at_once(trial, "a job's lease ran out")


def _returns_at_once(trial: Trial, because: str) -> None:
    took = _waited(trial, LONG)
    expect(took < 1.0, f"{because}, but wait(None, {LONG:g}) took {took:.2f} s")


@cases("wait.insert", real_time=True)
def insert(trial: Trial) -> None:
    """An insert, by another thread, ends a wait."""
    waiting = trial.start(wait_for_a_job, trial, LONG)
    expect(not waiting.is_done(0.1), "nothing is claimable, but the storage handed out a job")
    trial.put("task")
    waiting.result(SOON, f"wait(None, {LONG:g}), while a job was inserted,")


@cases("wait.settlement", real_time=True)
def settlement(trial: Trial) -> None:
    """A settlement that gives a job back, or brings another one, ends a wait."""
    trial.put("task")
    for outcome, then in ((Released(), []), (Retry(0.0, JobError("ValueError")), [])):
        job = trial.take_one(lease=60.0)
        waiting = trial.start(wait_for_a_job, trial, LONG)
        expect(not waiting.is_done(0.1), "the only job is held, but the storage handed out a job")
        trial.settle(job, outcome, then=then)
        again = waiting.result(SOON, f"wait(None, {LONG:g}), while a job was given back with {type(outcome).__name__},")
        trial.settle(again, Released())


@cases("wait.due", real_time=True)
def due(trial: Trial) -> None:
    """A job that comes due ends a wait."""
    trial.put("task")
    trial.settle(trial.take_one(), Retry(SHORT, JobError("ValueError")))
    began = trial.now()
    wait_for_a_job(trial, LONG)
    took = trial.now() - began
    expect(took < SHORT + SOON, f"a job came due after {SHORT} s, but wait(None, {LONG:g}) took {took:.2f} s")


@cases("wait.lease", real_time=True)
def lease(trial: Trial) -> None:
    """A lease that runs out ends a wait."""
    trial.put("task")
    trial.take_one(lease=SHORT)
    began = trial.now()
    wait_for_a_job(trial, LONG)
    took = trial.now() - began
    expect(took < SHORT + SOON, f"a lease ran out after {SHORT} s, but wait(None, {LONG:g}) took {took:.2f} s")


@cases("wait.wake", real_time=True)
def wake(trial: Trial) -> None:
    """wake ends every wait in progress."""
    began = trial.now()
    waiting = [trial.start(trial.claims.wait, None, 30.0) for _ in range(3)]
    trial.elapse(0.2)
    trial.claims.wake()
    for each in waiting:
        each.result(SOON, "wait(None, 30), after wake() was called,")
    expect(trial.now() - began < SOON + 1, "wake() must end a wait at once")


@cases("wait.no_lost_wake_up", real_time=True)
def no_lost_wake_up(trial: Trial) -> None:
    """An insert while another thread is just about to wait ends that wait."""
    for met in meetings(trial, lambda: _wait_and_insert(trial), once=True, patience=0.08):
        took = met.first
        expect(took < 1.4, f"a job was inserted as wait(None, 1.5) paused {met.stop}, but it went on waiting")


def _wait_and_insert(trial: Trial) -> Scene:
    storage = trial.fresh()
    return Scene(storage, lambda: _waited(trial, 1.5, storage), lambda: storage.insert([Job("task")]))


@cases("wait.rests", real_time=True, level=Level.SHOULD)
def rests(trial: Trial) -> None:
    """wait returns early now and then at most, so that a worker rests while nothing happens."""
    began, returns = trial.now(), 0
    trial.put("held")
    trial.take_one()
    while trial.now() - began < 0.5:
        trial.claims.wait(None, 0.5)
        returns += 1
    expect(returns <= 100, f"nothing happened for half a second, and wait(None, 0.5) returned {returns} times")


def _waited(trial: Trial, seconds: float, storage: Any = None) -> float:
    began = trial.now()
    (storage or trial.claims).wait(None, seconds)
    return trial.now() - began


def wait_for_a_job(trial: Trial, seconds: float, queues: Sequence[str] | None = None) -> Job:
    """As a worker does: claim, and wait where there was nothing."""
    deadline = trial.now() + seconds
    while not (jobs := trial.take(queues=queues)):
        left = deadline - trial.now()
        expect(left > 0, f"a job became claimable, but {seconds:g} s of waiting didn't find it")
        trial.claims.wait(queues, left)
    return jobs[0]
