"""Card: a report as a person reads it, with what to type to see each failure again."""

import shlex
from collections.abc import Iterator

from pinion.conformance.report import PROMISES, Report
from pinion.conformance.verdict import Result

__all__ = ["lines", "reproduce"]


def lines(report: Report) -> Iterator[str]:
    """The card, line by line."""
    yield f"{report.target}: {_kind(report)}, seed {report.seed}"
    yield ""
    for name in PROMISES:
        yield from _promise_line(report, name)
    for result in report.failures:
        yield from _failure(report, result, "FAILED")
    for result in report.warnings:
        yield from _failure(report, result, str(result.level).upper())
    if report.untried:
        yield ""
        yield f"{len(report.untried)} further tests were not tried: {report.untried[0].message}"
    yield ""
    yield _verdict(report)


def _kind(report: Report) -> str:
    return f"{report.facts.kind or 'not opened'}, {'a ClaimStorage' if report.facts.claims else 'five methods'}"


def _promise_line(report: Report, name: str) -> Iterator[str]:
    count = report.as_json()["promises"][name]
    if not (count["made"] or count["passed"] or count["failed"]):
        yield f"  {name:<13} not promised"
        return
    failed = f", {count['failed']} FAILED" if count["failed"] else ""
    note = "" if count["made"] else "  (not promised, and refused)" if not failed else "  (not promised)"
    yield f"  {name:<13} {count['passed']} passed{failed}{note}"


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
    tried = [result for result in report.results if result.tried]
    failures = report.failures
    if failures or report.untried:
        verdict = "not conformant" if report.whole else "no verdict, since not every test was run"
        return f"{verdict}: {len(failures)} of {len(tried)} tests failed; begin with {failures[0].case.id}, the others may follow from it"
    should = f", {len(report.warnings)} of them with a warning" if report.warnings else ""
    if not report.whole:
        return f"no verdict, since not every test was run: {len(tried)} passed{should}"
    return f"conformant: {len(tried)} tests{should}"
