"""Card: a report as a person reads it, with what to type to see each failure again."""

import shlex
from collections.abc import Iterator, Sequence

from pinion.conformance.case import Level
from pinion.conformance.report import PROMISES, Report
from pinion.conformance.target import OPTIONS
from pinion.conformance.verdict import Outcome, Result

__all__ = ["lines", "reproduce"]


def lines(report: Report) -> Iterator[str]:
    """The card, line by line."""
    yield f"{report.target}: {_kind(report)}, seed {report.seed}"
    yield ""
    yield from _promises(report)
    for result in report.failures:
        yield from _failure(report, result, "FAILED")
    for result in report.warnings:
        yield from _failure(report, result, str(result.level).upper())
    if report.untried:
        yield ""
        why = report.untried[0].message
        told = any(failure.message == why for failure in report.failures)
        yield f"{len(report.untried)} further tests were not tried{' because of it' if told else f': {why}'}"
    yield ""
    yield _verdict(report)


def _kind(report: Report) -> str:
    return f"{report.facts.kind or 'not opened'}, {'a ClaimStorage' if report.facts.claims else 'five methods'}"


def _promises(report: Report) -> Iterator[str]:
    """A line for each promise that was looked at, and one for those that weren't made."""
    for name in PROMISES:
        results = [result for result in report.results if result.case.promise == name and result.tried]
        if results:
            yield f"  {name:<13} {_count(results)}{'' if report.makes(name) else '  (not promised, and to be refused)'}"
    absent = [name for name in PROMISES if not report.makes(name)]
    if absent and report.whole:
        yield f"  not promised: {', '.join(absent)}"
    if report.facts.claims and report.whole:
        yield from _left_out(report)


def _left_out(report: Report) -> Iterator[str]:
    """Which tests were left out because the storage can't be given what they need."""
    for option in OPTIONS:
        if not getattr(report.facts, option):
            number = sum(getattr(result.case, option) and not result.tried for result in report.results)
            tests = f"{number} test{' was' if number == 1 else 's were'} left out"
            slow = ", and the kit had to wait where it could have moved time" if option == "clock" else ""
            yield f"  no {option}: {tests}{slow}; let what opens it take `{option}`, and pass it on"


def _count(results: Sequence[Result]) -> str:
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    serious = sum(result.level is Level.MUST for result in failed)
    parts = [
        f"{len(results) - len(failed)} passed",
        f"{serious} FAILED" if serious else "",
        f"{len(failed) - serious} with a warning" if len(failed) > serious else "",
    ]
    return ", ".join(part for part in parts if part)


def _failure(report: Report, result: Result, word: str) -> Iterator[str]:
    yield ""
    yield f"{word} {result.case.id}"
    yield f"  rule:      {result.case.sentence}"
    yield f"  cause:     {result.message}"
    yield f"  reproduce: {reproduce(report, result)}"


def reproduce(report: Report, result: Result) -> str:
    """The command that tries that case alone again."""
    return f"pinion conformance {shlex.quote(report.target)} --only {result.case.id} --seed {report.seed}"


def _verdict(report: Report) -> str:
    tried = sum(result.tried for result in report.results)
    verdict = report.verdict or "no verdict, since not every test was run"
    if report.failures:
        first = report.failures[0].case.id
        return (
            f"{verdict}: {len(report.failures)} of {tried} tests failed; begin with {first}, others may follow from it"
        )
    should = f", {len(report.warnings)} more with a warning" if report.warnings else ""
    passed = tried - len(report.warnings)
    return f"{verdict}: {passed} test{'' if passed == 1 else 's'} passed{should}"
