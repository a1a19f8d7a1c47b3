"""Fixtures that many test files share. A file whose tests need another thing by that name has a fixture of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sums
from command import Folder
from pinion import Queue, Registry
from pinion.testing import Rehearsal
from pinion_memory import InMemoryStorage
from rehearsed import START, Tasks


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a new queue."""
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def memory() -> Queue:
    """A queue of this process alone, for the tasks of `sums`."""
    return Queue(InMemoryStorage(), registry=sums.registry)


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def rehearsal(tasks: Tasks) -> Iterator[Rehearsal]:
    with Rehearsal(registry=tasks.registry, start=START) as tasks.rehearsal:
        yield tasks.rehearsal
