"""The pytest plugin: it is there wherever pinion-core is installed, and does nothing until a fixture is asked for.

Only this module of `pinion.testing` imports pytest; and it imports the rest of `pinion.testing` when it is used.
"""

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pinion.queue import Queue
    from pinion.testing.rehearsal import Rehearsal

__all__ = ["pinion_inline", "pinion_queue", "pinion_rehearsal"]


@pytest.fixture
def pinion_rehearsal() -> "Iterator[Rehearsal]":
    """A fresh `pinion.testing.Rehearsal`: jobs wait until the test drains it, or advances its clock."""
    from pinion.testing.rehearsal import Rehearsal

    with Rehearsal() as rehearsal:
        yield rehearsal


@pytest.fixture
def pinion_inline() -> "Iterator[Rehearsal]":
    """A fresh `pinion.testing.Rehearsal` whose jobs run as soon as they are enqueued."""
    from pinion.testing.rehearsal import Rehearsal

    with Rehearsal(inline=True) as rehearsal:
        yield rehearsal


@pytest.fixture
def pinion_queue(pinion_rehearsal: "Rehearsal") -> "Queue":
    """The queue of `pinion_rehearsal`, for code that is given one."""
    return pinion_rehearsal.queue


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed also shows the attempts that failed in its rehearsal, by the tasks' own tracebacks."""
    report = yield
    if report.failed and "pinion.testing.rehearsal" in sys.modules:
        for text in _failures(item):
            report.sections.append(("Pinion: an attempt that failed", text))
    return report


def _failures(item: pytest.Item) -> Iterator[str]:
    from pinion.testing.rehearsal import Rehearsal

    given = {id(each): each for each in getattr(item, "funcargs", {}).values() if isinstance(each, Rehearsal)}
    for rehearsal in given.values():
        for job, error in rehearsal.failures:
            yield f"{job}, attempt {job.attempts}\n{error.traceback or error}"
