"""Lines: every line of a storage's own code is seen, also of what was begun before; no other is."""

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pinion.conformance.lines import Lines, roots_of

SOURCE = """
class Storage:
    def call(self):
        total = 0
        for number in range(3):
            total += self.add(number)
        return total

    def add(self, number):
        return number

    def spin(self, begun, stop):
        while not stop.is_set():
            begun.set()

    def generate(self):
        try:
            yield 1
            yield 2
        except KeyError:
            yield 3
"""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Any]:
    """A storage in a module of its own."""
    file = tmp_path / "stranger.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("stranger", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "stranger", module)
        spec.loader.exec_module(module)
        yield module.Storage()


def _seen(storage: Any, call: Callable[[], object]) -> list[str]:
    """The lines of the storage's that the call executes."""
    lines: list[int] = []
    with Lines(roots_of(storage), lambda file, line: lines.append(line)):
        call()
    return [SOURCE.splitlines()[line - 1].strip() for line in lines]


def test_every_line_of_a_call_is_seen_as_often_as_it_is_executed(storage: Any) -> None:
    lines = _seen(storage, storage.call)

    assert lines.count("return number") == lines.count("total += self.add(number)") == 3
    assert lines[0] == "total = 0"
    assert lines[-1] == "return total"


def test_a_second_look_sees_as_much_as_the_first(storage: Any) -> None:
    assert _seen(storage, storage.call) == _seen(storage, storage.call)


def test_nothing_is_seen_after_the_look(storage: Any) -> None:
    lines: list[int] = []
    with Lines(roots_of(storage), lambda file, line: lines.append(line)):
        storage.add(1)
    seen = list(lines)

    storage.add(2)
    storage.call()

    assert lines == seen != []


def test_a_call_that_had_begun_before_is_seen_to_go_on(storage: Any) -> None:
    begun, stop = threading.Event(), threading.Event()
    spinning = threading.Thread(target=storage.spin, args=(begun, stop))
    spinning.start()
    begun.wait()

    def look() -> None:
        begun.clear()
        begun.wait()
        stop.set()
        spinning.join()

    assert "begun.set()" in _seen(storage, look)


@pytest.mark.parametrize(("goes_on", "line"), [(next, "yield 2"), (lambda paused: paused.throw(KeyError()), "yield 3")])
def test_a_generator_that_had_begun_before_is_seen_to_go_on(
    storage: Any, goes_on: Callable[[Any], object], line: str
) -> None:
    paused = storage.generate()
    next(paused)

    assert line in _seen(storage, lambda: goes_on(paused))
