"""The plots of docs/benchmarks.md, each from the results as SVG."""

import statistics
from collections.abc import Callable, Sequence

from benchmarks.chart import Bar, bars
from benchmarks.figures import grouped, median
from benchmarks.results import Results
from benchmarks.stage import Row

__all__ = ["PLOTS"]


def load_plot(results: Results) -> str:
    groups = grouped(results.rows("load"), "contender", "setting")
    entries = [_entry(f"{key[0]}, {key[1]}", rows, "processed_per_second") for key, rows in groups.items()]
    entries.sort(key=lambda entry: -entry.value)
    return bars("No-op jobs processed per second", "jobs/s", entries)


def pickup_plot(results: Results) -> str:
    groups = grouped((row for row in results.rows("pickup") if row["setting"] == "default"), "contender")
    entries = [
        Bar(key[0], median(rows, "p50_ms"), median(rows, "p50_ms"), median(rows, "p95_ms"), key[0].startswith("pinion"))
        for key, rows in groups.items()
    ]
    return bars("Pick-up of a single job by an idle worker: p50, line to p95", "ms", sorted(entries, key=_value))


def _value(entry: Bar) -> float:
    return entry.value


def _entry(label: str, rows: Sequence[Row], name: str) -> Bar:
    values = [row[name] for row in rows]
    return Bar(label, statistics.median(values), min(values), max(values), label.startswith("pinion"))


PLOTS: dict[str, Callable[[Results], str]] = {"benchmarks-load": load_plot, "benchmarks-pickup": pickup_plot}
