"""Lines: stops at lines of a storage's own code, by `sys.monitoring` (PEP 669), without any help from its author.

The callback runs before the line does. A storage's own code is whatever is neither the standard library's nor
Pinion core's nor an installed tool's that its class doesn't come from. Only there are lines watched; of all other code
it is seen once that it begins, since Python goes on to execute it as fast as ever.
"""

import functools
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
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
    return _roots(type(storage).__mro__)


@functools.cache
def _roots(kinds: tuple[type, ...]) -> tuple[str, ...]:
    roots = set()
    for kind in kinds:
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
        self._watched: dict[int, CodeType] = {}  # by their ids, since code takes long to be compared

    def __enter__(self) -> Self:
        monitoring, events = sys.monitoring, sys.monitoring.events
        free = [tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None]
        if not free:
            raise PinionError("sys.monitoring is in use: run the conformance kit without a debugger or tracer")
        self._tool = free[0]
        monitoring.use_tool_id(self._tool, "pinion-conformance")
        monitoring.register_callback(self._tool, events.PY_START, self._begin)
        monitoring.register_callback(self._tool, events.PY_RESUME, self._begin)
        monitoring.register_callback(self._tool, events.PY_THROW, self._throw)
        monitoring.register_callback(self._tool, events.LINE, self._line)
        monitoring.restart_events()
        monitoring.set_events(self._tool, events.PY_START | events.PY_RESUME | events.PY_THROW)
        for frame in sys._current_frames().values():
            self._watch_callers(frame)
        return self

    def _watch_callers(self, frame: FrameType | None) -> None:
        """Watch what a thread is in the midst of."""
        while frame is not None:
            self._watch(frame.f_code)
            frame = frame.f_back

    def _watch(self, code: CodeType) -> None:
        """Have every line of it reported, if it is the storage's."""
        if id(code) not in self._watched and _within(code.co_filename, self._roots):
            self._watched[id(code)] = code
            sys.monitoring.set_local_events(self._tool, code, sys.monitoring.events.LINE)

    def _begin(self, code: CodeType, offset: int) -> Any:
        """Code begins, or a generator's goes on."""
        self._watch(code)
        return sys.monitoring.DISABLE

    def _throw(self, code: CodeType, offset: int, raised: BaseException) -> None:
        """A generator's code goes on with an exception; that can't be disabled."""
        self._watch(code)

    def _line(self, code: CodeType, line: int) -> None:
        self._before_line(code.co_filename, line)

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        monitoring, events = sys.monitoring, sys.monitoring.events
        monitoring.set_events(self._tool, 0)
        for code in list(self._watched.values()):
            monitoring.set_local_events(self._tool, code, 0)
        for event in (events.PY_START, events.PY_RESUME, events.PY_THROW, events.LINE):
            monitoring.register_callback(self._tool, event, None)
        monitoring.free_tool_id(self._tool)


@functools.cache
def _within(file: str, roots: tuple[str, ...]) -> bool:
    return is_storage(file) and os.path.realpath(file).startswith(roots)
