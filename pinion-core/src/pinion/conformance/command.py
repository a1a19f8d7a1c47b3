"""`pinion conformance`: judges a target and says what it found. The click command itself is in `pinion.cli`."""

import difflib
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from pinion.conformance import card
from pinion.conformance.broken import WrongUse
from pinion.conformance.case import Case
from pinion.conformance.cases import ALL
from pinion.conformance.facts import Facts
from pinion.conformance.report import Report
from pinion.conformance.sitting import Sitting
from pinion.conformance.target import PLACE, PLACEHOLDERS
from pinion.storage import Promise

__all__ = ["command"]

CONFORMANT, NOT_CONFORMANT, WRONG_USE, INCOMPLETE = range(4)


def command(target: str | None, json_file: str | None, only: Sequence[str], list_cases: bool, seed: int | None) -> int:
    """Judge the storage at the target; returns the exit status.

    json_file: where to write the report. only: ids of cases, beginnings of some, or promises; all if there are none.
    0: conformant. 1: not. 2: wrong use. 3: it can't be reached, or not every case was run.
    """
    try:
        cases = _chosen(only)
        if list_cases:
            return _list(cases)
        if target is None:
            raise WrongUse("name what is to be judged: a URL, or package.module:factory")
        return _judge(target, cases, random.randrange(10**6) if seed is None else seed, json_file)
    except WrongUse as wrong:
        print(f"pinion conformance: {wrong}", file=sys.stderr)
        return WRONG_USE


def _chosen(only: Sequence[str]) -> Sequence[Case]:
    if not only:
        return ALL
    chosen = {case.id for name in only for case in _named(name)}
    return [case for case in ALL if case.id in chosen]


def _named(name: str) -> Sequence[Case]:
    named = [
        case
        for case in ALL
        if case.id == name or case.promise == name.upper() or case.id.startswith(name.rstrip(".*") + ".")
    ]
    if not named:
        near = difflib.get_close_matches(name, [case.id for case in ALL], 1)
        raise WrongUse(
            f"there is no test {name!r}{f'; did you mean {near[0]!r}?' if near else ''}; --list shows them all"
        )
    return named


def _list(cases: Sequence[Case]) -> int:
    for case in cases:
        promise = f"not {case.promise}" if case.unless else case.promise
        print(f"{case.id:<32} {promise:<16} {case.level:<12} {case.sentence}")
    return CONFORMANT


def _judge(target: str, cases: Sequence[Case], seed: int, json_file: str | None) -> int:
    with Sitting(target, seed) as sitting:
        _check_place(target, sitting.facts)
        if sitting.facts.unreachable:
            print(f"pinion conformance: {target}: {sitting.facts.fault}; nothing was tried", file=sys.stderr)
            _write(json_file, Report(target, sitting.facts, [], seed, whole=False))
            return INCOMPLETE
        report = Report(target, sitting.facts, list(sitting.results(cases)), seed, whole=len(cases) == len(ALL))
    for line in card.lines(report):
        print(line)
    _write(json_file, report)
    return _status(report)


def _check_place(target: str, facts: Facts) -> None:
    """Refuse to touch a storage that somebody uses. Raises WrongUse."""
    if "://" not in target or any(each in target for each in PLACEHOLDERS):
        return
    if facts.waiting > 0:
        raise WrongUse(f"{target} holds {facts.waiting} job(s), and was left as it is; {PLACE}")
    if any(facts.makes(promise) for promise in (Promise.SHARED, Promise.DURABLE)):
        raise WrongUse(f"{target} would be the same storage in every test; {PLACE}")


def _write(json_file: str | None, report: Report) -> None:
    if json_file is None:
        return
    text = json.dumps(report.as_json(), indent=2) + "\n"
    if json_file == "-":
        print(text, end="")
        return
    try:
        Path(json_file).write_text(text, encoding="utf-8")
    except OSError as raised:
        raise WrongUse(f"the report can't be written to {json_file}: {raised.strerror}") from raised


def _status(report: Report) -> int:
    if report.failures or report.untried:
        return NOT_CONFORMANT
    return CONFORMANT if report.whole else INCOMPLETE
