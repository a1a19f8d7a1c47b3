"""What the conformance kit makes of a target before it judges it: places, options, and what a look leaves."""

from pathlib import Path
from typing import Any

import pytest

from command import Folder
from pinion.clock import SYSTEM, Clock
from pinion.codec import DEFAULT_CODEC, Codec
from pinion.conformance import card
from pinion.conformance.cases import ALL
from pinion.conformance.facts import Facts
from pinion.conformance.report import Report
from pinion.conformance.target import Target
from pinion.conformance.verdict import not_promised


class Takes:
    """Not a storage: what matters is how it is called."""

    def __init__(self, directory: str, *, clock: Clock = SYSTEM, codec: Codec = DEFAULT_CODEC) -> None:
        self.clock, self.codec = clock, codec


class PassesOn(Takes):
    def __init__(self, directory: str, **options: Any) -> None:
        super().__init__(directory, **options)


class PassesOnTwice(PassesOn):
    def __init__(self, directory: str, **options: Any) -> None:
        super().__init__(directory, **options)


class KeepsToItself(Takes):
    def __init__(self, directory: str) -> None:
        super().__init__(directory)


STORAGES = """
class Boasts:
    promises = frozenset({"SHARED"})
    def enqueue(self, job): ...
    def dequeue(self, timeout=None): ...
    def mark_done(self, job): ...
    def mark_failed(self, job, exc): ...
    def size(self): return 0

def forgets_to_return():
    Boasts()

def breaks():
    raise RuntimeError("no such server")
"""


class LeadsNowhere:
    def __init__(self, **options: Any) -> None:
        assert not options, "nobody takes these"


@pytest.mark.parametrize("kind", [Takes, PassesOn, PassesOnTwice])
def test_a_class_that_passes_options_on_to_its_base_is_given_them(kind: type, tmp_path: Path) -> None:
    target = Target.of(kind)
    clock, codec = object(), object()

    made = target.fresh(tmp_path, "one").open(clock=clock, codec=codec)  # type: ignore[arg-type]

    assert (made.clock, made.codec) == (clock, codec)


@pytest.mark.parametrize("kind", [KeepsToItself, LeadsNowhere])
def test_options_that_nobody_takes_are_left_out(kind: type, tmp_path: Path) -> None:
    Target.of(kind).fresh(tmp_path, "one").open(clock=SYSTEM, codec=DEFAULT_CODEC)


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_a_folder_that_is_missing_is_no_fault_of_the_storage(tmp_path: Path, scheme: str) -> None:
    done = Folder(tmp_path).pinion("conformance", f"{scheme}:////{tmp_path}/missing/{{unique}}.jobs")

    assert (done.status, done.out) == (3, "")
    assert "missing" in done.err and "nothing was tried" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_a_look_at_a_place_where_nothing_is_leaves_nothing_there(tmp_path: Path, scheme: str) -> None:
    folder = Folder(tmp_path)
    before = list(tmp_path.iterdir())

    done = folder.pinion("conformance", f"{scheme}:///nothing.jobs")

    assert (done.status, done.out, list(tmp_path.iterdir())) == (2, "", before)
    assert "{tmp}" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("Boasts", "Boasts has five methods and promises SHARED, which only a ClaimStorage can"),
        ("forgets_to_return", "storages:forgets_to_return returned None: does it lack a return?"),
        ("breaks", "opening it raised RuntimeError: no such server (at storages.py:14, breaks)"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_cause_said_once(tmp_path: Path, name: str, cause: str) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "storages.py").write_text(STORAGES)

    done = folder.pinion("conformance", f"storages:{name}")

    assert (done.status, done.err) == (1, "")
    assert done.out.count(cause) == 1


def test_the_report_says_what_was_left_out_because_the_factory_takes_no_clock() -> None:
    facts = Facts(kind="Mine", claims=True, codec=True)
    left_out = [not_promised(case, facts) for case in ALL if case.clock]
    report = Report("mine:factory", facts, left_out, seed=7, whole=True)

    said = "\n".join(card.lines(report))

    assert f"no clock: {len(left_out)} tests were left out, and the kit had to wait" in said
    assert "take `clock`" in said and "codec" not in said


def test_a_file_that_is_named_in_place_of_its_module_is_answered_with_the_module(tmp_path: Path) -> None:
    done = Folder(tmp_path).pinion("conformance", "storages.py:ListStorage")

    assert (done.status, done.out) == (2, "")
    assert "name the module: storages:ListStorage" in done.err
