"""Case: one rule of the storage interface, and the check that shows whether a storage keeps it.

The sentence of a case is the docstring of its check. The list of all cases is in `pinion.conformance.cases`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pinion.conformance.facts import Facts
from pinion.conformance.trial import Trial
from pinion.storage import Promise

__all__ = ["BASE", "CLAIMS", "Case", "Level", "chapter"]

BASE = "BASE"
"""What every storage promises: the five methods."""
CLAIMS = "CLAIMS"
"""What every ClaimStorage promises, by being one."""

type Check = Callable[[Trial], None]


class Level(StrEnum):
    """How much depends on a case."""

    MUST = "must"
    """Decides the verdict."""
    SHOULD = "should"
    """Reported; the verdict doesn't depend on it."""
    PROVISIONAL = "provisional"
    """New: reported, and a MUST in the next version of the interface."""


@dataclass(frozen=True, slots=True)
class Case:
    """One rule.

    id: stable, such as "claim.one_holder".
    promise: BASE, CLAIMS or the name of a Promise.
    five: the level for a storage that has five methods only.
    besides: promises that it takes to see whether the rule holds.
    unless: the rule of a storage that does not make the promise.
    clock, codec: the rule can be tested only where the storage takes one.
    real_time: give the storage the system's clock even where it takes one moved by hand.
    """

    id: str
    promise: str
    check: Check
    level: Level = Level.MUST
    five: Level = Level.MUST
    besides: tuple[Promise, ...] = ()
    unless: bool = False
    clock: bool = False
    codec: bool = False
    real_time: bool = False

    @property
    def sentence(self) -> str:
        """The rule, in one sentence."""
        return " ".join((self.check.__doc__ or "").split())

    def level_for(self, facts: Facts) -> Level:
        """How much depends on the case for that storage."""
        return self.five if self.promise == BASE and not facts.claims else self.level

    def applies(self, facts: Facts) -> bool:
        """Whether the storage promised what the case is about."""
        if (self.codec and not facts.codec) or (self.clock and not facts.clock):
            return False
        if self.unless:
            return facts.claims and not facts.makes(self.promise)
        return self._promised(facts) and all(facts.makes(promise) for promise in self.besides)

    def _promised(self, facts: Facts) -> bool:
        if self.promise == BASE:
            return True
        return facts.claims and (self.promise == CLAIMS or facts.makes(self.promise))


class Chapter(list[Case]):
    """The cases of one promise, in the order in which they are tried: what the others rest on comes first."""

    def __init__(self, promise: str) -> None:
        super().__init__()
        self.promise = promise

    def __call__(
        self,
        case_id: str,
        *,
        level: Level = Level.MUST,
        five: Level | None = None,
        besides: tuple[Promise, ...] = (),
        unless: bool = False,
        clock: bool = False,
        codec: bool = False,
        real_time: bool = False,
    ) -> Callable[[Check], Check]:
        """Decorator: the function is the check of a case of this chapter."""

        def add(check: Check) -> Check:
            self.append(
                Case(case_id, self.promise, check, level, five or level, besides, unless, clock, codec, real_time)
            )
            return check

        return add


def chapter(promise: str) -> Chapter:
    """A new, empty list of cases about one promise."""
    return Chapter(promise)
