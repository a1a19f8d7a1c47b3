"""Finding what is installed: a storage by the scheme of its URL, and plugins that listen to hooks.

Both are entry points. A storage is loaded when its scheme is opened and at no other time, so that a broken
distribution breaks only itself. This is the only module that names distributions of storages, in the hints of what to
install.

The value of a storage's entry point is a callable that takes the URL, and `codec` and `clock` by name if it can use
them. It is a class, or a function annotated with the class that it returns: `pinion backends` reads the `promises` of
that class, and opens nothing. A function that takes `create` promises that `create=False` creates nothing.
"""

import functools
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pinion.clock import Clock
from pinion.codec import Codec
from pinion.errors import DistributionMissing, InvalidURL, PinionError, PluginError, UnknownScheme, Unsupported
from pinion.hooks import Hooks
from pinion.storage import ClaimStorage, Storage, check_spi_version

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint

__all__ = [
    "NOTHING_INSTALLED",
    "InstalledStorage",
    "installed_storages",
    "load_hooks",
    "neighbours",
    "open_storage",
    "optional_name",
    "schemes",
]

STORAGES, PLUGINS = "pinion.storages", "pinion"

HINTS = {
    "memory": "pinion-memory",
    "sqlite": "pinion-sqlite",
    "postgres": "pinion-postgres",
    "postgresql": "pinion-postgres",
    "redis": "pinion-redis",
    "rediss": "pinion-redis",
    "valkey": "pinion-redis",
    "file": "pinion-example-file",
}
"""Which distribution provides a scheme that isn't installed. A hint installs and overrides nothing."""

NOTHING_INSTALLED = "no storage is installed: pip install pinion-sqlite, or pinion-memory"

OPTIONAL = {"InMemoryStorage": ("pinion_memory", "pinion-memory"), "SqliteStorage": ("pinion_sqlite", "pinion-sqlite")}
"""Names of `pinion` that live in distributions of their own."""


def open_storage(
    url: str, *, codec: Codec | None = None, clock: Clock | None = None, create: bool = True
) -> Storage | ClaimStorage:
    """Open the storage that the URL names, such as `sqlite:///jobs.db`.

    codec, clock: passed on to the storage; None leaves it its own.
    create: false if a storage that doesn't exist is an error, for those that know the difference.
    Raises InvalidURL, UnknownScheme, PluginError, Unsupported if the storage takes no codec or no clock, and what the
    storage raises when it is opened. No message shows a password of the URL.
    """
    entry = _entry_point(_scheme(url))
    factory = _load(entry)
    given: dict[str, Any] = {"codec": codec, "clock": clock}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if not _takes(factory, name):
            raise Unsupported(f"{_owner(entry)} opens {entry.name}:// without {name}=; leave it out")
    if not create and _takes(factory, "create"):
        options["create"] = False
    try:
        return _checked(entry, factory(url, **options))
    except PinionError as raised:
        raised.args = tuple(_redacted(each, url) if isinstance(each, str) else each for each in raised.args)
        raise
    except Exception as raised:  # a defect of that storage, which a storage of Pinion's own can't have
        reason = f"{type(raised).__name__}: {raised}"
        raise PluginError(_redacted(f"{_owner(entry)} can't open {url} ({reason})", url)) from raised


def _scheme(url: str) -> str:
    match = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    if match is None:
        shown = _redacted(url, url)
        raise InvalidURL(f"{shown!r:.80} is no URL of a storage; write one such as sqlite:///jobs.db or memory://")
    return match[1].lower()


def _takes(factory: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(factory).parameters
    return name in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _checked(entry: "EntryPoint", storage: Any) -> Storage | ClaimStorage:
    if not isinstance(storage, Storage | ClaimStorage):
        kind = type(storage).__name__
        raise PluginError(f"{_owner(entry)}: {entry.value} returned a {kind}, which lacks the methods of a storage")
    _check_version(entry, storage)
    return storage


def _check_version(entry: "EntryPoint", storage: object) -> None:
    try:
        check_spi_version(storage)
    except PluginError as refused:
        raise PluginError(f"{_owner(entry)}: {refused}") from refused


def _redacted(text: str, url: str) -> str:
    """The text without the passwords of the URL."""
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> set[str]:
    """The passwords as they stand in the URL, and decoded. One may hold an '@' or '/', so the last '@' ends it."""
    from urllib.parse import unquote

    found = re.findall(r"://[^:/@]*:(.+)@", url)
    found += re.findall(r"[?&](?:password|passwd|pwd|secret|token)=([^&#]+)", url, re.IGNORECASE)
    return {*found, *map(unquote, found)}


def _entry_point(scheme: str) -> "EntryPoint":
    found = [entry for entry in _entry_points(STORAGES) if entry.name.lower() == scheme]
    if not found:
        raise UnknownScheme(_unknown(scheme))
    if len(found) > 1:
        owners = " and ".join(sorted(_owner(entry) for entry in found))
        raise PluginError(f"the scheme {scheme!r} is claimed by {owners}; uninstall one of them")
    return found[0]


def _unknown(scheme: str) -> str:
    import difflib  # costs milliseconds, and is wanted only where something is wrong

    installed = schemes()
    text = f"no storage for the scheme {scheme!r}; installed: {', '.join(installed) or 'none'}"
    if close := difflib.get_close_matches(scheme, installed, 1):
        text += f"; did you mean {close[0]!r}?"
    elif scheme in HINTS:
        text += f"; {scheme!r} comes with {HINTS[scheme]}: pip install {HINTS[scheme]}"
    elif close := difflib.get_close_matches(scheme, HINTS, 1):
        text += f"; did you mean {close[0]!r}, which comes with {HINTS[close[0]]}?"
    else:
        text += f"; if {scheme!r} is your own, install the package whose entry point names it"
    return text


def schemes() -> list[str]:
    """What is installed, by the schemes of their URLs; nothing is loaded. It is looked up once in a process."""
    return sorted({entry.name for entry in _entry_points(STORAGES)})


@functools.cache
def _entry_points(group: str) -> tuple["EntryPoint", ...]:
    # The backport rather than the standard library's: it sees past the empty metadata that a failed uninstall leaves
    # behind.
    from importlib_metadata import entry_points

    unique: dict[tuple[str, str], EntryPoint] = {}
    for entry in entry_points(group=group):  # of one that is found twice, editable and installed, the first is meant
        unique.setdefault((entry.name.lower(), _distribution(entry)), entry)
    return tuple(unique.values())


def _distribution(entry: "EntryPoint") -> str:
    """The name of the entry point's distribution, in the one spelling that all its spellings share."""
    return re.sub(r"[-_.]+", "-", entry.dist.name).lower() if entry.dist else ""


def _owner(entry: "EntryPoint") -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"


def _load(entry: "EntryPoint") -> Any:
    """What the entry point names. Raises PluginError that names the distribution and what is wrong with it."""
    try:
        factory = entry.load()
    except (Exception, SystemExit) as raised:  # an import runs anybody's code, which may raise anything
        reason = f"{type(raised).__name__}: {raised}"
        raise PluginError(
            f"{_owner(entry)} provides {entry.name!r} but can't be loaded ({reason}); reinstall or upgrade it"
        ) from raised
    if not callable(factory):
        raise PluginError(f"{_owner(entry)} provides {entry.name!r} as {entry.value}, which can't be called")
    if (made := _storage_class(factory)) is not None:
        _check_version(entry, made)  # before anything is opened
    return factory


def _storage_class(factory: Any) -> type | None:
    """The class that a factory says it returns, or the factory itself if it is one; None if it doesn't say."""
    if isinstance(factory, type):
        return factory
    try:
        returned = inspect.signature(factory, eval_str=True).return_annotation
    except (NameError, AttributeError, TypeError, ValueError):  # annotated with what only type checkers import
        return None
    return returned if isinstance(returned, type) and returned is not inspect.Signature.empty else None


@dataclass(frozen=True, slots=True)
class InstalledStorage:
    """One storage that is installed.

    promises: their names; none if the storage is broken, or its factory doesn't say what it returns.
    error: what is wrong with it, or None.
    """

    scheme: str
    distribution: str
    version: str
    promises: tuple[str, ...]
    error: str | None


def installed_storages() -> list[InstalledStorage]:
    """Every storage that is installed, the broken and the disputed ones with their error. Opens none of them."""
    return [_described(entry) for entry in sorted(_entry_points(STORAGES), key=lambda entry: entry.name)]


def _described(entry: "EntryPoint") -> InstalledStorage:
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("?", "?")
    try:
        _entry_point(entry.name.lower())
        made, error = _storage_class(_load(entry)), None
    except PinionError as raised:
        made, error = None, str(raised)
    promises = tuple(sorted(str(promise) for promise in getattr(made, "promises", ())))
    return InstalledStorage(entry.name.lower(), name, version, promises, error)


def neighbours() -> list[str]:
    """Other people's distributions that also install a package named `pinion`, over files of ours."""
    from importlib_metadata import packages_distributions

    names = packages_distributions().get("pinion", ())
    return sorted({name for name in names if re.sub(r"[-_.]+", "-", name).lower() != "pinion-core"})


# --- hooks ----------------------------------------------------------------------------------------


def load_hooks(plugins: Iterable[object] = ()) -> Hooks:
    """Whom to call for each event: the installed plugins, and those given. A broken one is logged and left out.

    The environment variable PINION_DISABLE_PLUGINS names entry points that are not loaded, with commas between them.
    """
    found = [*_installed_plugins(), *plugins]
    if not found:
        return Hooks()
    from pinion.registration import listeners

    return Hooks(listeners(found))


def _installed_plugins() -> Iterator[object]:
    disabled = {name.strip() for name in os.environ.get("PINION_DISABLE_PLUGINS", "").split(",")}
    for entry in _entry_points(PLUGINS):
        if entry.name not in disabled:
            try:
                yield entry.load()
            except (Exception, SystemExit) as raised:  # one broken plugin must not stop the others, nor the worker
                _left_out(entry, raised)


def _left_out(entry: "EntryPoint", raised: BaseException) -> None:
    import logging  # here, as it takes milliseconds that a program which only enqueues need not spend

    reason = f"{type(raised).__name__}: {' '.join(str(raised).split())}"
    text = "plugin %s of %s is left out: %s"
    logging.getLogger("pinion.plugins").warning(text, entry.name, _owner(entry), reason)


# --- names that live elsewhere --------------------------------------------------------------------


def optional_name(name: str, module: str) -> Any:
    """A name of Pinion that another distribution provides.

    Raises DistributionMissing, saying what to install, or AttributeError for any other name.
    """
    if name not in OPTIONAL:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    package, distribution = OPTIONAL[name]
    try:
        return getattr(import_module(package), name)
    except ModuleNotFoundError as missing:
        if missing.name != package:
            raise
        raise DistributionMissing(f"{name} comes with {distribution}: pip install {distribution}") from None
