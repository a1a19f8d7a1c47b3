"""Where things are in this repository, for the tests that look at all of it."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = {
    "pinion-core": "pinion",
    "pinion-memory": "pinion_memory",
    "pinion-sqlite": "pinion_sqlite",
    "plugins-example": "pinion_example_file",
}
"""Folder of each distribution, and the package it holds."""


def project(folder: str) -> dict[str, Any]:
    """The `[project]` table of a distribution."""
    table: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return table


def sources(folder: str) -> list[Path]:
    """The Python files of a distribution's package."""
    return sorted((ROOT / folder / "src").rglob("*.py"))
