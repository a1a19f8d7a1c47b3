"""Where a function can be imported from, so that another process can find it: by its own module and name.

Names that come from a queue are never imported; these come from the registered function itself.
"""

import importlib
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from pinion.errors import InvalidJob

__all__ = ["Main", "Reference", "importing_main"]

importing_main: ContextVar[bool] = ContextVar("pinion_importing_main", default=False)
"""Whether a child process is just importing its worker's main script, which must not start a worker then."""


class Main(NamedTuple):
    """What a process runs: the module of `python -m`, or a script."""

    module: str | None
    path: str | None

    @classmethod
    def here(cls) -> "Main":
        """This process's own."""
        main = sys.modules["__main__"]
        spec, path = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        if spec is not None and spec.name:
            return cls(spec.name, None)
        return cls(None, os.path.abspath(path) if path is not None and os.path.exists(path) else None)

    def run(self) -> None:
        """Have the same `__main__`, but for what stands under `if __name__ == "__main__"`. May be repeated."""
        before = importing_main.set(True)
        try:
            if self.module is not None:
                main = importlib.import_module(self.module)
                sys.modules["__main__"] = sys.modules["__mp_main__"] = main
            elif self.path is not None:
                from multiprocessing.spawn import prepare

                prepare({"init_main_from_path": self.path})
        finally:
            importing_main.reset(before)


class Reference(NamedTuple):
    """A module and a name in it, with dots for what is in a class."""

    module: str
    name: str

    @classmethod
    def to(cls, function: Callable[..., Any]) -> "Reference":
        """Raises InvalidJob for a function that no other process can import."""
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        if not module or not name or "<" in name:
            raise InvalidJob(
                f"a process task must be importable by its child process, but {name or function!r} is defined inside "
                "a function or is a lambda: define it at the top of a module"
            )
        if module == "__main__" and not any(Main.here()):
            raise InvalidJob(
                f"a process task must be importable by its child process, but {name!r} was typed in or read from a "
                "pipe: write it to a file"
            )
        return cls(module, name)

    def find(self) -> Any:
        """What stands there in this process. Raises ImportError or AttributeError if there is nothing."""
        found: Any = importlib.import_module(self.module)
        for part in self.name.split("."):
            found = getattr(found, part)
        return found
