"""Finding what is installed: a storage by the scheme of its URL, and plugins that listen to hooks.

Both are entry points. A storage is loaded when its scheme is opened and at no other time, so that a broken
distribution breaks only itself. This is the only module that names distributions of storages, in the hints of what to
install.
"""

import functools
import inspect
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pinion.clock import Clock
from pinion.codec import Codec
from pinion.errors import DistributionMissing, InvalidURL, PinionError, PluginError, UnknownScheme
from pinion.hooks import Hooks
from pinion.storage import ClaimStorage, Storage, check_spi_version

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint

__all__ = [
    "NOTHING_INSTALLED",
    "InstalledStorage",
    "hide_password",
    "installed_storages",
    "load_hooks",
    "neighbours",
    "open_storage",
    "optional_name",
]

logger = logging.getLogger("pinion.plugins")

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
    Raises InvalidURL, UnknownScheme, PluginError, and what the storage raises when it is opened.
    """
    entry = _entry_point(_scheme(url))
    options: dict[str, Any] = {"codec": codec, "clock": clock}
    factory = _load(entry)
    if not create and "create" in inspect.signature(factory).parameters:
        options["create"] = False
    storage: Storage | ClaimStorage = factory(url, **options)
    check_spi_version(storage)
    return storage


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme or not all(each.isalnum() or each in "+-." for each in scheme):
        raise InvalidURL(f"{url!r:.80} is no URL of a storage; write one such as sqlite:///jobs.db or memory://")
    return scheme.lower()


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

    installed = sorted({entry.name for entry in _entry_points(STORAGES)})
    text = f"no storage for the scheme {scheme!r}; installed: {', '.join(installed) or 'none'}"
    if close := difflib.get_close_matches(scheme, installed, 1):
        text += f"; did you mean {close[0]!r}?"
    elif scheme in HINTS:
        text += f"; {scheme!r} comes with {HINTS[scheme]}: pip install {HINTS[scheme]}"
    elif close := difflib.get_close_matches(scheme, HINTS, 1):
        text += f"; did you mean {close[0]!r}, which comes with {HINTS[close[0]]}?"
    return text


@functools.cache
def _entry_points(group: str) -> tuple["EntryPoint", ...]:
    # The backport rather than the standard library's: it sees past the empty metadata that a failed uninstall leaves
    # behind.
    from importlib_metadata import entry_points

    unique = {(entry.name, entry.value, _owner(entry, version=False)): entry for entry in entry_points(group=group)}
    return tuple(unique.values())


def _owner(entry: "EntryPoint", version: bool = True) -> str:
    if entry.dist is None:
        return "an unknown distribution"
    return f"{entry.dist.name} {entry.dist.version}" if version else str(entry.dist.name)


def _load(entry: "EntryPoint") -> Any:
    """What the entry point names. Raises PluginError that names the distribution and what is wrong with it."""
    try:
        factory = entry.load()
    except Exception as raised:  # an import runs anybody's code, which may raise anything
        reason = f"{type(raised).__name__}: {raised}"
        raise PluginError(
            f"{_owner(entry)} provides {entry.name!r} but can't be loaded ({reason}); reinstall or upgrade it"
        ) from raised
    if not callable(factory):
        raise PluginError(f"{_owner(entry)} provides {entry.name!r} as {entry.value}, which can't be called")
    return factory


@dataclass(frozen=True, slots=True)
class InstalledStorage:
    """One storage that is installed.

    promises: their names, or none if the storage is broken.
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
        promises, error = _promises(_load(entry)), None
    except PinionError as raised:
        promises, error = (), str(raised)
    return InstalledStorage(entry.name.lower(), name, version, promises, error)


def _promises(factory: Any) -> tuple[str, ...]:
    """The promises of the class that a factory says it returns, or of the factory itself if it is the class."""
    made = factory if isinstance(factory, type) else inspect.signature(factory, eval_str=True).return_annotation
    return tuple(sorted(str(promise) for promise in getattr(made, "promises", ())))


def neighbours() -> list[str]:
    """Other people's distributions that also install a package named `pinion`, over files of ours."""
    from importlib_metadata import packages_distributions

    return sorted({name for name in packages_distributions().get("pinion", ()) if name != "pinion-core"})


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
            except Exception as raised:  # one broken plugin must not stop the others, nor the worker
                logger.warning("plugin %s of %s is left out: %s", entry.name, _owner(entry), raised)


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


def hide_password(url: str) -> str:
    """The URL as it may be shown."""
    from urllib.parse import urlsplit

    password = urlsplit(url).password
    return url if password is None else url.replace(f":{password}@", ":***@", 1)
