"""Arguments by the task's own annotations: checked against its signature, and rebuilt where JSON has only plain data.

Enums, dataclasses, paths and Pydantic models travel as plain data (see `pinion.codec`). What to make of it is decided
by the function's annotations alone; a name that came out of a queue decides nothing. A task without such annotations
costs nothing.
"""

import dataclasses
import enum
import inspect
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

from pinion.errors import InvalidArguments

__all__ = ["check_call", "converter"]

Call = tuple[tuple[Any, ...], dict[str, Any]]
Rebuild = Callable[[Any, str], Any]


def check_call(signature: inspect.Signature, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise InvalidArguments unless a function of this signature can be called with these arguments."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as raised:
        raise InvalidArguments(f"task {name!r} takes {_shown(signature)}: {raised}") from None


def _shown(signature: inspect.Signature) -> str:
    return str(signature.replace(return_annotation=inspect.Signature.empty))


def converter(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], dict[str, Any]], Call] | None:
    """What rebuilds the arguments of a call of the function; None if there is nothing to rebuild.

    The result raises InvalidArguments, naming the argument, if plain data doesn't fit its annotation. Annotations that
    can't be resolved are taken as saying nothing.
    """
    try:
        signature, hints = inspect.signature(function), get_type_hints(function)
    except (TypeError, ValueError, NameError, AttributeError):
        return None
    rebuilds = {name: rebuild for name, hint in hints.items() if name != "return" and (rebuild := _rebuild(hint))}
    if not rebuilds:
        return None

    def convert(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as raised:
            raise InvalidArguments(f"{function.__name__} takes {_shown(signature)}: {raised}") from None
        for name in bound.arguments.keys() & rebuilds.keys():
            kind, value = signature.parameters[name].kind, bound.arguments[name]
            bound.arguments[name] = _apply(rebuilds[name], kind, value, name)
        return bound.args, bound.kwargs

    return convert


def _apply(rebuild: Rebuild, kind: Any, value: Any, name: str) -> Any:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple(rebuild(each, f"{name}[{index}]") for index, each in enumerate(value))
    if kind is inspect.Parameter.VAR_KEYWORD:
        return {key: rebuild(each, f"{name}[{key!r}]") for key, each in value.items()}
    return rebuild(value, name)


def _rebuild(hint: Any) -> Rebuild | None:
    """What makes a value of the annotated type out of plain data; None if plain data is right as it is."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return _rebuild(arguments[0])
    if origin in (Union, types.UnionType):
        return _rebuild_union(arguments)
    if origin in (list, set, frozenset, Sequence):
        return _rebuild_items(list if origin is Sequence else origin, arguments[0])
    if origin is tuple:
        return _rebuild_tuple(arguments)
    if origin in (dict, Mapping):
        return _rebuild_dict(*arguments)
    return _rebuild_class(hint) if isinstance(hint, type) else None


def _rebuild_class(hint: type) -> Rebuild | None:
    if issubclass(hint, enum.Enum):
        return _from(hint, lambda plain, _: hint(plain), f"a value of {hint.__name__}")
    if issubclass(hint, os.PathLike):
        return _from(hint, lambda plain, _: hint(_text(plain)), "the text of a path")
    if dataclasses.is_dataclass(hint):
        return _rebuild_dataclass(hint)
    if callable(validate := getattr(hint, "model_validate", None)):
        return _from(hint, lambda plain, _: validate(plain), f"the data of {hint.__name__}")
    return None


def _text(plain: Any) -> str:
    if not isinstance(plain, str):
        raise TypeError("not text")
    return plain


def _from(hint: type, make: Rebuild, expected: str) -> Rebuild:
    """Leaves a value of the type alone; what can't be made one is refused."""

    def rebuild(value: Any, place: str) -> Any:
        if isinstance(value, hint):
            return value
        try:
            return make(value, place)
        except InvalidArguments:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as raised:
            raise InvalidArguments(f"argument {place}: expected {expected}, got {value!r:.100} ({raised})") from None

    return rebuild


def _rebuild_dataclass(hint: Any) -> Rebuild:
    fields = {field.name: field.init for field in dataclasses.fields(hint)}
    rebuilds: dict[str, Rebuild | None] | None = None  # made at the first use, so that a dataclass may contain itself

    def make(plain: Any, place: str) -> Any:
        nonlocal rebuilds
        if rebuilds is None:
            hints = get_type_hints(hint)
            rebuilds = {name: _rebuild(hints[name]) for name in fields}
        if not isinstance(plain, dict) or not plain.keys() <= fields.keys():
            raise TypeError(f"its fields are {', '.join(fields)}")
        values = {}
        for name, value in plain.items():
            rebuild = rebuilds[name]
            values[name] = rebuild(value, f"{place}.{name}") if rebuild else value
        made = hint(**{name: value for name, value in values.items() if fields[name]})
        for name in values.keys() - {name for name, init in fields.items() if init}:
            object.__setattr__(made, name, values[name])
        return made

    return _from(hint, make, f"the fields of {hint.__name__}")


def _rebuild_union(arguments: tuple[Any, ...]) -> Rebuild | None:
    members = [(member, _rebuild(member)) for member in arguments]
    if not any(rebuild for _, rebuild in members):
        return None

    def rebuild(value: Any, place: str) -> Any:
        if _is_plain_member(value, members):
            return value
        refused = []
        for _, each in members:
            if each is not None:
                try:
                    return each(value, place)
                except InvalidArguments as raised:
                    refused.append(str(raised))
        raise InvalidArguments("; ".join(refused))

    return rebuild


def _is_plain_member(value: Any, members: list[tuple[Any, Rebuild | None]]) -> bool:
    return any(
        isinstance(value, get_origin(member) or member) for member, rebuild in members if _is_type(member, rebuild)
    )


def _is_type(member: Any, rebuild: Rebuild | None) -> bool:
    return rebuild is None and isinstance(get_origin(member) or member, type)


def _rebuild_items(kind: Callable[[Any], Any], item: Any) -> Rebuild | None:
    each = _rebuild(item)
    if each is None:
        return None
    return lambda value, place: (
        kind(each(item, f"{place}[{index}]") for index, item in enumerate(value))
        if isinstance(value, list | tuple | set | frozenset)
        else value
    )


def _rebuild_tuple(arguments: tuple[Any, ...]) -> Rebuild | None:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _rebuild_items(tuple, arguments[0])
    rebuilds = [_rebuild(argument) for argument in arguments]
    if not any(rebuilds):
        return None

    def rebuild(value: Any, place: str) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(rebuilds):
            raise InvalidArguments(f"argument {place}: expected {len(rebuilds)} items, got {value!r:.100}")
        pairs = enumerate(zip(value, rebuilds, strict=True))
        return tuple(each(item, f"{place}[{index}]") if each else item for index, (item, each) in pairs)

    return rebuild


def _rebuild_dict(key: Any, item: Any) -> Rebuild | None:
    keys, items = _rebuild(key), _rebuild(item)
    if keys is None and items is None:
        return None

    def rebuild(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            keys(name, f"a key of {place}") if keys else name: items(each, f"{place}[{name!r}]") if items else each
            for name, each in value.items()
        }

    return rebuild
