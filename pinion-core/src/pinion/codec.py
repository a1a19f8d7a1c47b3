"""Arguments and results to JSON text and back, never pickle.

Values that JSON lacks are written as `{"$": KIND, "v": ...}` and come back as what they were; a dict of the user's
own that has the key "$" is written as pairs, so that it is never mistaken for one. Enums, dataclasses, paths and
Pydantic models are written as plain data; `pinion.annotations` rebuilds them by what the task declares, never by a
name found in the text.
"""

import base64
import dataclasses
import enum
import json
import math
import pathlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from pinion.errors import PayloadTooLarge, UndecodableJob, Unserializable

__all__ = ["DEFAULT_CODEC", "LIMIT", "Codec", "JsonCodec"]

LIMIT = 4 * 1024 * 1024
"""Characters of encoded arguments or result that a job may have."""

MARK = "$"
_MARKED = '"$"'


class Codec(Protocol):
    """Turns arguments and results into text and back. Its errors are those of `pinion.errors`."""

    name: str

    def encode_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Raises Unserializable, naming the argument and the place in it, or PayloadTooLarge."""
        ...

    def decode_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Raises UndecodableJob."""
        ...

    def encode(self, value: Any) -> str:
        """Raises Unserializable or PayloadTooLarge."""
        ...

    def decode(self, text: str) -> Any:
        """Raises UndecodableJob."""
        ...


_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_loads = json.JSONDecoder().decode
_ATOMS = frozenset({type(None), bool, int, str})


class JsonCodec:
    """JSON with marked values; see the module.

    limit: characters that an encoded call or value may have.
    """

    name = "json"

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit

    def encode_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if not args and not kwargs:
            return "[[],{}]"
        plain_args = [_plain_argument(value, place) for place, value in enumerate(args, start=1)]
        plain_kwargs = {name: _plain_argument(value, name) for name, value in kwargs.items()}
        return self._bounded([plain_args, plain_kwargs], "the arguments")

    def decode_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if text == "[[],{}]":
            return (), {}
        value = self._parsed(text)
        if type(value) is not list or len(value) != 2 or type(value[0]) is not list or type(value[1]) is not dict:
            raise UndecodableJob(f"stored arguments must be a list and an object, got {text[:80]!r}")
        args, kwargs = value
        if _MARKED in text:
            return tuple(_restored(each) for each in args), {name: _restored(each) for name, each in kwargs.items()}
        return tuple(args), kwargs

    def encode(self, value: Any) -> str:
        return self._bounded(value if type(value) in _ATOMS else _guarded(value, "the value"), "the value")

    def decode(self, text: str) -> Any:
        value = self._parsed(text)
        return _restored(value) if _MARKED in text else value

    def _bounded(self, plain: Any, what: str) -> str:
        try:
            text = _dumps(plain)
        except ValueError as raised:  # an int of more digits than the interpreter turns into text
            raise Unserializable(f"{what} can't be stored: {raised}") from None
        if len(text) > self.limit:
            raise PayloadTooLarge(
                f"{what} take {len(text):,} characters, and at most {self.limit:,} can be stored; "
                "pass the name of a file or a key instead of the data"
            )
        return text

    def _parsed(self, text: str) -> Any:
        if len(text) > self.limit:
            raise UndecodableJob(f"a stored value has {len(text):,} characters, more than the limit of {self.limit:,}")
        try:
            return _loads(text)
        except (ValueError, RecursionError) as raised:
            raise UndecodableJob(f"a stored value is no JSON that can be read: {raised} ({text[:60]!r})") from None
        except TypeError:
            raise UndecodableJob(f"a stored value must be text, got {type(text).__name__}") from None


DEFAULT_CODEC = JsonCodec()


# --- values to plain data -------------------------------------------------------------------------


def _plain_argument(value: Any, place: int | str) -> Any:
    if type(value) in _ATOMS:
        return value
    return _guarded(value, f"argument {place!r}")


def _guarded(value: Any, place: str) -> Any:
    try:
        return _plain(value, place)
    except RecursionError:
        raise Unserializable(f"{place} can't be stored: it is nested too deeply, or contains itself") from None


def _plain(value: Any, place: str) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is float:
        return _plain_float(value, place)
    if kind is list:
        return [_plain(each, f"{place}[{index}]") for index, each in enumerate(value)]
    if kind is dict:
        return _plain_dict(value, place)
    if kind in _MARKS:
        name, write = _MARKS[kind]
        return {MARK: name, "v": write(value, place)}
    return _plain_declared(value, place)


def _plain_float(value: float, place: str) -> float:
    if math.isfinite(value):
        return value
    raise Unserializable(f"{place}: {value} can't be stored, JSON has finite numbers only; pass None or text instead")


def _plain_dict(value: dict[Any, Any], place: str) -> Any:
    if all(type(key) is str for key in value) and MARK not in value:
        return {key: _plain(each, f"{place}[{key!r}]") for key, each in value.items()}
    pairs = [[_plain(key, f"a key of {place}"), _plain(each, f"{place}[{key!r}]")] for key, each in value.items()]
    return {MARK: "dict", "v": pairs}


def _plain_declared(value: Any, place: str) -> Any:
    """What comes back by the annotations of the task."""
    if isinstance(value, enum.Enum):
        return _plain(value.value, place)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name), f"{place}.{field.name}") for field in fields}
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if callable(dump := getattr(value, "model_dump", None)) and not isinstance(value, type):
        return _plain(dump(mode="json"), place)
    kind = type(value)
    raise Unserializable(
        f"{place}: a value of type {kind.__module__}.{kind.__qualname__} can't be stored; "
        "pass plain data, a dataclass, or the key of something the task can look up"
    )


def _items(value: Any, place: str) -> list[Any]:
    return [_plain(each, f"{place}[{index}]") for index, each in enumerate(value)]


def _zone(zone: Any, value: datetime | time, place: str) -> Any:
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    offset = value.utcoffset()
    if offset is None:
        raise Unserializable(f"{place}: a time whose zone {zone!r} has no fixed offset can't be stored; use a datetime")
    return offset // timedelta(microseconds=1)


def _datetime(value: datetime, place: str) -> Any:
    return [value.replace(tzinfo=None, fold=0).isoformat(), _zone(value.tzinfo, value, place), value.fold]


def _time(value: time, place: str) -> Any:
    return [value.replace(tzinfo=None, fold=0).isoformat(), _zone(value.tzinfo, value, place), value.fold]


_MARKS: dict[type, tuple[str, Callable[[Any, str], Any]]] = {
    tuple: ("tuple", _items),
    set: ("set", _items),
    frozenset: ("frozenset", _items),
    bytes: ("bytes", lambda value, _: base64.b64encode(value).decode("ascii")),
    datetime: ("datetime", _datetime),
    date: ("date", lambda value, _: value.isoformat()),
    time: ("time", _time),
    timedelta: ("timedelta", lambda value, _: [value.days, value.seconds, value.microseconds]),
    Decimal: ("decimal", lambda value, _: str(value)),
    UUID: ("uuid", lambda value, _: str(value)),
}


# --- plain data to values -------------------------------------------------------------------------


def _restored(value: Any) -> Any:
    try:
        return _restore(value)
    except UndecodableJob:
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError, RecursionError) as raised:
        raise UndecodableJob(f"a stored value is marked as something that it isn't: {raised!r:.200}") from None


def _restore(value: Any) -> Any:
    if type(value) is list:
        return [_restore(each) for each in value]
    if type(value) is not dict:
        return value
    if MARK not in value:
        return {key: _restore(each) for key, each in value.items()}
    kind = value[MARK]
    if type(kind) is not str or kind not in _READERS or len(value) != 2:
        raise UndecodableJob(f"a stored value is marked {kind!r:.80}, which this version doesn't know")
    return _READERS[kind](value["v"])


def _read_zone(zone: str | int | None) -> Any:
    if zone is None:
        return None
    if type(zone) is str:
        return ZoneInfo(zone)
    offset = timedelta(microseconds=zone)  # type: ignore[arg-type]  # what isn't a number raises TypeError here
    return UTC if not offset else timezone(offset)


def _read_datetime(parts: list[Any]) -> datetime:
    text, zone, fold = parts
    return datetime.fromisoformat(text).replace(tzinfo=_read_zone(zone), fold=fold)


def _read_time(parts: list[Any]) -> time:
    text, zone, fold = parts
    return time.fromisoformat(text).replace(tzinfo=_read_zone(zone), fold=fold)


def _read_timedelta(parts: list[int]) -> timedelta:
    days, seconds, microseconds = parts
    return timedelta(days, seconds, microseconds)


_READERS: dict[str, Callable[[Any], Any]] = {
    "dict": lambda pairs: {_restore(key): _restore(each) for key, each in pairs},
    "tuple": lambda items: tuple(_restore(each) for each in items),
    "set": lambda items: {_restore(each) for each in items},
    "frozenset": lambda items: frozenset(_restore(each) for each in items),
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "datetime": _read_datetime,
    "date": date.fromisoformat,
    "time": _read_time,
    "timedelta": _read_timedelta,
    "decimal": Decimal,
    "uuid": UUID,
}
