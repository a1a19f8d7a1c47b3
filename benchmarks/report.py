"""The report: writes the tables of docs/benchmarks.md and the plots beside it, from results.

The page's words are written by hand; what stands between `<!-- NAME -->` and `<!-- end -->` is replaced.
"""

from pathlib import Path

from benchmarks.plots import PLOTS
from benchmarks.results import Results
from benchmarks.tables import TABLES

__all__ = ["write"]


def write(results: Results, page: Path) -> None:
    """Replace the tables of the page and the plots in `img` beside it. Raises LookupError if a place is missing."""
    text = page.read_text()
    for name, table in TABLES.items():
        text = _replaced(text, name, table(results))
    page.write_text(text)
    images = page.parent / "img"
    images.mkdir(exist_ok=True)
    for name, plot in PLOTS.items():
        (images / f"{name}.svg").write_text(plot(results))


def _replaced(page: str, name: str, table: str) -> str:
    head, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition("<!-- end -->")
    if not end:
        raise LookupError(f"the page has no place for the table {name!r}: write <!-- {name} --> and <!-- end -->")
    return f"{head}{begin}\n{table}\n\n{end}{tail}"
