"""Arguments by the task's own annotations: checked against its signature, and rebuilt where they are plain data.

Enums, dataclasses, paths and Pydantic models travel as plain data (see `pinion.plain`). What to make of it is decided
by the function's annotations alone; a name that came out of a queue decides nothing. Annotations are no validation:
an `int` may be given text. A task without any that matter costs nothing. How a value is made is in `pinion.rebuild`.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from pinion.errors import InvalidArguments, InvalidResult

if TYPE_CHECKING:
    from pinion.rebuild import Rebuild

__all__ = ["check_call", "converter", "returned"]

type Call = tuple[tuple[Any, ...], dict[str, Any]]


def check_call(signature: inspect.Signature, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise InvalidArguments unless a task of this name and signature can be called with these arguments."""
    _bind(signature, name, args, kwargs)


def converter(
    function: Callable[..., Any], secret: Collection[str] = ()
) -> Callable[[tuple[Any, ...], dict[str, Any]], Call] | None:
    """What rebuilds the arguments of a call of the function; None if there is nothing to rebuild.

    secret: the parameters whose arguments no error may show.

    The result raises InvalidArguments, naming the argument, if plain data doesn't fit its annotation. An annotation
    that can't be resolved is taken as saying nothing.
    """
    from pinion.rebuild import rebuild_of, resolved  # once per task, and only where jobs run

    try:
        signature = inspect.signature(function)
    except (NameError, TypeError, ValueError):
        return None
    named, names = signature.parameters, _names_seen_by(function)
    hints = {
        name: resolved(each.annotation, names) for name, each in named.items() if each.annotation is not each.empty
    }
    rebuilds = {name: rebuild for name, hint in hints.items() if (rebuild := rebuild_of(hint))}
    rebuilds |= {name: _discreet(rebuilds[name]) for name in rebuilds.keys() & set(secret)}
    return functools.partial(_convert, signature, _name_of(function), rebuilds) if rebuilds else None


def _convert(
    signature: inspect.Signature,
    task: str,
    rebuilds: "Mapping[str, Rebuild]",
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Call:
    bound = _bind(signature, task, args, kwargs)
    for name, rebuild in rebuilds.items():
        if name in bound.arguments:
            kind = signature.parameters[name].kind
            bound.arguments[name] = _rebuilt(rebuild, kind, bound.arguments[name], f"argument {name!r}")
    return bound.args, bound.kwargs


def _rebuilt(rebuild: "Rebuild", kind: object, value: Any, place: str) -> Any:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple(rebuild(each, f"{place}[{index}]") for index, each in enumerate(value))
    if kind is inspect.Parameter.VAR_KEYWORD:
        return {name: rebuild(each, f"argument {name!r}") for name, each in value.items()}
    return rebuild(value, place)


def _discreet(rebuild: "Rebuild") -> "Rebuild":
    def rebuilt(value: Any, place: str) -> Any:
        try:
            return rebuild(value, place)
        except InvalidArguments:
            raise InvalidArguments(f"{place}, which is secret, doesn't fit its annotation") from None

    return rebuilt


def returned(function: Callable[..., Any], name: str) -> Callable[[Any], Any]:
    """What makes of a stored result what the function's annotation says it returns.

    It raises InvalidResult if that can't be. What isn't annotated, or needs no rebuilding, stays as it is.
    """
    from pinion.rebuild import rebuild_of, resolved  # once per task, and only where results are read

    hint = getattr(_innermost(function), "__annotations__", {}).get("return")
    rebuild = rebuild_of(resolved(hint, _names_seen_by(function)))

    def rebuilt(value: Any) -> Any:
        try:
            return value if rebuild is None else rebuild(value, "the result")
        except InvalidArguments as raised:
            raise InvalidResult(
                f"task {name!r}: {raised}; was its annotation changed since? The job itself has the plain data"
            ) from raised

    return rebuilt


# --- the signature --------------------------------------------------------------------------------


def _bind(
    signature: inspect.Signature, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as raised:
        raise InvalidArguments(f"task {name!r} takes {_shown(signature)}: {raised}") from None


class _Bare(str):
    """An annotation that is text, shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _shown(signature: inspect.Signature) -> str:
    parameters = [
        each.replace(annotation=_Bare(each.annotation)) if isinstance(each.annotation, str) else each
        for each in signature.parameters.values()
    ]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def _innermost(function: Any) -> Any:
    """The function behind partials, decorators, methods and objects that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not isinstance(function, type):
        function = getattr(function, "__wrapped__", type(function).__call__)
    return inspect.unwrap(function)


def _name_of(function: Any) -> str:
    return str(getattr(_innermost(function), "__name__", function))


def _names_seen_by(function: Any) -> dict[str, Any]:
    names: dict[str, Any] = getattr(_innermost(function), "__globals__", {})
    return names
