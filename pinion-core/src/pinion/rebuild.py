"""What makes a value of an annotated type out of plain data: Enums, paths, dataclasses, Pydantic models, and these in
lists, tuples, sets, dicts and unions.

Only the annotation decides. In a union, a value that is of one of its types already stays as it is, so that text stays
text in `str | Path`; then the first type that can be made of it is. Other types aren't touched, nor validated.
"""

import dataclasses
import functools
import inspect
import json
import reprlib
import sys
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from enum import Enum
from operator import is_
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from pinion.errors import InvalidArguments
from pinion.plain import from_plain, to_plain

__all__ = ["Rebuild", "rebuild_of", "resolved"]

type Rebuild = Callable[[Any, str], Any]
"""Makes the annotated value of plain data; the text is the place that an error names. A value of the type stays."""


def resolved(annotation: Any, names: dict[str, Any]) -> Any:
    """The annotation with what it names in text looked up; Any if that fails."""

    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    try:
        return get_type_hints(holder, names)["it"]
    except Exception:  # text of an annotation is an expression, which may raise anything
        return Any


# --- what makes the value -------------------------------------------------------------------------

_COLLECTIONS: Mapping[Any, type | None] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    **dict.fromkeys((abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection, abc.Set, abc.MutableSet)),
}
"""What to make of the items; None means as it was given."""

_MAPPINGS = frozenset({dict, abc.Mapping, abc.MutableMapping})


def rebuild_of(hint: Any) -> Rebuild | None:
    """What makes a value of the annotated type out of plain data; None if plain data is right as it is.

    What it makes raises InvalidArguments, naming the place, of data that can't be made one.
    """
    try:
        return _find_rebuild(hint)
    except (NameError, RecursionError):  # an alias of a name that is missing, or of itself
        return None


def _find_rebuild(hint: Any) -> Rebuild | None:
    hint = _bare(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple and arguments[1:] != (Ellipsis,):
        return _tuple(arguments)
    if origin in _COLLECTIONS:
        return _collection(_COLLECTIONS[origin], arguments[0])
    if origin in _MAPPINGS:
        return _mapping(*arguments)
    kind = origin or hint
    return _class(kind) if isinstance(kind, type) else None


def _bare(hint: Any) -> Any:
    """The hint behind Annotated, NewType and aliases."""
    while True:
        if get_origin(hint) is typing.Annotated:
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif isinstance(hint, typing.TypeAliasType):
            hint = hint.__value__
        else:
            return hint


def _refuse(place: str, expected: str, value: Any, why: object = "") -> NoReturn:
    reason = f" ({why})" if str(why) else ""
    raise InvalidArguments(f"{place}: expected {expected}, got {reprlib.repr(value)}{reason}")


def _union(members: tuple[Any, ...]) -> Rebuild | None:
    found = [(member, _find_rebuild(member)) for member in members]
    rebuilds = [rebuild for _, rebuild in found if rebuild]
    as_they_are = [member for member, rebuild in found if rebuild is None or isinstance(_bare(member), type)]

    def rebuild(value: Any, place: str) -> Any:
        fits = {_fits(value, member) for member in as_they_are}
        if True in fits:
            return value
        refused = []
        for each in rebuilds:
            try:
                return each(value, place)
            except InvalidArguments as raised:
                refused.append(str(raised))
        if None in fits:
            return value
        raise InvalidArguments("; or ".join(refused))

    return rebuild if rebuilds else None


def _fits(value: Any, hint: Any) -> bool | None:
    """Whether the value is of the type; None if that can't be told, as of Any or of a TypedDict."""
    hint = _bare(hint)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    kind = get_origin(hint) or hint
    if kind is object:
        return None
    try:
        return isinstance(value, int | float if kind is float else kind)
    except TypeError:
        return None


def _as_it_is(value: Any, _: str) -> Any:
    return value


def _collection(kind: type | None, item: Any) -> Rebuild | None:
    each = _find_rebuild(item)
    if each is None:
        return None

    def rebuild(value: Any, place: str) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            _refuse(place, f"a {kind.__name__ if kind else 'list'}", value)
        items = [each(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, kind or object) and all(map(is_, items, value)):
            return value
        make = kind or type(value)
        try:
            return make(items)
        except TypeError as raised:
            _refuse(place, f"a {make.__name__}", value, raised)

    return rebuild


def _tuple(items: tuple[Any, ...]) -> Rebuild | None:
    found = [_find_rebuild(item) for item in items]
    if not any(found):
        return None
    rebuilds = [each or _as_it_is for each in found]

    def rebuild(value: Any, place: str) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(rebuilds):
            _refuse(place, f"a tuple of {len(rebuilds)}", value)
        pairs = enumerate(zip(rebuilds, value, strict=True))
        made = tuple(each(item, f"{place}[{index}]") for index, (each, item) in pairs)
        return value if isinstance(value, tuple) and all(map(is_, made, value)) else made

    return rebuild


def _mapping(key: Any, item: Any) -> Rebuild | None:
    found = _find_rebuild(key), _find_rebuild(item)
    if not any(found):
        return None
    keys, items = (each or _as_it_is for each in found)

    def rebuild(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            _refuse(place, "a dict", value)
        made = {
            keys(name, f"{place} key {reprlib.repr(name)}"): items(each, f"{place}[{reprlib.repr(name)}]")
            for name, each in value.items()
        }
        same = all(map(is_, made, value)) and all(map(is_, made.values(), value.values()))
        return value if same else made

    return rebuild


# --- what is made: Enum, path, dataclass, model ---------------------------------------------------


def _class(kind: type) -> Rebuild | None:
    if issubclass(kind, Enum):
        if not kind.__members__:  # Enum itself, of which nothing can be made
            return None
        values = ", ".join(repr(member.value) for member in kind)
        return _made_by(lambda plain, _: _member(kind, plain), kind, f"a value of {kind.__name__}: {values:.200}")
    if _is_path(kind):
        return _made_by(lambda plain, _: _path(kind, plain), kind, "the text of a path")
    if dataclasses.is_dataclass(kind):
        return _made_by(_dataclass(kind), kind, f"the fields of {kind.__name__}")
    if callable(getattr(kind, "model_validate", None)):
        return _made_by(_model(kind), kind, f"the data of {kind.__name__}")
    return None


def _made_by(make: Rebuild, kind: type, expected: str) -> Rebuild:
    def rebuild(value: Any, place: str) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return make(value, place)
        except InvalidArguments:
            raise
        except Exception as raised:  # a constructor is the application's code
            _refuse(place, expected, value, raised)

    return rebuild


def _member(kind: type[Enum], plain: Any) -> Enum:
    try:
        return kind(plain)
    except ValueError:
        for member in kind:  # the value may itself be a path or a dataclass
            if from_plain(to_plain(member.value)) == plain:
                return member
        raise


def _is_path(kind: type) -> bool:
    """Without importing pathlib, which takes milliseconds: where nobody has, nothing is annotated with its types."""
    return "pathlib" in sys.modules and issubclass(kind, sys.modules["pathlib"].PurePath)


def _path(kind: Any, plain: Any) -> Any:
    if not isinstance(plain, str):
        raise TypeError("it isn't text")
    return kind(plain)


def _dataclass(kind: Any) -> Rebuild:
    fields = {field.name: field for field in dataclasses.fields(kind)}

    @functools.cache  # at the first use, so that a dataclass may contain itself
    def rebuilds() -> dict[str, Rebuild]:
        hints = _hints_of_class(kind)
        return {name: rebuild for name in fields if (rebuild := rebuild_of(hints.get(name)))}

    def make(plain: Any, place: str) -> Any:
        if not isinstance(plain, dict) or not plain.keys() <= fields.keys():
            raise TypeError(f"its fields are {', '.join(fields)}")
        values = dict(plain)
        for name in rebuilds().keys() & plain.keys():
            values[name] = rebuilds()[name](plain[name], f"{place}.{name}")
        made = kind(**{name: value for name, value in values.items() if fields[name].init})
        for name, value in values.items():
            if not fields[name].init:
                object.__setattr__(made, name, value)  # a frozen one too
        return made

    return make


def _hints_of_class(kind: type) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        names = {**vars(sys.modules.get(base.__module__, types)), base.__name__: base}
        hints |= {name: resolved(hint, names) for name, hint in inspect.get_annotations(base).items()}
    return hints


def _model(kind: Any) -> Rebuild:
    # As JSON, because the dump was made for JSON: a strict model takes a date as text from nothing else. By the names
    # of the fields, because the dump has those and not their aliases.
    options = {"by_name": True} if "by_name" in inspect.signature(kind.model_validate).parameters else {}
    reads_json = callable(getattr(kind, "model_validate_json", None))

    def make(plain: Any, _: str) -> Any:
        text = _json(plain) if reads_json else None
        return kind.model_validate(plain, **options) if text is None else kind.model_validate_json(text, **options)

    return make


def _json(plain: Any) -> str | None:
    """The text of it; None if it isn't all JSON, as when somebody gave a dict with a date in it."""
    try:
        return json.dumps(plain)
    except (TypeError, ValueError):
        return None
