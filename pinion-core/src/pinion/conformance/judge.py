"""Judge: the process in which cases are tried, `python -m pinion.conformance.judge`; the other end is
`pinion.conformance.sitting`.

It is told a target and says the facts; it is told cases and says what becomes of each. A case that hangs is its last:
it ends, and another judge goes on. What the storage prints goes to the standard error.
"""

import dataclasses
import json
import os
import sys
import threading
from typing import Any

from pinion.conformance.broken import WrongUse
from pinion.conformance.cases import ALL
from pinion.conformance.facts import Facts, examine
from pinion.conformance.nursery import Nursery
from pinion.conformance.speaker import Speaker
from pinion.conformance.target import Target
from pinion.conformance.verdict import Result, run

__all__ = ["main"]

PULSE = 0.5
"""Seconds between two signs of life."""


def main() -> None:
    """Do what standard input asks for, and say it on standard output."""
    nursery = Nursery.copied() if Nursery.is_possible() else None
    speaker = Speaker()
    threading.Thread(target=_beat, args=(speaker,), daemon=True).start()
    asked = json.loads(sys.stdin.readline())
    try:
        target = Target.of(asked["target"])
        facts = examine(target)
    except WrongUse as wrong:
        speaker.say({"wrong_use": str(wrong)})
    else:
        speaker.say({"facts": dataclasses.asdict(facts)})
        _try(target, facts, asked["seed"], json.loads(sys.stdin.readline() or "[]"), speaker, nursery)
    sys.stderr.flush()
    os._exit(0)  # whatever threads the storage left behind


def _try(target: Target, facts: Facts, seed: int, wanted: list[str], speaker: Speaker, nursery: Nursery | None) -> None:
    by_id = {case.id: case for case in ALL}
    for case_id in wanted:
        speaker.say({"begin": case_id})
        result = run(by_id[case_id], target, facts, seed, nursery)
        speaker.say({"result": _told(result)})
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


def _beat(speaker: Speaker) -> None:
    """Give signs of life."""
    never = threading.Event()
    while not never.wait(PULSE):
        speaker.say({"alive": True})


if __name__ == "__main__":
    main()
