"""Measure Pinion beside its peers and the raw limit of SQLite, and judge the gates.

`all` measures everything, keeps the results in benchmarks/results.json and writes docs/benchmarks.md from them; `gates`
measures what the gates rest on; a part's name measures that part; `report` writes the page from the results again.
Contenders that are not installed are left out, and named. Exit status 1 if a gate isn't reached.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import report
from benchmarks.conditions import conditions
from benchmarks.contender import Contender
from benchmarks.contenders import CONTENDERS, PINION
from benchmarks.gates import Judged, judge
from benchmarks.processes import ROOT
from benchmarks.results import Results
from benchmarks.run import GATE_PARTS, PARTS, Plan, rounds
from benchmarks.servers import Servers
from benchmarks.stage import Stage

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def main(words: Sequence[str] | None = None) -> int:
    options = _options(words)
    if options.what == "report":
        report.write(Results.read(options.json or RESULTS), options.page)
        return 0
    results = _measured(options)
    judged = judge(results.rounds)
    results.gates = [asdict(each) for each in judged]
    if keep := _kept(options):
        results.write(keep)
    if keep == RESULTS:
        report.write(results, options.page)
    for each in judged:
        print(_line(each))
    return 0 if options.quick or all(each.passed is not False for each in judged) else 1


def _kept(options: argparse.Namespace) -> Path | None:
    """Where the results go: a quick or partial run doesn't replace a whole one unless it is told to."""
    whole = options.what == "all" and not options.quick and not options.only
    return options.json or (RESULTS if whole else None)


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__, formatter_class=form)
    parser.add_argument("what", nargs="?", default="all", choices=["all", "gates", "report", *PARTS])
    parser.add_argument("--rounds", type=int, help="5 if left out, or 1 with --quick")
    parser.add_argument("--only", action="append", metavar="NAME", help="contenders whose names begin so; repeatable")
    parser.add_argument("--quick", action="store_true", help="small and short; its figures mean little")
    parser.add_argument("--place", type=Path, metavar="FOLDER", help="where, and so on which disk, to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="for the results; they are in it at any moment")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="that `report` and `all` write")
    return parser.parse_args(words)


def _measured(options: argparse.Namespace) -> Results:
    plan = Plan(
        parts={"all": PARTS, "gates": GATE_PARTS}.get(options.what, (options.what,)),
        contenders=_chosen(options.only, options.quick),
        rounds=options.rounds or (1 if options.quick else 5),
    )
    keep = _kept(options)
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=options.place) as place, Servers() as servers:
        stage = (Stage.quick if options.quick else Stage)(place=Path(place), servers=servers)
        results = Results(conditions(plan.contenders, stage))
        began = time.monotonic()
        for number, part, row in rounds(plan, stage, _say):
            results.add(number, part, row)
            results.conditions["minutes"] = round((time.monotonic() - began) / 60, 1)
            results.conditions["servers"] = servers.versions()
            if keep:  # what is there of a run that is cut off can be reported, too
                results.write(keep)
    return results


def _chosen(names: Sequence[str] | None, quick: bool) -> Sequence[Contender]:
    """Pinion and the peers whose names begin so; the quick ones in their first setting only."""
    chosen = [each for each in CONTENDERS if not names or each in PINION or each.name.startswith(tuple(names))]
    return [each if each in PINION or not quick else replace(each, settings=each.settings[:1]) for each in chosen]


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def _line(judged: Judged) -> str:
    verdict = {True: "pass", False: "FAIL", None: "-"}[judged.passed]
    aim = {True: ", aim reached", False: ", aim missed", None: ""}[judged.aimed]
    sign = "≤" if judged.most else "≥"
    marks = {"gate": judged.gate, "aim": judged.aim}
    bounds = "".join(f"  {name} {sign} {mark:g}" for name, mark in marks.items() if mark is not None)
    spread = f"({judged.least:.3g} to {judged.greatest:.3g})"
    return f"{verdict:4} {judged.measured:8.3g} {judged.unit:12} {spread:20} {judged.what}:{bounds}{aim}"


if __name__ == "__main__":
    sys.exit(main())
