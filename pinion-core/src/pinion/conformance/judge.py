"""Judge: the process in which cases are tried, `python -m pinion.conformance.judge`; the other end is `pinion.conformance.sitting`.

It is told a target and says the facts; it is told cases and says what becomes of each. A case that hangs is its last: it
ends, and another judge goes on. What the storage prints goes to the standard error.
"""

import dataclasses
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, TextIO

from pinion.conformance.broken import Broken, WrongUse
from pinion.conformance.cases import ALL
from pinion.conformance.errand import Errand
from pinion.conformance.facts import Facts, look_at
from pinion.conformance.target import Target
from pinion.conformance.verdict import LIMIT, Result, run
from pinion.identity import new_id

__all__ = ["PULSE", "examine", "main"]

PULSE = 0.5
"""Seconds between two signs of life."""


def main() -> None:
    """Do what standard input asks for, and say it on standard output."""
    say = _Speaker(_private_output())
    asked = json.loads(sys.stdin.readline())
    try:
        target = Target.of(asked["target"])
    except WrongUse as wrong:
        say(wrong_use=str(wrong))
    else:
        facts = examine(target)
        say(facts=dataclasses.asdict(facts))
        _try(target, facts, asked["seed"], json.loads(sys.stdin.readline() or "[]"), say)
    sys.stderr.flush()
    os._exit(0)  # whatever threads the storage left behind


def examine(target: Target) -> Facts:
    """The facts of a storage at that target, also if opening it hangs."""
    with tempfile.TemporaryDirectory(prefix="pinion-conformance-", ignore_cleanup_errors=True) as folder:
        try:
            facts: Facts = Errand(look_at, target, target.fresh(Path(folder), f"kit{new_id()}")).result(LIMIT)
        except Broken:
            return Facts(fault=f"opening it was not over after {LIMIT:g} s")
        return facts


def _try(target: Target, facts: Facts, seed: int, wanted: list[str], say: "_Speaker") -> None:
    by_id = {case.id: case for case in ALL}
    for case_id in wanted:
        say(begin=case_id)
        result = run(by_id[case_id], target, facts, seed)
        say(result=_told(result))
        if result.hung:
            return


def _told(result: Result) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "outcome": result.outcome,
        "seconds": result.seconds,
        "message": result.message,
        "hung": result.hung,
    }


class _Speaker:
    """Writes lines of JSON, and a sign of life when there is nothing to say."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._speaking = threading.Lock()
        threading.Thread(target=self._beat, daemon=True).start()

    def __call__(self, **said: Any) -> None:
        with self._speaking:
            self._output.write(json.dumps(said) + "\n")
            self._output.flush()

    def _beat(self) -> None:
        never = threading.Event()
        while not never.wait(PULSE):
            self(alive=True)


def _private_output() -> TextIO:
    """The standard output, for this module alone: what others print goes to the standard error."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "w", encoding="utf-8")


if __name__ == "__main__":
    main()
