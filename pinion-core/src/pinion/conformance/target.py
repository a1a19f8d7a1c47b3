"""Target: what is to be judged, as the user names it; Address: where one storage of that kind is.

A target is a URL, in which `{tmp}` becomes a fresh directory and `{unique}` a fresh name, or a factory, given as
`package.module:factory` or as a callable. A factory returns a fresh, empty storage, or, if it takes an argument, opens
the one in that directory. An address can be written down and opened again, also by another process.
"""

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinion.clock import Clock
from pinion.codec import Codec
from pinion.conformance.broken import WrongUse
from pinion.plugins import open_storage

__all__ = ["OPTIONS", "PLACE", "Address", "Target"]

PLACEHOLDERS = ("{tmp}", "{unique}")
PLACE = "let every test have a fresh one: put {tmp} where a directory goes, or {unique} where a name goes"
OPTIONS = ("clock", "codec")
"""What a storage may be given besides its place."""
DIRECTORY_NAMES = ("directory", "folder", "dir", "tmp", "tmpdir", "tmp_path")
"""What an argument that may be left out is called if it is for the directory; one that must be given is for it anyway."""
EXAMPLE = "write a URL such as 'sqlite:///{tmp}/jobs.db', or package.module:factory"


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of storage to be judged.

    text: how it is named on the command line; "" for a callable that no other process can find.
    factory: what was found under that name; None for a URL.
    """

    text: str
    factory: Callable[..., Any] | None = None

    @classmethod
    def of(cls, given: str | Callable[..., Any]) -> "Target":
        """The target of that name, or the callable itself. Raises WrongUse if there is nothing of that name."""
        if callable(given):
            return cls(_name_of(given), given)
        if "://" in given:
            return cls(given)
        return cls(given, _find(given))

    @property
    def reopens(self) -> bool:
        """Whether one storage can be opened twice."""
        if self.factory is not None:
            return self._takes_directory
        return any(each in self.text for each in PLACEHOLDERS)

    @property
    def names_one_place(self) -> bool:
        """Whether every storage of it would be the same one, as far as the URL tells."""
        return self.factory is None and not any(each in self.text for each in PLACEHOLDERS)

    @property
    def gives_the_place(self) -> bool:
        """Whether storages live in a directory of the kit's, where nothing but the storage can be to blame."""
        return self.factory is not None or "{tmp}" in self.text

    @property
    def _takes_directory(self) -> bool:
        return self.factory is not None and _takes_directory(self.factory)

    def fresh(self, directory: Path, name: str) -> "Address":
        """Where a new storage is to be. directory: exists, and is empty. name: never used before."""
        return Address(self, os.fspath(directory), name)

    def takes(self, option: str, storage: object) -> bool:
        """Whether the storage can be given a `clock` or a `codec`."""
        if self.factory is not None:
            return option in _parameters(self.factory)
        return hasattr(storage, option)


@dataclass(frozen=True, slots=True)
class Address:
    """Where one storage is."""

    target: Target
    directory: str
    name: str

    @property
    def url(self) -> str:
        """The target's URL, with the placeholders filled in."""
        return self.target.text.replace("{tmp}", self.directory).replace("{unique}", self.name)

    def open(self, *, clock: Clock | None = None, codec: Codec | None = None, create: bool = True) -> Any:
        """Open it. Options that the factory doesn't take are left out. Raises what opening it raises.

        create: whether a URL that leads to nothing yet may leave something there.
        """
        factory = self.target.factory
        if factory is None:
            return open_storage(self.url, clock=clock, codec=codec, create=create)
        offered = {"clock": clock, "codec": codec}
        options = {
            name: offered[name] for name in OPTIONS if name in _parameters(factory) and offered[name] is not None
        }
        return factory(self.directory, **options) if _takes_directory(factory) else factory(**options)

    def written(self) -> dict[str, str]:
        """What another process needs in order to open it."""
        return {"target": self.target.text, "directory": self.directory, "name": self.name}

    @classmethod
    def read(cls, written: dict[str, str]) -> "Address":
        """The address that `written` wrote."""
        return cls(Target.of(written["target"]), written["directory"], written["name"])


def _find(text: str) -> Callable[..., Any]:
    module_name, colon, path = text.partition(":")
    if not (colon and path and module_name):
        raise WrongUse(f"{text!r} is no target: {EXAMPLE}")
    if module_name.endswith(".py"):
        raise WrongUse(f"{text!r} names a file; name the module: {module_name[:-3].replace('/', '.')}:{path}")
    _make_current_folder_importable()
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as raised:
        raise WrongUse(f"{module_name!r} can't be imported: {type(raised).__name__}: {raised}") from raised
    for part in path.split("."):
        if not hasattr(found, part):
            raise WrongUse(f"{module_name!r} has no {path!r}; {EXAMPLE}")
        found = getattr(found, part)
    if not callable(found):
        raise WrongUse(
            f"{text!r} is {type(found).__name__}, which can't be called; name a class or a function that returns a storage"
        )
    return found  # type: ignore[no-any-return]


def _make_current_folder_importable() -> None:
    folder = os.getcwd()
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)


def _name_of(factory: Callable[..., Any]) -> str:
    """How another process finds the callable; "" if it can't."""
    module, path = getattr(factory, "__module__", None), getattr(factory, "__qualname__", None)
    found: Any = sys.modules.get(module or "")
    for part in (path or "").split("."):
        found = getattr(found, part, None)
    return f"{module}:{path}" if found is factory and module != "__main__" else ""


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Those of a call. They are read once, since a case may open a storage sixty times."""
    try:
        return _known_parameters(factory)
    except TypeError:  # it can't be hashed
        return _read_parameters(factory)


@functools.cache
def _known_parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return _read_parameters(factory)


def _read_parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Where a class passes options on to the next of its bases, those of that one too."""
    found = _signature(factory)
    for base in factory.__mro__[1:] if isinstance(factory, type) else ():
        if not any(map(_collects, found.values())):
            break
        if "__init__" in vars(base) and base is not object:
            passed_on = _signature(base)
            found = {name: each for name, each in found.items() if not _collects(each)}
            found |= {name: passed_on[name] for name in passed_on if name in OPTIONS or _collects(passed_on[name])}
    return found


def _collects(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.VAR_KEYWORD


def _signature(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(factory).parameters)
    except (TypeError, ValueError):  # built in, and tells nothing
        return {}


def _takes_directory(factory: Callable[..., Any]) -> bool:
    """Whether it has an argument by position, besides a clock or a codec, that must be given or is called a directory."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(
        parameter.kind in positional and (parameter.default is parameter.empty or name in DIRECTORY_NAMES)
        for name, parameter in _parameters(factory).items()
        if name not in OPTIONS
    )
