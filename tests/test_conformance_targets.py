"""What the conformance kit makes of a target before it judges it: places, options, and what a look leaves."""

from pathlib import Path
from typing import Any

import pytest

from command import Folder
from pinion.clock import SYSTEM, Clock
from pinion.codec import DEFAULT_CODEC, Codec
from pinion.conformance.target import Target


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
