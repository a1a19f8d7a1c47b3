"""The conformance kit's proof, over and over: `tox -e kit-repeat`; a part of it: `tox -e kit-repeat -- five --times 2`.

Every wrong storage is judged 20 times with other seeds, and must be refused first by the case meant for it each time.
Every right storage is judged with 50 seeds on a machine that is otherwise quiet, and with 50 while another process
keeps a core busy, and must be conformant each time. Exits 0 if all held, 1 if something didn't, 2 for wrong use, and 3
if the minutes were over before all was tried.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from pinion.clock import monotonic
from pinion.conformance.case import Level
from pinion.conformance.cases import ALL
from pinion.conformance.sitting import Sitting
from pinion.conformance.verdict import Outcome
from test_conformance_kit import judged, judges
from wrong_storages.catalogue import CATALOGUE, Wrong

RIGHT = {
    "ConditionStorage": "right_storages.condition:ConditionStorage",
    "PollingStorage": "right_storages.polling:PollingStorage",
    "FolderStorage": "right_storages.files:FolderStorage",
    "TableStorage": "right_storages.sql:TableStorage",
    "PlainStorage": "right_storages.plain:PlainStorage",
    "ShelfStorage": "right_storages.shelf:ShelfStorage",
    "memory": "memory://",
    "sqlite": "sqlite:///{tmp}/jobs.db",
    "file": "file:///{tmp}/jobs.log",
}
SPIN = "while True: pass"
type Judgement = Callable[[], str]
"""Returns what is wrong, or ""."""


@dataclass
class Tally:
    """What came of it so far."""

    ends_at: float
    done: int = 0
    untried: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return monotonic() >= self.ends_at

    def note(self, complaint: str, of: int) -> None:
        """Count one judgement of so many, and show what was wrong or how far it is."""
        self.done += 1
        if complaint:
            self.complaints.append(complaint)
            print(f"wrong: {complaint}", flush=True)
        if self.done % 25 == 0:
            print(f"{self.done} of {of} judged, {len(self.complaints)} wrong", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Judge what was asked for, and say what came of it."""
    asked = _parsed(arguments)
    if unknown := set(asked.names) - {"right", *RIGHT, *map(_file_of, CATALOGUE), *(wrong.name for wrong in CATALOGUE)}:
        known = f"a file of tests/wrong_storages, a storage in it, 'right' or one of {', '.join(RIGHT)}"
        print(f"repeat_kit: nothing is called {', '.join(sorted(unknown))}: name {known}", file=sys.stderr)
        return 2
    wrong = [
        partial(_wrong, each, seed)
        for seed in range(asked.first_seed, asked.first_seed + asked.times)
        for each in CATALOGUE
        if _chosen(each, asked.names)
    ]
    targets = [target for name, target in RIGHT.items() if not asked.names or {name, "right"} & set(asked.names)]
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    right = [partial(_right, target, seed) for seed in seeds for target in targets]
    tally = Tally(monotonic() + 60 * asked.minutes)
    total = len(wrong) + 2 * len(right)
    _judge(wrong, asked.side_by_side, tally, total)
    few = max(1, asked.side_by_side // 2)  # those that are right wait little
    _judge(right, few, tally, total)
    with _busy():
        _judge(right, max(1, few // 2), tally, total)
    return _summary(tally)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="repeat_kit", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="files of wrong storages, storages, or 'right'; all if left out")
    parser.add_argument("--times", type=int, default=20, help="seeds for each wrong storage (20)")
    parser.add_argument("--seeds", type=int, default=50, help="seeds for each right storage, quiet and busy (50)")
    parser.add_argument("--first-seed", type=int, default=1, help="where the seeds begin, to go on with a run (1)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so many minutes")
    parser.add_argument("--side-by-side", type=int, default=8, help="how many wrong ones are judged at a time (8)")
    return parser.parse_args(arguments)


def _file_of(wrong: Wrong) -> str:
    return wrong.target.partition(":")[0].rpartition(".")[2]


def _chosen(wrong: Wrong, names: Sequence[str]) -> bool:
    return not names or wrong.name in names or _file_of(wrong) in names


def _judge(judgements: Sequence[Judgement], side_by_side: int, tally: Tally, of: int) -> None:
    """Make them, so many at a time, until the time is over."""
    left: Iterator[Judgement] = iter(judgements)
    begun, running = 0, set[Future[str]]()
    with ThreadPoolExecutor(side_by_side) as pool:
        while True:
            while len(running) < side_by_side and not tally.is_over and (judgement := next(left, None)):
                running.add(pool.submit(judgement))
                begun += 1
            if not running:
                break
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for each in ended:
                tally.note(each.result(), of)
    tally.untried += len(judgements) - begun


def _wrong(wrong: Wrong, seed: int) -> str:
    complaint = judged(wrong, seed)
    return f"{complaint} (seed {seed})" if complaint else ""


def _right(target: str, seed: int) -> str:
    """What the kit has against a storage that is right."""
    with Sitting(target, seed, judges()) as sitting:
        against = [
            f"{result.case.id}: {result.message}"
            for result in sitting.results(ALL)
            if result.outcome is Outcome.FAILED and result.level is Level.MUST
        ]
    return f"{target} is right, but is refused by {'; '.join(against)} (seed {seed})" if against else ""


@contextmanager
def _busy() -> Iterator[None]:
    """Keep a core busy meanwhile."""
    spinning = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


def _summary(tally: Tally) -> int:
    untried = f", {tally.untried} not tried for want of time" if tally.untried else ""
    print(f"{tally.done} judgements, {len(tally.complaints)} wrong{untried}")
    if tally.complaints:
        return 1
    return 3 if tally.untried else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
