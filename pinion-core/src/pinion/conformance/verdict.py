"""Result: what became of one case; run: try one case, however it may end."""

import sys
import threading
from dataclasses import dataclass
from enum import StrEnum

from pinion.clock import monotonic
from pinion.conformance.case import Case, Level
from pinion.conformance.cause import cause, place
from pinion.conformance.facts import Facts
from pinion.conformance.nursery import Nursery
from pinion.conformance.target import Target
from pinion.conformance.trial import Trial

__all__ = ["LIMIT", "Outcome", "Result", "not_judged", "not_promised", "run"]

LIMIT = 5.0
"""Seconds without progress after which a case is taken to hang."""
_STALL = 0.3
"""Seconds by which a short sleep is late when the machine stood still."""
_TRIES = 3


class Outcome(StrEnum):
    """How a case can end."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_PROMISED = "not promised"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case.

    message: the cause, if it failed. hung: its thread is still there. tried: whether it came to be tried at all.
    """

    case: Case
    level: Level
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    hung: bool = False
    tried: bool = True


def not_promised(case: Case, facts: Facts) -> Result:
    """The case isn't about this storage."""
    return Result(case, case.level_for(facts), Outcome.NOT_PROMISED, tried=False)


def not_judged(case: Case, facts: Facts, why: str) -> Result:
    """The case could not be tried, which is a failure."""
    return Result(case, case.level_for(facts), Outcome.FAILED, message=why, tried=False)


def run(case: Case, target: Target, facts: Facts, seed: int, nursery: Nursery | None = None) -> Result:
    """Try the case; once more if it failed while the machine stood still, since some cases measure time.

    nursery: where its processes come from, if not from the file.
    """
    attempt = _Attempt(case, target, facts, seed, nursery)
    result = attempt.result()
    for _ in range(_TRIES - 1):
        if result.outcome is Outcome.PASSED or result.hung or not attempt.stalled:
            break
        attempt = _Attempt(case, target, facts, seed, nursery)
        result = attempt.result()
    return result


class _Attempt:
    """One attempt at a case, in a thread that can be left behind."""

    def __init__(self, case: Case, target: Target, facts: Facts, seed: int, nursery: Nursery | None) -> None:
        self.case = case
        self.facts = facts
        self.stalled = False
        self.trial = Trial(target, facts, seed, real_time=case.real_time, nursery=nursery)
        self.cause = ""
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._try, name=case.id, daemon=True)

    def result(self) -> Result:
        begun = monotonic()
        self.thread.start()
        hung = not self._wait()
        why = self._where_it_hangs() if hung else self.cause
        outcome = Outcome.FAILED if why else Outcome.PASSED
        return Result(self.case, self.case.level_for(self.facts), outcome, monotonic() - begun, why, hung)

    def _wait(self) -> bool:
        while monotonic() - self.trial.last_progress < LIMIT:
            before = monotonic()
            if self.over.wait(0.05):
                return True
            self.stalled = self.stalled or monotonic() - before > _STALL
        return self.over.is_set()

    def _try(self) -> None:
        try:
            with self.trial:
                self.case.check(self.trial)
        except BaseException as raised:  # whatever a storage raises is what is to be told
            self.cause = cause(raised)
        finally:
            self.over.set()

    def _where_it_hangs(self) -> str:
        frames = sys._current_frames()
        return f"it hung, and was given up after {LIMIT:g} s{place(frames.get(self.thread.ident or 0))}"
