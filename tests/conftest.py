"""Fixtures that many test files share. A file whose tests need another thing by that name has a fixture of its own."""

from pathlib import Path

import pytest

from command import Folder
from pinion import Registry


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
