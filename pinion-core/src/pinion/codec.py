"""Arguments and results to JSON text and back, never pickle.

Here are the Codec protocol, the text, its limits, and finding the place of what can't be stored. What becomes of
values that JSON lacks is in `pinion.plain`; what comes back by a task's annotations in `pinion.annotations`. Nothing
that is named in a text is imported or called.
"""

import dataclasses
import json
import json.encoder
import math
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, NoReturn, Protocol

from pinion.errors import PayloadTooLarge, UndecodableJob, Unserializable
from pinion.plain import MAX_DEPTH, declared, from_plain, items_to_plain, to_plain

__all__ = ["DEFAULT_CODEC", "LIMIT", "Codec", "JsonCodec"]

LIMIT = 4 * 1024 * 1024
"""Characters of encoded arguments or result that a job may have."""


class Codec(Protocol):
    """Turns arguments and results into text and back. What comes back are new objects, each time."""

    name: str

    def encode_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Raises Unserializable, naming the argument and the place in it, or PayloadTooLarge."""
        ...

    def decode_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Raises UndecodableJob for text that isn't arguments, or not of this codec."""
        ...

    def encode(self, value: Any) -> str:
        """Raises Unserializable, naming the place in the value, or PayloadTooLarge."""
        ...

    def decode(self, text: str) -> Any:
        """Raises UndecodableJob for text that isn't of this codec."""
        ...


class JsonCodec:
    """JSON in ASCII, so that NUL and lone surrogates survive in any storage. A call is `[[...args],{...kwargs}]`.

    Carried exactly: None, bool, int, float, str, list, tuple, dict, set, frozenset, bytes, datetime, date, time,
    timedelta, Decimal, UUID. A subclass of these is refused, because it would come back as something else. A time
    keeps its ZoneInfo, by the key, and of another zone the offset. Floats that aren't finite are refused.

    limit: characters that an encoded call or value may have.
    """

    name = "json"

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit

    def encode_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if not args and not kwargs:
            return _NOTHING
        try:
            text = _dump([items_to_plain(args), _names_to_plain(kwargs) if kwargs else kwargs])
        except ValueError as raised:
            _blame_call(args, kwargs, raised)
        return text if len(text) <= self.limit else self._refuse_size("the arguments", text)

    def decode_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if text == _NOTHING:
            return (), {}
        try:
            args, kwargs = _as_call(self._parse(text))
            if _needs_a_second_look(text):
                args = [from_plain(each) for each in args]
                kwargs = {name: from_plain(each) for name, each in kwargs.items()}
        except _UNREADABLE as raised:
            raise UndecodableJob(f"stored arguments can't be read: {_told(raised)}") from raised
        return tuple(args), kwargs

    def encode(self, value: Any) -> str:
        try:
            text = _dump(to_plain(value))
        except ValueError:
            _blame(value, "the value", frozenset())
        return text if len(text) <= self.limit else self._refuse_size("the value", text)

    def decode(self, text: str) -> Any:
        try:
            value = self._parse(text)
            return from_plain(value) if _needs_a_second_look(text) else value
        except _UNREADABLE as raised:
            raise UndecodableJob(f"a stored value can't be read: {_told(raised)}") from raised

    def _parse(self, text: str) -> Any:
        if len(text) > self.limit:
            raise ValueError(f"it has {len(text):,} characters, more than the limit of {self.limit:,}")
        value, end = _read(text, 0)
        if end != len(text):
            raise ValueError(f"there is more behind its end at character {end}")
        return value

    def _refuse_size(self, what: str, text: str) -> NoReturn:
        raise PayloadTooLarge(
            f"{what} take {len(text):,} characters, and at most {self.limit:,} can be stored; "
            "pass the name of a file or a key instead of the data"
        )

    def __repr__(self) -> str:
        return f"JsonCodec(limit={self.limit})"


DEFAULT_CODEC = JsonCodec()
"""What a storage uses unless it is given another."""


# --- text -----------------------------------------------------------------------------------------


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.40} is too large for a float")
    return number


_NOTHING = "[[],{}]"
_read = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant).raw_decode


def _writer() -> Callable[[Any, int], Iterable[str]]:
    """JSONEncoder.iterencode with its part in C made once instead of for each call, which halves the time."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without it
        encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
        return lambda plain, _: encoder.iterencode(plain)
    pieces: Callable[[Any, int], Iterable[str]] = make(
        None, None, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
    )
    return pieces


_pieces = _writer()


def _dump(plain: Any) -> str:
    text = "".join(_pieces(plain, 0))
    # JSON writes an astral character as two surrogates, and so joins two that stood on their own beside each other.
    if "\\ud" in text and _read(text, 0)[0] != plain:
        raise ValueError("text with a pair of surrogates in it can't be stored; decode it as UTF-16 first")
    return text


def _names_to_plain(kwargs: dict[str, Any]) -> dict[str, Any]:
    if any(type(name) is not str for name in kwargs):
        raise ValueError("their names must be plain text")
    return {name: to_plain(each) for name, each in kwargs.items()}


def _as_call(value: Any) -> tuple[list[Any], dict[str, Any]]:
    if type(value) is list and len(value) == 2 and type(value[0]) is list and type(value[1]) is dict:
        return value[0], value[1]
    raise ValueError("they aren't of the form [[...args],{...kwargs}]")


def _needs_a_second_look(text: str) -> bool:
    """Whether the text may hold marked values, or more containers in containers than are allowed."""
    return '"$"' in text or (len(text) > MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH)


_UNREADABLE = (ArithmeticError, RecursionError, TypeError, ValueError)
"""What parsing raises, and the types of the standard library for text that isn't theirs."""


def _told(raised: BaseException) -> str:
    return "it is nested too deeply" if isinstance(raised, RecursionError) else f"{raised!s:.200}"


# --- the place of what can't be stored ------------------------------------------------------------
# It is looked for afterwards, so that what can be stored pays nothing for it.


def _blame_call(args: tuple[Any, ...], kwargs: dict[str, Any], raised: ValueError) -> NoReturn:
    places: list[tuple[object, Any]] = [*enumerate(args, start=1), *kwargs.items()]
    for place, value in places:
        if _refusal(value):
            _blame(value, f"argument {place!r}", frozenset())
    raise Unserializable(f"the arguments: {raised}") from None


def _blame(value: Any, place: str, above: frozenset[int]) -> NoReturn:
    """Raise Unserializable for the innermost part that can't be stored. above: the ids of what the value is in."""
    if id(value) in above:
        raise Unserializable(f"{place}: it contains itself; pass data without a circle") from None
    if len(above) < MAX_DEPTH:
        for name, part in _parts(value):
            if _refusal(part):
                _blame(part, place + name, above | {id(value)})
    raise Unserializable(f"{place}: {_refusal(value)}") from None


def _refusal(value: Any) -> str:
    """Why the value can't be stored; "" if it can."""
    try:
        _dump(to_plain(value))
    except ValueError as raised:
        if type(value) is float:
            return f"{value} can't be stored; pass None or text"
        if type(value) is int:
            return f"a number of more than {sys.get_int_max_str_digits()} digits can't be stored; pass bytes"
        return str(raised)
    return ""


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if kind in (list, tuple):
        yield from ((f"[{place}]", part) for place, part in enumerate(value))
    elif kind in (set, frozenset):
        yield from ((f" member {reprlib.repr(part)}", part) for part in value)
    elif kind is dict:
        yield from ((f" key {reprlib.repr(key)}", key) for key in value)
        yield from ((f"[{reprlib.repr(key)}]", part) for key, part in value.items())
    elif isinstance(value, Enum):
        yield ".value", value.value
    elif dataclasses.is_dataclass(kind):
        yield from ((f".{name}", part) for name, part in declared(value).items())
