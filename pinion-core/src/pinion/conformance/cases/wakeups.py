"""WAKEUPS: `wait` returns within milliseconds of an insert by another process, without polling for it."""

import threading

from pinion.conformance.broken import expect
from pinion.conformance.case import Level, chapter
from pinion.conformance.lines import Lines, roots_of
from pinion.conformance.trial import SOON, Trial
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Promise

__all__ = ["cases"]

cases = chapter(Promise.WAKEUPS)
ROUNDS = 7
WITHIN = 0.05
"""Seconds, at the median: far more than it takes, and far less than a poll that costs nothing."""
FEW_LINES = 400


@cases("wakeups.no_polling", real_time=True)
def no_polling(trial: Trial) -> None:
    """While nothing happens, a wait executes next to nothing."""
    executed = 0
    waiting = trial.start(trial.claims.wait, None, 1.2)
    trial.elapse(0.2)  # it has come to rest

    def count(file: str, line: int) -> None:
        nonlocal executed
        executed += threading.get_ident() == waiting.ident

    with Lines(roots_of(trial.storage), count):
        waiting.result(1.2 + SOON, "wait(None, 1.2)")
    expect(executed < FEW_LINES, f"nothing happened for a second, and wait executed {executed} lines: it polls")


@cases("wakeups.prompt", real_time=True, level=Level.SHOULD)
def prompt(trial: Trial) -> None:
    """A wait returns within milliseconds of an insert, by another process where the storage is shared."""
    delays = sorted(_delays_from_process(trial) if trial.facts.makes(Promise.SHARED) else _delays_from_thread(trial))
    median = delays[len(delays) // 2]
    expect(median < WITHIN, f"of {ROUNDS} inserts, the median was found after {median * 1000:.0f} ms")


def _delays_from_process(trial: Trial) -> list[float]:
    process = trial.process("insert_when_told")
    process.line()
    delays = []
    for _ in range(ROUNDS):
        waiting = trial.start(_first, trial)
        trial.elapse(0.05)
        process.say()
        found = waiting.result(SOON, "a wait, while another process inserted a job,")
        delays.append(found - process.line()["at"])
    return delays


def _delays_from_thread(trial: Trial) -> list[float]:
    delays = []
    for _ in range(ROUNDS):
        waiting = trial.start(_first, trial)
        trial.elapse(0.05)
        began = trial.now()
        trial.storage.enqueue(Job("task"))
        delays.append(waiting.result(SOON, "a wait, while another thread inserted a job,") - began)
    return delays


def _first(trial: Trial) -> float:
    """Wait for a job as a worker does; when it was got."""
    while not (jobs := trial.take()):
        trial.claims.wait(None, 4.0)
    got = trial.now()
    trial.settle(jobs[0], Done())
    return got
