"""Figures: rows of several rounds put together, and written for people."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.stage import Row

__all__ = ["Key", "grouped", "median", "number", "spread", "table"]

Key = tuple[Any, ...]


def grouped(rows: Iterable[Row], *names: str) -> dict[Key, list[Row]]:
    """The rows of all rounds that measured the same thing, in the order of the first round."""
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def median(rows: Iterable[Row], name: str) -> float:
    return float(statistics.median(row[name] for row in rows))


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(rows: Sequence[Row], name: str) -> str:
    """Median, least and greatest."""
    values = [row[name] for row in rows]
    if len(values) == 1:
        return number(values[0])
    return f"**{number(statistics.median(values))}** ({number(min(values))} to {number(max(values))})"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))
