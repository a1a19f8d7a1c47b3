"""The kit is itself proven: every wrong storage is refused first by the case meant for it, and every case refuses one.

The wrong storages of a file are judged side by side, since the kit mostly waits. CI judges each once; `tox -e
kit-repeat` does it 20 times, with other seeds.
"""

import atexit
import functools
import importlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from command import Folder
from pinion.conformance.case import Case, Level
from pinion.conformance.cases import ALL
from pinion.conformance.model import Model
from pinion.conformance.nursery import Nursery
from pinion.conformance.process import environment
from pinion.conformance.sitting import NO_TRACES, Sitting
from pinion.conformance.verdict import Outcome, Result
from pinion.job import Job, JobError
from pinion.outcome import Done, Retry
from pinion.storage import Claim, Settled
from processes import until
from wrong_storages.catalogue import CATALOGUE, Wrong

FILES = (
    "five", "waiting", "claiming", "inserting", "leases", "settling", "waits", "promises", "keys", "reading",
    "finishing", "controlling", "replacing", "cancelling", "scheduling", "telling", "apart", "shelves", "surviving",
)  # fmt: skip
for file in FILES:
    importlib.import_module(f"wrong_storages.{file}")

SEED = int(os.environ.get("PINION_SEED", "7"))
SIDE_BY_SIDE = 6
BY_ID = {case.id: case for case in ALL}


@functools.cache
def judges() -> Nursery | None:
    """Where they come from: starting a Python for each would take 0.15 s of processor time, of 1 s that most take."""
    if not Nursery.is_possible():
        return None
    nursery = Nursery.started({**environment(), **NO_TRACES})
    atexit.register(nursery.close)
    return nursery


def judged(wrong: Wrong, seed: int = SEED) -> str:
    """What is wrong with how the kit judges the storage; "" if nothing is.

    One sitting: the cases down to the one meant for it, of which none before it may refuse, and then those that refuse
    it too; what comes after them tells nothing.
    """
    first = BY_ID[wrong.first]
    others = [BY_ID[case_id] for case_id in wrong.also]
    before = ALL[: ALL.index(first)]
    with Sitting(wrong.target, seed, judges()) as sitting:
        results = sitting.results([*before, first, *(case for case in others if case not in before)])
        for result in results:
            if _refuses(result, wrong):
                break
        else:
            return f"{wrong.name} must be refused first by {wrong.first}, but is refused by nothing"
        if result.case is not first:
            refused = f"{result.case.id}: {result.message}"
            return f"{wrong.name} must be refused first by {wrong.first}, but is refused by {refused}"
        passed = {case.id for case in others} - {each.case.id for each in results if _failed(each)}
    passed = {case_id for case_id in passed if not _refused_alone(wrong.target, BY_ID[case_id], seed)}
    return f"{wrong.name} must be refused by {sorted(passed)} too, but passes" if passed else ""


def _failed(result: Result) -> bool:
    return result.tried and result.outcome is Outcome.FAILED


def _refuses(result: Result, wrong: Wrong) -> bool:
    """Whether it counts among the failures: what must hold, and what the storage is there for."""
    return _failed(result) and (result.level is Level.MUST or result.case.id == wrong.first)


def _refused_alone(target: str, case: Case, seed: int) -> bool:
    """Whether the case refuses it where no other is tried: a failure of the foundation leaves the others untried."""
    with Sitting(target, seed, judges()) as sitting:
        return [result.outcome for result in sitting.results([case])] == [Outcome.FAILED]


@pytest.mark.kit
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("file", FILES)
def test_a_wrong_storage_is_refused_first_by_the_case_meant_for_it(file: str) -> None:
    storages = [wrong for wrong in CATALOGUE if wrong.target.startswith(f"wrong_storages.{file}:")]

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        suspects = [wrong for wrong, complaint in zip(storages, pool.map(judged, storages), strict=True) if complaint]

    # Side by side on a busy machine, a case may run out of the time it has; what is wrong is so alone, too.
    complaints = [complaint for wrong in suspects if (complaint := judged(wrong))]
    assert not complaints, "\n".join(complaints)


def test_every_case_refuses_a_wrong_storage() -> None:
    refusing = {case_id for wrong in CATALOGUE for case_id in (wrong.first, *wrong.also)}

    assert {case.id for case in ALL} - refusing == set()


def test_wrong_storages_name_cases_that_there_are() -> None:
    named = {case_id for wrong in CATALOGUE for case_id in (wrong.first, *wrong.also)}

    assert named - {case.id for case in ALL} == set()


def test_every_case_has_an_id_of_its_own_and_one_sentence() -> None:
    sentences = [case.sentence for case in ALL]

    assert len(BY_ID) == len(ALL)
    assert [text for text in sentences if not text.endswith(".") or ". " in text] == []


@pytest.mark.parametrize("other", [Retry(20.0, JobError("ValueError")), Retry(0.0, JobError("KeyError"))])
def test_a_storage_may_take_two_retries_of_one_claim_for_the_same_or_not(other: Retry) -> None:
    model, job, claim = Model(), Job("task"), Claim("1", "token")
    model.insert(replace(job, id="1"), 0)
    assert model.claim([replace(job, id="1", attempts=1, token="token")], 1, None, 30.0, 0) == ""
    retry = Retry(0.0, JobError("ValueError"))

    assert model.settle(claim, retry, 0) == (Settled.SETTLED,)
    assert model.settle(claim, retry, 0) == (Settled.SETTLED,)
    assert model.settle(claim, other, 0) == (Settled.SETTLED, Settled.LOST)
    assert model.settle(claim, Done(), 0) == (Settled.LOST,)


LEAVES_A_CHILD = """
import subprocess
from five_methods import ListStorage

class Leaves(ListStorage):
    def __init__(self):
        super().__init__()
        with open("left", "a") as file:
            file.write(f"{subprocess.Popen(['sleep', '600']).pid}\\n")
"""


def test_what_a_storage_leaves_running_ends_with_its_judgement(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("five_methods.py"), tmp_path)
    (tmp_path / "leaves.py").write_text(LEAVES_A_CHILD)

    Folder(tmp_path).pinion("conformance", "leaves:Leaves", "--only", "base.opens")

    left = [int(line) for line in (tmp_path / "left").read_text().split()]
    assert left
    until(lambda: not any(_runs(pid) for pid in left))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("url", ["nosuch://x", "sqlite://{unique}.db"])
def test_a_url_that_opens_nothing_is_wrong_use(tmp_path: Path, url: str) -> None:
    done = Folder(tmp_path).pinion("conformance", url)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("pinion conformance: ") and done.err.count("\n") == 1
