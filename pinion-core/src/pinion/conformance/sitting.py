"""Sitting: all cases tried on one target, by judges in processes of their own, within the time there is."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pinion.clock import monotonic
from pinion.conformance.broken import WrongUse
from pinion.conformance.case import Case
from pinion.conformance.cases import FOUNDATION
from pinion.conformance.facts import Facts
from pinion.conformance.nursery import Child, Nursery
from pinion.conformance.process import end, end_children, environment
from pinion.conformance.verdict import LIMIT, Outcome, Result, not_judged, not_promised

__all__ = ["NO_TRACES", "Sitting"]

FIVE_METHODS_TIME = 17.0
"""Seconds for the cases of a five-method storage, so that it is judged within 20."""
NO_TRACES = {"HYPOTHESIS_STORAGE_DIRECTORY": os.path.join(os.devnull, "hypothesis")}
"""Hypothesis would keep notes in the current folder; it goes on without where it can't."""
START = 15.0
"""Seconds that a judge may take until it says what the storage is: on a busy machine, Python and the imports need most."""
SILENCE = LIMIT + 2.0
"""Seconds without a sign of life after which a judge is dead: a case holds it fast, as only compiled code can."""


class Sitting:
    """Judges one target. Close it, or use it as a context manager.

    nursery: where its judges come from, if not from the file; they go by its folder and environment.
    """

    def __init__(self, target: str, seed: int, nursery: Nursery | None = None) -> None:
        self.target = target
        self.seed = seed
        self._nursery = nursery
        self._began = monotonic()
        self._judge = _Judge(target, seed, nursery)
        self.facts = self._judge.facts()

    def results(self, cases: Sequence[Case]) -> Iterator[Result]:
        """What becomes of each of the cases, in their order, one after the other."""
        stop = self._obstacle()
        if stop:
            yield from self._without_trying(cases, stop)
            return
        left = list(cases)
        while left:
            for result in self._session(tuple(left)):
                left.remove(result.case)
                yield result
                if result.case.id in FOUNDATION and result.outcome is Outcome.FAILED:
                    stop = f"{result.case.id} failed, without which they tell nothing"
                    break
            if stop or self._time_is_up():
                yield from (self._skipped(case, stop or TIME_IS_UP) for case in left)
                return

    def _obstacle(self) -> str:
        """Why nothing can be tried."""
        if self.facts.fault:
            return self.facts.fault
        if self.facts.waiting > 0:
            return f"a new storage must be empty, but this one was opened with {self.facts.waiting} jobs; nothing in it was touched"
        return ""

    def _without_trying(self, cases: Sequence[Case], stop: str) -> Iterator[Result]:
        guilty = "base.opens" if self.facts.fault else "base.fresh"
        for case in cases:
            if case.id == guilty:
                yield Result(case, case.level_for(self.facts), Outcome.FAILED, message=stop)
            elif case.id == "base.opens":
                yield Result(case, case.level_for(self.facts), Outcome.PASSED)
            else:
                yield self._skipped(case, stop)

    def _skipped(self, case: Case, why: str) -> Result:
        return not_judged(case, self.facts, why) if case.applies(self.facts) else not_promised(case, self.facts)

    def _session(self, cases: Sequence[Case]) -> Iterator[Result]:
        """What one judge comes to: it ends with the cases, with the time, or with a case that hangs or kills it."""
        applying = [case for case in cases if case.applies(self.facts)]
        judge = self._next_judge()
        judge.ask([case.id for case in applying])
        for case in cases:
            if case not in applying:
                yield not_promised(case, self.facts)
                continue
            result = judge.result(case, self.facts, self._time_left)
            yield result
            if result.hung:
                break
        judge.end()

    def _next_judge(self) -> "_Judge":
        if self._judge.ended:
            self._judge = _Judge(self.target, self.seed, self._nursery)
            self._judge.facts()
        return self._judge

    def _time_left(self) -> float:
        return 600.0 if self.facts.claims else FIVE_METHODS_TIME - (monotonic() - self._began)

    def _time_is_up(self) -> bool:
        return self._time_left() <= 0

    def close(self) -> None:
        """End the judge."""
        self._judge.end()

    def __enter__(self) -> "Sitting":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


TIME_IS_UP = "the time for a five-method storage was used up by those that hung"


class _Judge:
    """A process that tries cases until it is ended, or one hangs."""

    def __init__(self, target: str, seed: int, nursery: Nursery | None) -> None:
        self.ended = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = nursery.start(()) if nursery else _started()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._write({"target": target, "seed": seed})

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _write(self, asked: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def facts(self) -> Facts:
        """What the storage is. Raises WrongUse."""
        said = self._said(START, silence=START)
        if said is None:
            return Facts(fault=f"opening it, or asking for its size, {self._death()}")
        if "wrong_use" in said:
            raise WrongUse(said["wrong_use"])
        facts = said["facts"]
        return Facts(**{**facts, "promises": tuple(facts["promises"])})

    def ask(self, case_ids: Sequence[str]) -> None:
        """Let it try these cases, once."""
        self._write(case_ids)

    def result(self, case: Case, facts: Facts, time_left: Callable[[], float]) -> Result:
        """What became of the case, which is the next one."""
        level = case.level_for(facts)
        while (said := self._said(time_left())) is not None:
            told = said.get("result")
            if told and told["id"] == case.id:
                return Result(case, level, Outcome(told["outcome"]), told["seconds"], told["message"], told["hung"])
        return Result(case, level, Outcome.FAILED, message=f"it {self._death()}", hung=True)

    def _death(self) -> str:
        """How it ended, now at the latest."""
        status = self._process.poll()
        self.end()
        return "hung and had to be killed" if status is None else f"ended the whole process, with status {status}"

    def _said(self, within: float, silence: float = SILENCE) -> Any:
        """What it says next that isn't a mere sign of life; None if it ended, is silent, or the time is up."""
        deadline = monotonic() + within
        while (left := min(silence, deadline - monotonic())) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                return None
            if not line:
                self._process.wait()
                return None
            said = json.loads(line)
            if "alive" not in said:
                return said
        return None

    def end(self) -> None:
        """Kill it, if it is still there."""
        if not self.ended:
            end_children(self._process)
        self.ended = True
        end(self._process, self._listener)


def _started() -> Child:
    return subprocess.Popen(
        [sys.executable, "-m", "pinion.conformance.judge"],
        env=environment() | NO_TRACES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that what the storage leaves behind can be ended with it
    )
