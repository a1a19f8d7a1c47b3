"""BASE: blocking, waking up, and several threads at once."""

import threading
from functools import partial
from typing import Any

from pinion.conformance.broken import expect
from pinion.conformance.case import BASE, chapter
from pinion.conformance.errand import Errand
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import SOON, Trial
from pinion.job import Job

__all__ = ["cases"]

cases = chapter(BASE)
LONG = 30.0
"""Seconds that many calls may take, as long as each comes to an end."""
BRIEFLY = 0.15
"""Seconds after which a thread that was started has come to wait."""


@cases("base.any_thread")
def any_thread(trial: Trial) -> None:
    """Every method may be called from any thread, not only from the one that opened the storage."""
    storage = trial.storage
    trial.start(storage.enqueue, Job("one")).result(SOON, "enqueue() in another thread")
    trial.start(storage.enqueue, Job("two")).result(SOON, "enqueue() in another thread")
    got = trial.start(storage.dequeue, 0).result(SOON, "dequeue(0) in another thread")
    expect(got is not None, "a job was enqueued in one thread, but dequeue(0) in another returned None")
    trial.start(storage.mark_done, got).result(SOON, "mark_done() in another thread")
    got = trial.start(storage.dequeue, 0).result(SOON, "dequeue(0) in another thread")
    trial.start(storage.mark_failed, got, ValueError("no")).result(SOON, "mark_failed() in another thread")
    size = trial.start(storage.size).result(SOON, "size() in another thread")
    expect(size == 0, f"nothing is pending, but size() in another thread is {size}")


@cases("base.atomic")
def atomic(trial: Trial) -> None:
    """However two threads take turns in dequeue, no job is handed out twice, and none is lost."""
    for wanted in (["one"], ["one", "two"]):
        for met in meetings(trial, partial(_two_dequeues, trial, wanted)):
            got = [job for job in (met.first, met.second, *trial.drain(met.storage)) if job is not None]
            came = sorted(job.func_name for job in got)
            expect(
                came == wanted,
                f"the jobs {wanted} were enqueued; of two threads, one paused in dequeue() {met.stop} while the other "
                f"dequeued; handed out: {came or 'none'}",
            )


def _two_dequeues(trial: Trial, names: list[str]) -> Scene:
    storage = trial.fresh()
    trial.put(*names, into=storage)
    return Scene(storage, lambda: storage.dequeue(0), lambda: storage.dequeue(0))


@cases("base.atomic_enqueue")
def atomic_enqueue(trial: Trial) -> None:
    """However one thread's enqueue and another's dequeue take turns, the job is handed out whole and once."""
    for met in meetings(trial, lambda: _enqueue_and_dequeue(trial)):
        got = [job for job in (met.second, *trial.drain(met.storage)) if job is not None]
        came = [(job.func_name, job.args) for job in got]
        expect(
            came == [("task", (1,))],
            f"one job was enqueued, while another thread dequeued as enqueue() paused {met.stop}; handed out: {came}",
        )


def _enqueue_and_dequeue(trial: Trial) -> Scene:
    storage = trial.fresh()
    return Scene(storage, lambda: storage.enqueue(Job("task", (1,))), lambda: storage.dequeue(0))


@cases("base.short_timeout", real_time=True)
def short_timeout(trial: Trial) -> None:
    """dequeue(seconds) of an empty storage waits so long, and then returns None."""
    for seconds in (0.05, 0.3):
        began = trial.now()
        got = trial.storage.dequeue(seconds)
        took = trial.now() - began
        expect(got is None, f"the storage is empty, but dequeue({seconds}) returned {got!r}")
        expect(
            took > seconds * 0.9 - 0.01,
            f"dequeue({seconds}) must wait for {seconds} s, but returned after {took:.3f} s",
        )
        expect(took < seconds + SOON, f"dequeue({seconds}) must return after {seconds} s, but took {took:.2f} s")


@cases("base.wakes", real_time=True)
def wakes(trial: Trial) -> None:
    """A waiting dequeue returns the job as soon as it is enqueued, by another thread."""
    for timeout in (None, 4.0):
        waiting = trial.start(trial.storage.dequeue, timeout)
        expect(
            not waiting.is_done(BRIEFLY),
            f"the storage is empty, but dequeue({timeout}) returned after less than {BRIEFLY} s",
        )
        _enqueue_in_time(trial, Job("task"))
        got = waiting.result(SOON, f"dequeue({timeout}), while a job was enqueued,")
        expect(isinstance(got, Job), f"a job was enqueued while dequeue({timeout}) waited, but it returned {got!r}")


def _enqueue_in_time(trial: Trial, *jobs: Job) -> None:
    for job in jobs:
        trial.start(trial.storage.enqueue, job).result(SOON, "enqueue(), while another thread waits in dequeue(),")


@cases("base.free_while_waiting", real_time=True)
def free_while_waiting(trial: Trial) -> None:
    """While one thread waits in dequeue, every other method can be called from other threads."""
    storage = trial.storage
    held = trial.dequeue_after_put("one")
    other = trial.dequeue_after_put("two")
    waiting = trial.start(storage.dequeue, 4.0)
    expect(not waiting.is_done(BRIEFLY), f"nothing is pending, but dequeue(4.0) returned after less than {BRIEFLY} s")
    trial.start(storage.size).result(1.0, "size(), while another thread waits in dequeue(),")
    trial.start(storage.mark_done, held).result(1.0, "mark_done(), while another thread waits in dequeue(),")
    trial.start(storage.mark_failed, other, ValueError("no")).result(
        1.0, "mark_failed(), while another thread waits in dequeue(),"
    )
    trial.start(storage.dequeue, 0).result(1.0, "dequeue(0), while another thread waits in dequeue(),")
    trial.start(storage.enqueue, Job("three")).result(1.0, "enqueue(), while another thread waits in dequeue(),")
    expect(
        waiting.result(SOON, "dequeue(4.0), while a job was enqueued,") is not None,
        "a waiting dequeue missed the job that was enqueued",
    )


@cases("base.one_waiter", real_time=True)
def one_waiter(trial: Trial) -> None:
    """Where several threads wait and one job comes, one of them gets it and the others go on waiting, until their time is over."""
    seconds = 0.5
    waiting = [trial.start(_timed, trial, trial.storage, seconds) for _ in range(3)]
    expect(
        not any(each.is_done(BRIEFLY / 3) for each in waiting),
        f"the storage is empty, but a dequeue({seconds}) returned at once",
    )
    _enqueue_in_time(trial, Job("task"))
    got = [each.result(seconds + SOON, f"dequeue({seconds})") for each in waiting]
    jobs = [job for job, _ in got if job is not None]
    expect(len(jobs) == 1, f"one job was enqueued, but {len(jobs)} of three waiting threads got one")
    shortest = min(took for job, took in got if job is None)
    expect(
        shortest > seconds * 0.9 - 0.01,
        f"a dequeue({seconds}) that got no job returned None already after {shortest:.2f} s",
    )


def _timed(trial: Trial, storage: Any, seconds: float) -> tuple[Job | None, float]:
    began = trial.now()
    return storage.dequeue(seconds), trial.now() - began


@cases("base.every_waiter", real_time=True)
def every_waiter(trial: Trial) -> None:
    """Where several threads wait, each of as many jobs wakes one of them."""
    waiting = [trial.start(trial.storage.dequeue, None) for _ in range(3)]
    expect(not any(each.is_done(BRIEFLY / 3) for each in waiting), "the storage is empty, but a dequeue(None) returned")
    _enqueue_in_time(trial, Job("one"), Job("two"), Job("three"))
    got = [
        each.result(SOON, "dequeue(None) in each of three threads, while three jobs were enqueued,") for each in waiting
    ]
    came = sorted(job.func_name for job in got if job is not None)
    expect(came == ["one", "three", "two"], f"three waiting threads must get one of three jobs each, but got {came}")


@cases("base.no_lost_wake_up", real_time=True)
def no_lost_wake_up(trial: Trial) -> None:
    """A job that is enqueued while another thread is just about to wait wakes that thread."""
    for met in meetings(trial, lambda: _wait_and_enqueue(trial), once=True, patience=0.08):
        got, took = met.first
        expect(
            got is not None and took < 1.4,
            f"a job was enqueued as dequeue(1.5) paused {met.stop}, but it went on waiting: the wake-up was lost",
        )


def _wait_and_enqueue(trial: Trial) -> Scene:
    storage = trial.fresh()
    return Scene(storage, lambda: _timed(trial, storage, 1.5), lambda: storage.enqueue(Job("task")))


@cases("base.exactly_once")
def exactly_once(trial: Trial) -> None:
    """Among threads that enqueue and dequeue at once, every job is handed out exactly once."""
    producers, each = 2, 60
    wanted = {f"{producer}.{number}" for producer in range(producers) for number in range(each)}
    finished = threading.Event()
    consumers = [trial.start(_consume, trial, finished) for _ in range(3)]
    produced = [
        trial.start(trial.put, *(f"{producer}.{number}" for number in range(each))) for producer in range(producers)
    ]
    for one in produced:
        one.result(LONG, f"enqueueing {each} jobs in each of {producers} threads")
    finished.set()
    came = [name for consumer in consumers for name in _names(consumer)]
    twice = sorted({name for name in came if came.count(name) > 1})
    expect(
        not twice,
        f"{producers} threads enqueued and 3 dequeued: these jobs were handed out more than once: {twice[:5]}",
    )
    missing = sorted(wanted - set(came))
    expect(
        not missing,
        f"{producers} threads enqueued and 3 dequeued: {len(missing)} of {len(wanted)} jobs never came, such as {missing[:5]}",
    )


def _consume(trial: Trial, finished: threading.Event) -> list[str]:
    came: list[str] = []
    while True:
        over = finished.is_set()
        job = trial.storage.dequeue(0)
        if job is not None:
            came.append(job.func_name)
            trial.storage.mark_done(job)
            trial.progress()
        elif over:
            return came
        else:
            finished.wait(0.001)


def _names(consumer: Errand) -> list[str]:
    names: list[str] = consumer.result(LONG, "dequeueing in each of three threads")
    return names
