"""What a type checker knows of tasks: their arguments, and what their jobs result in. mypy itself is asked."""

import re
import textwrap
from pathlib import Path

import pytest

from repository import ROOT

mypy = pytest.importorskip("mypy.api", reason="tox -e types runs these, and has mypy")

TASKS = """
from collections.abc import Callable
from typing import Any

from pinion import Queue, task


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task("greetings", queue="mail", unique=lambda name: name)
def greet(name: str) -> str:
    return name


@task
async def fetch(url: str) -> bytes:
    return b""


@task(priority=3)
async def fetch_first(url: str) -> bytes:
    return b""


queue: Queue
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("typing")
    (place / "tasks.py").write_text(TASKS)
    return place


def check(place: Path, code: str) -> list[str]:
    """What mypy says of the code: errors and revealed types, a line each."""
    (place / "code.py").write_text("from tasks import *\n" + textwrap.dedent(code))
    config, cache = ROOT / "pyproject.toml", place / "cache"
    out, err, _ = mypy.run(
        [
            f"--config-file={config}",
            f"--cache-dir={cache}",
            "--follow-imports=silent",
            "--no-error-summary",
            "--no-color-output",
            "--implicit-reexport",
            str(place / "tasks.py"),
            str(place / "code.py"),
        ]
    )
    assert err == ""
    return [re.sub(r"^.*?code\.py:\d+: ", "", line) for line in out.splitlines()]


def test_arguments_and_results_are_known(place: Path) -> None:
    revealed = check(
        place,
        """
        reveal_type(add(1))
        reveal_type(add.enqueue(1, b=2))
        reveal_type(add.enqueue(1).result())
        reveal_type(greet.using(priority=3).enqueue("ann").result(5))
        reveal_type(greet.job("ann"))
        reveal_type(fetch.enqueue("x").result())
        reveal_type(fetch_first.using(delay=3).enqueue("x").result())
        reveal_type(queue.enqueue(add, 1, b=2).result())
        reveal_type(queue.enqueue(fetch, "x").result())
        reveal_type(queue.enqueue("add", 1, 2).result())
        reveal_type(queue.handle("id", add).result())

        async def main() -> None:
            reveal_type(await fetch("x"))
            reveal_type(await add.enqueue(1))
            reveal_type((await fetch.aenqueue("x")).result())
            reveal_type(await (await greet.using(keep=3).aenqueue("ann")))
            reveal_type(await (await queue.aenqueue(fetch, "x")))
        """,
    )

    types = [re.sub(r'note: Revealed type is "(.*)"', r"\1", line).replace("builtins.", "") for line in revealed]
    assert types == [
        "int",
        "pinion.handle.Handle[int]",
        "int",
        "str",
        "pinion.job.Job",
        "bytes",
        "bytes",
        "int",
        "bytes",
        "Any",
        "int",
        "bytes",
        "int",
        "bytes",
        "str",
        "bytes",
    ]


def test_what_does_not_fit_is_an_error(place: Path) -> None:
    errors = check(
        place,
        """
        add.enqueue("x")
        add.enqueue()
        add.using(delay=3).enqueue(1, c=2)
        add.job("x")
        fetch.enqueue(1)
        queue.enqueue(greet, 1)
        queue.handle("id", add).result().upper()
        add.using(priority="high")
        add.using(timeouts=3)

        async def main() -> None:
            await greet.aenqueue(1)
            (await fetch.enqueue("x")).encode()
        """,
    )

    shown = [line for line in errors if line.startswith("error: ")]
    assert len(shown) == 11
    for line, part in zip(
        shown,
        (
            'Argument 1 to "enqueue" of "Verbs" has incompatible type "str"; expected "int"',
            "Missing positional argument",
            'Unexpected keyword argument "c"',
            'Argument 1 to "job" of "Verbs" has incompatible type "str"; expected "int"',
            'Argument 1 to "enqueue" of "Verbs" has incompatible type "int"; expected "str"',
            "enqueue",
            '"int" has no attribute "upper"',
            'Argument "priority" to "using"',
            'Unexpected keyword argument "timeouts"',
            'Argument 1 to "aenqueue" of "Verbs"',
            '"bytes" has no attribute "encode"',
        ),
        strict=True,
    ):
        assert part in line
