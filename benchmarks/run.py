"""The run: which measurements a round has, in which order; rounds are repeated so that all are interleaved."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import async_tasks, depth, durations, enqueueing, features, load, pickup
from benchmarks.contender import Contender, Setting
from benchmarks.contenders import CONTENDERS, PINION, PINION_SQLITE, PINION_SQLITE_NOFSYNC
from benchmarks.servers import missing_server
from benchmarks.stage import Row, Stage

__all__ = ["GATE_PARTS", "PARTS", "Plan", "absent", "rounds"]

PARTS = ("limit", "load", "durations", "async", "enqueue", "bulk", "pickup", "depth", "features")
"""What can be measured, by name; each gives rows of its own kind."""

GATE_PARTS = ("limit", "load", "durations", "async", "enqueue", "pickup", "depth")
"""The parts that gates rest on."""

LIMIT = Path(__file__).with_name("limit.py")
ONCE = ("bulk", "features")
"""Parts that no gate rests on; measured in the first three rounds. The pick-up of the peers is, in the first."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which parts, of which contenders."""

    parts: Sequence[str] = PARTS
    contenders: Sequence[Contender] = CONTENDERS
    rounds: int = 5


def absent(contender: Contender) -> str | None:
    """Why a contender can't take part here; None if it can."""
    missing = contender.missing() or missing_server(contender.server)
    return f"{missing} is not installed" if missing else None


def rounds(plan: Plan, stage: Stage, say: Callable[[str], None]) -> Iterator[tuple[int, str, Row]]:
    """Measure everything once, then again: (round, part, row), as they are measured."""
    installed = [contender for contender in plan.contenders if not absent(contender)]
    for number in range(plan.rounds):
        present = [each for each in installed if each.rounds is None or number < each.rounds]
        for part in plan.parts:
            for row in _part(part, number, present, stage):
                say(f"round {number + 1} of {plan.rounds}: {part}: {_short(row)}")
                yield number, part, row


def _part(part: str, number: int, present: Sequence[Contender], stage: Stage) -> Iterator[Row]:
    if part in ONCE and number >= 3:
        return iter(())
    match part:
        case "limit":
            return iter([_limit(stage)])
        case "load":
            return (load.measure(each, setting, stage) for each in present for setting in each.settings)
        case "durations":
            return durations.measure(stage)
        case "async":
            return async_tasks.measure(stage)
        case "enqueue":
            return enqueueing.measure(stage)
        case "bulk":
            return (enqueueing.measure_bulk(each, stage) for each in present if each.bulk)
        case "pickup":
            return (pickup.measure(each, setting, stage) for each, setting in _waiting(number, present))
        case "depth":
            return (depth.measure(stage, deep) for deep in stage.deep)
        case "features":
            return features.measure(stage)
    raise ValueError(f"unknown part {part!r}; there are: {', '.join(PARTS)}")


def _waiting(number: int, present: Sequence[Contender]) -> Iterator[tuple[Contender, Setting]]:
    """Whose pick-up this round measures: all in the first, then ours; and with several workers waiting for one job,
    and without the disk.
    """
    for contender in present:
        if not contender.inside and (number == 0 or contender in PINION):
            yield contender, contender.settings[0]
    yield PINION_SQLITE, PINION_SQLITE.setting("four")
    yield PINION_SQLITE_NOFSYNC, PINION_SQLITE_NOFSYNC.setting("default")


def _limit(stage: Stage) -> Row:
    """The frozen script, in a process of its own."""
    command = [sys.executable, str(LIMIT), str(stage.place), str(stage.jobs)]
    row: Row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return row


def _short(row: Row) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in row.items() if not isinstance(value, list))


def _number(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
