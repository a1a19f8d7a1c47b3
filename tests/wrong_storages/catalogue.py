"""Catalogue: how a wrong storage says what is wrong with it, and by which case it is caught."""

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["CATALOGUE", "Wrong", "refused_by"]


class Wrong(NamedTuple):
    """One wrong storage.

    target: how the kit finds it. first: the case that refuses it first. also: some that refuse it besides.
    like: the bug of a real queue that it is modelled on, or "".
    """

    name: str
    target: str
    first: str
    also: tuple[str, ...]
    like: str


CATALOGUE: list[Wrong] = []


def refused_by[Made: Callable[..., Any]](first: str, *also: str, like: str = "") -> Callable[[Made], Made]:
    """Decorator of a wrong storage, or of a factory that makes one."""

    def declare(made: Made) -> Made:
        name = made.__name__
        CATALOGUE.append(Wrong(name, f"{made.__module__}:{name}", first, also, like))
        return made

    return declare
