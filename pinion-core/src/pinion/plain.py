"""Values to plain data and back: what `pinion.codec` writes as JSON is made here, and read here.

Plain data are None, bool, int, float and str, in lists and in dicts with text for keys. What is more than that is
marked, as `{"$": KIND, "v": ...}`, and comes back as exactly what it was. A dict that has the key "$" itself, or keys
that aren't text, is written as pairs, so that it is never mistaken for a mark. Enums, dataclasses, paths and Pydantic
models become the data that they consist of, and come back by the task's annotations (`pinion.annotations`).

Everything here raises ValueError with the reason, or what the types themselves raise for data that isn't theirs.
"""

import dataclasses
import functools
import sys
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import Enum
from importlib import import_module
from typing import Any

__all__ = ["MAX_DEPTH", "declared", "from_plain", "items_to_plain", "to_plain"]

MAX_DEPTH = 100
"""Containers inside containers. Far below what JSON and the stack can take, so that what is written can be read."""

_SCALARS = frozenset({type(None), bool, int, float, str})
_all_scalar = _SCALARS.issuperset
_all_text = frozenset({str}).issuperset


# --- values to plain data -------------------------------------------------------------------------


def to_plain(value: Any, depth: int = 0) -> Any:
    """The value as plain data, which may share the value's own lists and dicts: write it down at once.

    depth: in how many containers the value is.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    _check_depth(depth)
    if kind is list:
        return items_to_plain(value, depth + 1)
    if kind is dict:
        return _dict_to_plain(value, depth + 1)
    if (writer := _WRITERS[kind]) is not None:
        mark, write = writer
        return {"$": mark, "v": write(value, depth + 1)}
    return to_plain(declared(value), depth + 1)


def items_to_plain(items: Any, depth: int = 0) -> list[Any]:
    """Each of the items as plain data."""
    if _all_scalar(map(type, items)):
        return list(items)
    return [to_plain(each, depth) for each in items]


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _dict_to_plain(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    if _all_text(map(type, value)) and "$" not in value:
        if _all_scalar(map(type, value.values())):
            return value
        return {key: to_plain(each, depth) for key, each in value.items()}
    keys = _members_to_plain(value, depth)
    return {"$": "dict", "v": [[key, to_plain(each, depth)] for key, each in zip(keys, value.values(), strict=True)]}


def _set_to_plain(value: Iterable[Any], depth: int) -> list[Any]:
    """In an order of their own, so that equal sets are written alike."""
    return sorted(_members_to_plain(value, depth), key=repr)


def _members_to_plain(members: Iterable[Any], depth: int) -> list[Any]:
    """Members of a set or keys of a dict, which must be as many when they come back."""
    plain = items_to_plain(members, depth)
    if _all_scalar(map(type, members)):
        return plain
    try:
        distinct = {from_plain(each, depth) for each in plain}
    except TypeError:
        raise ValueError("a member or a key would come back as data that can't be one; pass a list") from None
    if len(distinct) < len(plain):
        raise ValueError("two of its members or keys would come back as one; pass a list")
    return plain


def declared(value: Any) -> Any:
    """The data of what comes back by annotation, one level of it. Raises ValueError for a type that isn't carried."""
    kind = type(value)
    if isinstance(value, Enum):
        return value.value
    if _is_a(value, "pathlib", "PurePath"):
        return str(value)
    if dataclasses.is_dataclass(kind) and not _is_exact(value):
        names = (field.name for field in dataclasses.fields(kind))
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    if callable(getattr(kind, "model_dump", None)):
        return _dumped(value)
    raise ValueError(f"{_named(kind)} can't be stored; {_advice(value)}")


def _dumped(model: Any) -> Any:
    # Computed fields are left out where the model knows how: they couldn't be given back to it.
    options = {"round_trip": True} if hasattr(type(model), "model_fields") else {}
    try:
        return model.model_dump(mode="json", **options)
    except Exception as raised:  # the model's own code
        raise ValueError(f"its model_dump() failed: {raised!r:.200}") from raised


def _is_a(value: Any, module: str, name: str) -> bool:
    """Whether the value is an instance of a class whose module isn't imported here: that would cost milliseconds.

    A module that nobody has imported has no instances.
    """
    kind = getattr(sys.modules.get(module), name, None)  # None, too, while another thread imports it
    return kind is not None and isinstance(value, kind)


def _named(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _advice(value: Any) -> str:
    if _is_exact(value):
        base = next(each for each in type(value).__mro__ if each in _EXACT or _WRITERS[each] is not None)
        return f"pass a plain {base.__name__}, which is what would come back"
    if isinstance(value, bytearray | memoryview):
        return "pass bytes(...)"
    if isinstance(value, Iterable) and not isinstance(value, type):
        return "pass a list"
    return "pass plain data, a dataclass, or the key of something that the task can look up"


def _moment(value: datetime | time, _: int) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), _zone(value), value.fold]


def _zone(value: datetime | time) -> str | int | None:
    """The key of a ZoneInfo; of another zone the offset, in microseconds; None for a naive time."""
    zone: Any = value.tzinfo
    if zone is None:
        return None
    if _is_a(zone, "zoneinfo", "ZoneInfo") and zone.key:
        return str(zone.key)
    offset = value.utcoffset()
    if offset is None:
        raise ValueError(f"a time of a zone without a fixed offset ({zone!r:.80}) can't be stored; pass a datetime")
    return offset // timedelta(microseconds=1)


type _Writer = tuple[str, Callable[[Any, int], Any]]

_LATE = (("decimal", "Decimal", "decimal"), ("uuid", "UUID", "uuid"))
"""Types whose modules cost milliseconds, and aren't imported before somebody has a value of them. Written as text."""


class _Writers(dict[type, _Writer | None]):
    """How a value of a type is written, and as which kind; None for a type that isn't carried by itself."""

    def __missing__(self, kind: type) -> _Writer | None:
        for module, name, mark in _LATE:
            if getattr(sys.modules.get(module), name, None) is kind:
                self[kind] = mark, lambda value, _: str(value)
                return self[kind]
        return None


_WRITERS = _Writers(
    {
        tuple: ("tuple", items_to_plain),
        set: ("set", _set_to_plain),
        frozenset: ("frozenset", _set_to_plain),
        bytes: ("bytes", lambda value, _: b2a_base64(value, newline=False).decode("ascii")),
        datetime: ("datetime", _moment),
        date: ("date", lambda value, _: value.isoformat()),
        time: ("time", _moment),
        timedelta: ("timedelta", lambda value, _: [value.days, value.seconds, value.microseconds]),
    }
)


_EXACT = (str, int, float, list, dict, *_WRITERS)
"""The types of which only the very type is carried, and no subclass; those of `_LATE` are, too."""


def _is_exact(value: Any) -> bool:
    return isinstance(value, _EXACT) or _is_a(value, "decimal", "Decimal") or _is_a(value, "uuid", "UUID")


# --- plain data to values -------------------------------------------------------------------------


def from_plain(plain: Any, depth: int = 0) -> Any:
    """The value that `to_plain` was given, made of new objects. depth: in how many containers it is."""
    kind = type(plain)
    if kind is not list and kind is not dict:
        return plain
    _check_depth(depth)
    if kind is list:
        return [from_plain(each, depth + 1) for each in plain]
    if "$" not in plain:
        return {key: from_plain(each, depth + 1) for key, each in plain.items()}
    mark = plain["$"]
    if type(mark) is not str or mark not in _READERS or plain.keys() != {"$", "v"}:
        raise ValueError(f"a value is marked {mark!r:.80}, which this version doesn't know")
    return _READERS[mark](plain["v"], depth + 1)


def _list(plain: Any, length: int | None = None) -> list[Any]:
    if type(plain) is not list or (length is not None and len(plain) != length):
        raise ValueError("a marked value isn't the list that it should be")
    return plain


def _text(plain: Any) -> str:
    if type(plain) is not str:
        raise ValueError("a marked value isn't the text that it should be")
    return plain


def _whole(plain: Any) -> int:
    if type(plain) is not int:
        raise ValueError("a marked value isn't the whole number that it should be")
    return plain


def _items(plain: Any, depth: int) -> Iterator[Any]:
    return (from_plain(each, depth) for each in _list(plain))


def _pairs(plain: Any, depth: int) -> dict[Any, Any]:
    pairs = (_list(pair, 2) for pair in _list(plain))
    return {from_plain(key, depth): from_plain(each, depth) for key, each in pairs}


def _read_zone(plain: Any) -> tzinfo | None:
    if plain is None:
        return None
    if type(plain) is int:
        return timezone(timedelta(microseconds=plain)) if plain else UTC
    from zoneinfo import ZoneInfo  # it takes milliseconds, and few arguments have a zone

    try:
        return ZoneInfo(_text(plain))
    except (LookupError, OSError, ValueError):
        raise ValueError(f"time zone {plain!r:.80} isn't known here; install tzdata") from None


def _read_datetime(plain: Any, _: int) -> datetime:
    text, zone, fold = _list(plain, 3)
    return datetime.fromisoformat(_text(text)).replace(tzinfo=_read_zone(zone), fold=_whole(fold))


def _read_time(plain: Any, _: int) -> time:
    text, zone, fold = _list(plain, 3)
    return time.fromisoformat(_text(text)).replace(tzinfo=_read_zone(zone), fold=_whole(fold))


@functools.cache
def _late_type(mark: str) -> Any:
    [found] = [getattr(import_module(module), name) for module, name, its in _LATE if its == mark]
    return found


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "dict": _pairs,
    "tuple": lambda plain, depth: tuple(_items(plain, depth)),
    "set": lambda plain, depth: set(_items(plain, depth)),
    "frozenset": lambda plain, depth: frozenset(_items(plain, depth)),
    "bytes": lambda plain, _: a2b_base64(_text(plain), strict_mode=True),
    "datetime": _read_datetime,
    "date": lambda plain, _: date.fromisoformat(_text(plain)),
    "time": _read_time,
    "timedelta": lambda plain, _: timedelta(*map(_whole, _list(plain, 3))),
    "decimal": lambda plain, _: _late_type("decimal")(_text(plain)),
    "uuid": lambda plain, _: _late_type("uuid")(_text(plain)),
}
