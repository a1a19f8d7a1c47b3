"""The kit under pytest: a class whose methods are the cases."""

import atexit
import functools
import os
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

import pinion.conformance.machine  # noqa: F401  # Hypothesis takes its time, which is not for a test to use up
from pinion.conformance.broken import WrongUse
from pinion.conformance.case import Case, Level
from pinion.conformance.cases import ALL
from pinion.conformance.facts import Facts, examine
from pinion.conformance.nursery import Nursery
from pinion.conformance.process import environment
from pinion.conformance.target import Target
from pinion.conformance.verdict import Outcome, run

__all__ = ["conformance"]


class _Guarded(type):
    """Keeps the cases of a class as they are, in itself and in what is derived from it."""

    def __setattr__(cls, name: str, value: object) -> None:
        if name in _METHODS:
            _refuse(name)
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        if name in _METHODS:
            _refuse(name)
        super().__delattr__(name)

    def __init__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any], **options: Any) -> None:
        super().__init__(name, bases, space, **options)
        if any(isinstance(base, _Guarded) for base in bases):
            for method in _METHODS & set(space):
                _refuse(method)


def _refuse(name: str) -> NoReturn:
    raise WrongUse(
        f"{name} is a case of the conformance kit, which can't be overridden; change the storage, or what it promises"
    )


def conformance(target: str | Callable[..., Any], *, seed: int = 0) -> type:
    """A class of tests, one for each case, to be assigned to a name that begins with Test.

    target: as on the command line, or the factory itself. It is opened when the first test runs, and one that can't be
    reached fails every test. Cases that nobody promised are skipped, and say so; none can be overridden.
    """
    methods = {_method_name(case): _method(case) for case in ALL}
    body = {"__doc__": f"The conformance kit on {target}.", "_bench": _Bench(target, seed), **methods}
    return _Guarded("Conformance", (), body)


class _Bench:
    """What the tests of one class share: the target, and its facts once they are known."""

    def __init__(self, target: str | Callable[..., Any], seed: int) -> None:
        self._given = target
        self.seed = seed
        self._target: Target | None = None
        self._facts: Facts | None = None

    @property
    def target(self) -> Target:
        if self._target is None:
            self._target = Target.of(self._given)
        return self._target

    @property
    def facts(self) -> Facts:
        if self._facts is None:
            self._facts = examine(self.target)
        return self._facts

    def try_case(self, case: Case) -> None:
        __tracebackhide__ = True
        if self.facts.fault or self.facts.waiting > 0:
            pytest.fail(
                self.facts.fault or f"a new storage must be empty, but holds {self.facts.waiting} jobs", pytrace=False
            )
        if not case.applies(self.facts):
            pytest.skip(f"{self.facts.kind} doesn't promise what this is about: {case.promise}")
        nursery = _nursery() if self.facts.reopens else None  # else no other process can open the storage
        result = run(case, self.target, self.facts, self.seed, nursery)
        if result.outcome is Outcome.FAILED:
            self._fail(case, result.level, result.message)

    def _fail(self, case: Case, level: Level, message: str) -> None:
        __tracebackhide__ = True
        text = f"{case.sentence}\n{message}\nseed {self.seed}"
        if level is Level.MUST:
            pytest.fail(text, pytrace=False)
        pytest.xfail(f"{level}: {text}")


def _nursery() -> Nursery | None:
    """Where the programs of the cases come from: one for as long as they would find the same folder and environment."""
    if not Nursery.is_possible():
        return None
    found = {name: value for name, value in environment().items() if name != "PYTEST_CURRENT_TEST"}
    return _nursery_in(os.getcwd(), tuple(sorted(found.items())))


@functools.lru_cache(maxsize=1)
def _nursery_in(folder: str, found: tuple[tuple[str, str], ...]) -> Nursery:
    nursery = Nursery.started(dict(found))
    atexit.register(nursery.close)
    return nursery


def _method_name(case: Case) -> str:
    return f"test_{case.id.replace('.', '_')}"


_METHODS = frozenset(_method_name(case) for case in ALL)


def _method(case: Case) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        __tracebackhide__ = True
        self._bench.try_case(case)

    test.__name__ = _method_name(case)
    test.__qualname__ = f"Conformance.{test.__name__}"
    test.__doc__ = case.sentence
    return test
