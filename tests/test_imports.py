"""Who may import whom: core's rooms stand in a list and import only downwards, backends see only the SPI."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from repository import DISTRIBUTIONS, ROOT, sources

ROOMS = (
    "__main__",
    "cli",
    "conformance",
    "testing",
    "__init__",
    "worker",
    "execution",
    "notes",
    "context",
    "task",
    "queue",
    "handle",
    "access",
    "lookout",
    "promised",
    "plugins",
    "registration",
    "hooks",
    "registry",
    "deadline",
    "options",
    "uniqueness",
    "reference",
    "storage",
    "groups",
    "claim",
    "promise",
    "outcome",
    "retry",
    "schedule",
    "recurrence",
    "annotations",
    "rebuild",
    "codec",
    "plain",
    "job",
    "secrecy",
    "identity",
    "clock",
    "errors",
)
"""Core's modules and packages, top to bottom. Each imports only itself and what stands below it."""

SPI = {"pinion.storage", "pinion.job", "pinion.codec", "pinion.errors"}
"""All that a backend may import of core."""

PURE = ("job", "secrecy", "retry", "recurrence", "schedule", "outcome")
IMPURE = {"time", "os", "logging", "threading"}

CORE = ROOT / "pinion-core" / "src" / "pinion"
BACKENDS = {folder: package for folder, package in DISTRIBUTIONS.items() if package != "pinion"}
BACKEND_NAME = re.compile(r"\bpinion[-_](memory|sqlite|postgres|redis|example[-_]file)\b")


class Import(NamedTuple):
    """One imported module: `lazy` if it happens inside a function."""

    module: str
    line: int
    lazy: bool


def imports(path: Path) -> list[Import]:
    return list(_walk(ast.parse(path.read_text(), str(path)), lazy=False))


def _walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, lazy)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(_resolve(child, alias.name), child.lineno, lazy)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, lazy or function)


def _resolve(node: ast.ImportFrom, name: str) -> str:
    """The module that `from X import name` imports: `X.name` if `X` is core itself and has such a room."""
    assert node.level == 0, f"line {node.lineno}: relative imports hide which room is meant"
    module = node.module or ""
    return f"pinion.{name}" if module == "pinion" and name in ROOMS else module


def room_of(module: str) -> str | None:
    """The room of core that a module's name lies in; None outside core."""
    package, _, rest = module.partition(".")
    if package != "pinion":
        return None
    return rest.split(".")[0] or "__init__"


def room_at(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def where(path: Path, found: Import) -> str:
    return f"{path.relative_to(ROOT)}:{found.line} imports {found.module}"


def test_every_module_of_core_has_a_place_in_the_list() -> None:
    assert {room_at(path) for path in sources("pinion-core")} <= set(ROOMS)


def test_imports_of_core_point_downwards() -> None:
    upwards = [
        where(path, found)
        for path in sources("pinion-core")
        for found in imports(path)
        if (target := room_of(found.module)) is not None
        and target != room_at(path)
        and not (path == CORE / "__init__.py" and found.lazy)
        and not _is_below(target, room_at(path))
    ]

    assert upwards == []


def _is_below(target: str, room: str) -> bool:
    return target in ROOMS and room in ROOMS and ROOMS.index(target) > ROOMS.index(room)


def test_core_names_no_backend_except_in_the_hint_table() -> None:
    named = [
        f"{path.relative_to(ROOT)}:{line} names {name}"
        for path in sources("pinion-core")
        for line, name in _backends_named(path)
        if path != CORE / "plugins.py"
    ]
    imported = [
        where(path, found)
        for path in sources("pinion-core")
        for found in imports(path)
        if found.module.split(".")[0] in BACKENDS.values()
    ]

    assert named == []
    assert imported == []


def _backends_named(path: Path) -> Iterator[tuple[int, str]]:
    """Names of backends in strings of the code; prose in docstrings may use them."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            for match in BACKEND_NAME.finditer(node.value):
                yield node.lineno, match.group()


@pytest.mark.parametrize("folder", BACKENDS)
def test_a_backend_imports_only_the_spi_and_no_other_backend(folder: str) -> None:
    others = {"pinion", *BACKENDS.values()} - {BACKENDS[folder]}

    beyond = [
        where(path, found)
        for path in sources(folder)
        for found in imports(path)
        if found.module.split(".")[0] in others and found.module not in SPI
    ]

    assert beyond == []


def test_only_the_command_line_imports_the_kit_and_only_inside_functions() -> None:
    wrong = [
        where(path, found)
        for folder in DISTRIBUTIONS
        for path in sources(folder)
        for found in imports(path)
        if room_of(found.module) == "conformance"
        and not path.is_relative_to(CORE / "conformance")
        and not (path.is_relative_to(CORE / "cli") and found.lazy)
    ]

    assert wrong == []


def test_only_the_kit_and_the_fixtures_import_pytest() -> None:
    wrong = [
        where(path, found)
        for folder in DISTRIBUTIONS
        for path in sources(folder)
        for found in imports(path)
        if found.module.split(".")[0] in {"pytest", "_pytest"}
        and not path.is_relative_to(CORE / "conformance")
        and path != CORE / "testing" / "plugin.py"
    ]

    assert wrong == []


@pytest.mark.parametrize("room", [room for room in PURE if (CORE / f"{room}.py").exists()])
def test_a_pure_room_has_no_clock_no_system_and_no_chance_of_its_own(room: str) -> None:
    path = CORE / f"{room}.py"

    impure = [where(path, found) for found in imports(path) if found.module.split(".")[0] in IMPURE]

    assert impure == []
    assert list(_draws(path)) == []


def _draws(path: Path) -> Iterator[str]:
    """Uses of the process's own generator; one that is merely the default of a parameter is fine."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            yield f"{path.name}:{node.lineno} imports names from random"
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("random."):
            yield f"{path.name}:{node.lineno} calls {ast.unparse(node.func)}"
