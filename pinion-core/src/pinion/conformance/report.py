"""Report: the results as JSON, as DESIGN section 7 has it, and as a card for the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pinion.conformance.case import BASE, CLAIMS, Level
from pinion.conformance.facts import Facts
from pinion.conformance.verdict import Outcome, Result
from pinion.storage import Promise

__all__ = ["CONFORMANT", "NOT_CONFORMANT", "Report"]

CONFORMANT = "conformant"
NOT_CONFORMANT = "not conformant"
PROMISES = (BASE, CLAIMS, *(str(promise) for promise in Promise))


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found. whole: whether every case was tried, without which there is no verdict."""

    target: str
    facts: Facts
    results: Sequence[Result]
    seed: int
    whole: bool

    @property
    def failures(self) -> list[Result]:
        """What failed and counts, root cause first: cases are tried in the order in which they build on each other."""
        return [result for result in self._failed() if result.level is Level.MUST and result.tried]

    @property
    def untried(self) -> list[Result]:
        """What could not be tried, because of what failed before it."""
        return [result for result in self._failed() if not result.tried]

    @property
    def warnings(self) -> list[Result]:
        """What failed and doesn't count."""
        return [result for result in self._failed() if result.level is not Level.MUST and result.tried]

    def _failed(self) -> Iterator[Result]:
        return (result for result in self.results if result.outcome is Outcome.FAILED)

    @property
    def verdict(self) -> str | None:
        """Conformant or not; None for a run that doesn't decide."""
        if not self.whole:
            return None
        return NOT_CONFORMANT if self.failures or self.untried else CONFORMANT

    def as_json(self) -> dict[str, Any]:
        """The report that `--json` writes."""
        return {
            "target": self.target,
            "verdict": self.verdict,
            "promises": {name: self._count(name) for name in PROMISES},
            "tests": [_test(result) for result in self.results],
        }

    def makes(self, promise: str) -> bool:
        """Whether the storage makes the promise; BASE and CLAIMS are made by being what it is."""
        return promise == BASE or (promise == CLAIMS and self.facts.claims) or self.facts.makes(promise)

    def _count(self, promise: str) -> dict[str, Any]:
        outcomes = [result.outcome for result in self.results if result.case.promise == promise]
        return {
            "made": self.makes(promise),
            "passed": outcomes.count(Outcome.PASSED),
            "failed": outcomes.count(Outcome.FAILED),
        }


def _test(result: Result) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "promise": result.case.promise,
        "level": str(result.level),
        "outcome": str(result.outcome),
        "seconds": round(result.seconds, 3),
        "message": result.message,
    }
