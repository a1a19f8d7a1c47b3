"""Registering plugins with pluggy, which checks that their hooks exist and passes each the arguments that it names.

Apart from `pinion.plugins` so that pluggy is imported only where a plugin is installed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pluggy

from pinion.hooks import EVENTS, Specification

__all__ = ["listeners"]

logger = logging.getLogger("pinion.plugins")

PREFIX = "pinion_"


class _Manager(pluggy.PluginManager):
    """Hooks are known by their prefix; a plugin needs no decorator, though it may use pluggy's."""

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> Any:
        return {"firstresult": False, "historic": False} if name.startswith(PREFIX) else None

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        marked = super().parse_hookimpl_opts(plugin, name)
        plain = name.startswith(PREFIX) and callable(getattr(plugin, name, None))
        return marked if marked is not None else ({} if plain else None)


def listeners(plugins: Iterable[object]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """What the plugins offer, by event. One whose hooks don't fit is logged and left out."""
    manager = _Manager("pinion")
    manager.add_hookspecs(Specification)
    for plugin in plugins:
        _register(manager, plugin)
    for event in EVENTS:
        for implementation in getattr(manager.hook, PREFIX + event).get_hookimpls():
            yield event, _called_with(implementation.function, implementation.argnames)


def _register(manager: _Manager, plugin: object) -> None:
    if manager.is_registered(plugin):
        return  # installed, and given as well
    try:
        manager.register(plugin)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as raised:
        logger.warning("plugin %r is left out: %s", plugin, raised)
        if manager.is_registered(plugin):
            manager.unregister(plugin)


def _called_with(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    return lambda **arguments: function(**{name: arguments[name] for name in names})
