"""Lines: stops at lines of a storage's own code, by `sys.monitoring` (PEP 669), without any help from its author.

The callback runs before the line does. A storage's own code is whatever is neither the standard library's nor
Pinion core's nor an installed tool's that its class doesn't come from.
"""

import functools
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Self

from pinion.errors import PinionError

__all__ = ["Lines", "is_ours", "is_storage", "roots_of"]

_CORE = str(Path(__file__).resolve().parent.parent) + os.sep
_STANDARD = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) + os.sep
    for name in ("stdlib", "platstdlib")
    if sysconfig.get_path(name)
)
_INSTALLED = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) + os.sep
    for name in ("purelib", "platlib")
    if sysconfig.get_path(name)
)
_TOOL_IDS = (4, 3)
"""Those that PEP 669 leaves free; debuggers, coverage and profilers have others."""


@functools.cache
def is_ours(file: str) -> bool:
    """Whether the code is Pinion core's, the kit included."""
    return os.path.realpath(file).startswith(_CORE)


@functools.cache
def is_storage(file: str) -> bool:
    """Whether the code may be a storage's: it isn't Pinion core's, Python's, or made at run time."""
    if file.startswith("<") or is_ours(file):
        return False
    path = os.path.realpath(file)
    return path.startswith(_INSTALLED) or not path.startswith(_STANDARD)


def roots_of(storage: object) -> tuple[str, ...]:
    """The folders and files that the code of the storage's class and of its bases is in."""
    roots = set()
    for kind in type(storage).__mro__:
        module = sys.modules.get(kind.__module__)
        file = getattr(module, "__file__", None)
        if file and is_storage(file):
            roots.add(_root(kind.__module__, file))
    return tuple(sorted(roots))


def _root(name: str, file: str) -> str:
    """The file of the module, or the folder of the package that it is in."""
    package, dot, _ = name.rpartition(".")
    if dot or os.path.basename(file) == "__init__.py":
        top = sys.modules.get(package or name)
        folder = getattr(top, "__file__", None) or file
        return os.path.dirname(os.path.realpath(folder)) + os.sep
    return os.path.realpath(file)


class Lines:
    """Calls `before_line(file, line)` before every line in the roots that any thread executes, in that thread.

    Raises PinionError if other tools use `sys.monitoring` up.
    """

    def __init__(self, roots: tuple[str, ...], before_line: Callable[[str, int], None]) -> None:
        self._roots = roots
        self._before_line = before_line
        self._tool = 0

    def __enter__(self) -> Self:
        monitoring = sys.monitoring
        free = [tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None]
        if not free:
            raise PinionError("sys.monitoring is in use: run the conformance kit without a debugger or tracer")
        self._tool = free[0]
        monitoring.use_tool_id(self._tool, "pinion-conformance")
        monitoring.register_callback(self._tool, monitoring.events.LINE, self._line)
        monitoring.restart_events()
        monitoring.set_events(self._tool, monitoring.events.LINE)
        return self

    def _line(self, code: CodeType, line: int) -> Any:
        if not _within(code.co_filename, self._roots):
            return sys.monitoring.DISABLE
        self._before_line(code.co_filename, line)
        return None

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        monitoring = sys.monitoring
        monitoring.set_events(self._tool, 0)
        monitoring.register_callback(self._tool, monitoring.events.LINE, None)
        monitoring.free_tool_id(self._tool)


@functools.cache
def _within(file: str, roots: tuple[str, ...]) -> bool:
    return is_storage(file) and os.path.realpath(file).startswith(roots)
