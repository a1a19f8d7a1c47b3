"""A program that kills processes before every line of an operation, and looks at what they leave behind.

It opens no storage itself: each is opened by a child that is forked for it, so that every death and every look
afterwards is in a process that knows nothing of the others.
"""

import contextlib
import importlib
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pinion.conformance.broken import Broken
from pinion.conformance.cause import cause
from pinion.conformance.interleaving import Stop
from pinion.conformance.lines import Lines, roots_of
from pinion.conformance.programs.operations import OPERATIONS, Operation
from pinion.conformance.speaker import Say
from pinion.conformance.target import Address
from pinion.identity import new_id

__all__ = ["kill_at_every_line"]

MOST = 24
"""Lines of one operation; where there are more, every so many-th, and the seed decides where they begin."""
PATIENCE = 5
"""Seconds that a storage may take to be opened and read after a process died in it."""


def kill_at_every_line(say: Say, address: Address, operation: str, seed: int, modules: list[str], clock: bool) -> None:
    """Says after each death what was wrong, and at the end how many there were.

    modules: those of the storage, imported once instead of in every child. clock: whether it takes one.
    """
    for name in modules:
        importlib.import_module(name)
    chosen = OPERATIONS[operation](clock)
    lines = _rehearsed(address, chosen)
    for point in _points(len(lines), seed):
        with _somewhere(address) as place:
            _forked(partial(_run, place, chosen, _Death(point).before_line))
            wrong, raised = _forked(lambda: chosen.look(place))
        say({"stop": str(Stop(*lines[point])), "wrong": wrong or raised})
    say({"points": len(lines)})


def _points(lines: int, seed: int) -> Sequence[int]:
    """Before which lines to kill: at even distances, so that a few in a row at which it does harm aren't passed over."""
    if lines <= MOST:
        return range(lines)
    step = lines / MOST
    begin = random.Random(seed).random() * step
    return [int(begin + number * step) for number in range(MOST)]


@contextlib.contextmanager
def _somewhere(address: Address) -> Iterator[Address]:
    """A place where no storage has been, for a while."""
    with tempfile.TemporaryDirectory(prefix="pinion-kill-", dir=address.directory) as folder:
        yield address.target.fresh(Path(folder), f"kit{new_id().replace('-', '')}")


def _rehearsed(address: Address, operation: Operation) -> list[tuple[str, int]]:
    """Which lines the operation executes when it isn't killed."""
    lines: list[tuple[str, int]] = []

    def rehearse() -> list[tuple[str, int]]:
        _run(place, operation, lambda file, line: lines.append((file, line)))
        return lines

    with _somewhere(address) as place:
        found, raised = _forked(rehearse)
    if raised:
        raise Broken(raised)
    return [(file, line) for file, line in found]


def _run(place: Address, operation: Operation, before_line: Callable[[str, int], None]) -> None:
    storage = operation.open(place)
    with Lines(roots_of(storage), before_line):
        operation.run(storage, place)


class _Death:
    """Comes before the line that is executed after so many others."""

    def __init__(self, point: int) -> None:
        self._left = point

    def before_line(self, file: str, line: int) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def _forked(call: Callable[[], Any]) -> tuple[Any, str]:
    """What the call returns in a child of this process, None if it dies; and what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(PATIENCE)
        os.write(writing, json.dumps(_caught(call)).encode())
        sys.stderr.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return None, f"opening and reading what was left took longer than {PATIENCE} s: it hangs"
    returned, raised = json.loads(said) if said else (None, "")
    return returned, raised


def _caught(call: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return call(), ""
    except BaseException as raised:  # nothing may escape into the parent's code
        return None, cause(raised)
