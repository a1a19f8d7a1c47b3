"""The table of features says yes where a test shows it, and no elsewhere."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from repository import ROOT

PAGE = ROOT / "docs" / "features.md"
LINK = re.compile(r"\[[^\]]+\]\((?P<file>[^)#]+)#(?P<test>[^)]+)\)")


class Row(NamedTuple):
    """A row of one of the tables: the feature, what is said of Pinion, and what is said of its peers."""

    feature: str
    ours: str
    theirs: tuple[str, ...]


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [Row(feature, ours, tuple(theirs)) for feature, ours, *theirs in cells if feature]


@cache
def functions(file: Path) -> frozenset[str]:
    """The functions that a file defines at its top."""
    return frozenset(
        node.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_there_are_tables_and_every_row_speaks_of_every_peer() -> None:
    assert len(rows()) > 40
    assert {len(row.theirs) for row in rows()} == {11}
    assert all(row.theirs.count("") == 0 for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.feature)
def test_a_feature_of_ours_is_a_link_to_its_test_or_a_no(row: Row) -> None:
    links = list(LINK.finditer(row.ours))

    assert links or row.ours == "no", row.ours
    for link in links:
        file = (PAGE.parent / link["file"]).resolve()
        assert file.is_relative_to(ROOT) and file.is_file(), link.group()
        assert link["test"] in functions(file), link.group()
