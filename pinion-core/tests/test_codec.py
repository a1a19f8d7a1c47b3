"""The JSON codec: what it carries, what it refuses and how it says so, and what it makes of hostile text."""

import dataclasses
import enum
import json
import math
import pathlib
import sys
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pinion.codec import DEFAULT_CODEC, LIMIT, JsonCodec
from pinion.errors import PayloadTooLarge, Unserializable
from pinion.plain import MAX_DEPTH

ZURICH = ZoneInfo("Europe/Zurich")


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class Mode(enum.StrEnum):
    FAST = "fast"


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: Any = None


class Model:
    """Shaped like a Pydantic model."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def model_dump(self, *, mode: str) -> Any:
        assert mode == "json"
        return self.data


Pair = namedtuple("Pair", "a b")


def round_trip(value: Any) -> Any:
    (first,), by_name = DEFAULT_CODEC.decode_call(DEFAULT_CODEC.encode_call((value,), {"value": value}))
    alone = DEFAULT_CODEC.decode(DEFAULT_CODEC.encode(value))
    assert exact(first) == exact(by_name["value"]) == exact(alone)
    return alone


def exact(value: Any) -> Any:
    """A form that is equal only for values of the same types, all the way down."""
    kind = type(value)
    if kind in (list, tuple):
        return kind.__name__, [exact(each) for each in value]
    if kind in (set, frozenset):
        return kind.__name__, sorted(repr(exact(each)) for each in value)
    if kind is dict:
        return "dict", [(exact(key), exact(each)) for key, each in value.items()]
    if kind in (datetime, time):
        zone = value.tzinfo
        named = zone.key if isinstance(zone, ZoneInfo) else value.utcoffset()
        return kind.__name__, value.replace(tzinfo=None).isoformat(), value.fold, repr(named)
    return kind.__name__, repr(value)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(Unserializable) as refused:
        DEFAULT_CODEC.encode_call(args, kwargs)
    return str(refused.value)


# --- what comes back ------------------------------------------------------------------------------

zones = st.one_of(
    st.none(),
    st.sampled_from([UTC, ZURICH, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns")]),
    st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone),
)
fixed_zones = st.one_of(st.none(), st.sampled_from([UTC, ZURICH]), st.just(timezone(timedelta(hours=5, seconds=7))))
folds = st.integers(0, 1)
texts = st.one_of(
    st.text(),
    st.text(st.characters(min_codepoint=0xDC00, max_codepoint=0xDCFF, categories=["Cs"])),
    st.sampled_from(["$", "v", "$v", "\0", "\U0001f600", '"$"', "\\ud800"]),
)
hashables = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.binary(),
    st.builds(lambda when, fold: when.replace(fold=fold), st.datetimes(timezones=zones, allow_imaginary=True), folds),
    st.dates(),
    st.builds(lambda when, zone, fold: when.replace(tzinfo=zone, fold=fold), st.times(), fixed_zones, folds),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
)
keys = st.one_of(hashables, st.tuples(hashables, st.tuples(hashables)), st.frozensets(hashables, max_size=2))
values: st.SearchStrategy[Any] = st.deferred(
    lambda: st.one_of(
        hashables,
        st.sampled_from([Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), -0.0]),
        st.lists(values, max_size=3),
        st.lists(values, max_size=3).map(tuple),
        st.dictionaries(keys, values, max_size=3),
        st.dictionaries(texts, values, max_size=3),
        st.sets(keys, max_size=3),
        st.frozensets(keys, max_size=3),
    )
)


@given(values)
@example([{"$": "bytes", "v": "AA=="}])
@example({"$": {"$": 1}})
@example({1: "one", "1": "text", (1, 2): b"", frozenset({1}): None})
@example([1, True, 1.0, -0.0, 0, ""])
def test_a_value_comes_back_as_exactly_what_it_was(value: Any) -> None:
    assert exact(round_trip(value)) == exact(value)


@given(st.lists(values, max_size=3), st.dictionaries(texts, values, max_size=3))
@example([], {"$": "bytes", "v": "AA=="})
def test_a_call_comes_back_as_exactly_what_it_was(args: list[Any], kwargs: dict[str, Any]) -> None:
    back_args, back_kwargs = DEFAULT_CODEC.decode_call(DEFAULT_CODEC.encode_call(tuple(args), kwargs))

    assert exact(back_args) == exact(tuple(args))
    assert exact(back_kwargs) == exact(kwargs)


@given(values)
def test_the_text_is_ascii_and_strict_json(value: Any) -> None:
    text = DEFAULT_CODEC.encode(value)

    assert text.isascii() and text.isprintable()
    json.loads(text, parse_constant=pytest.fail)


def test_a_call_is_a_list_of_a_list_and_an_object() -> None:
    assert DEFAULT_CODEC.encode_call((), {}) == "[[],{}]"
    assert DEFAULT_CODEC.encode_call((1, "a"), {"b": [None, 2.5]}) == '[[1,"a"],{"b":[null,2.5]}]'
    assert DEFAULT_CODEC.encode_call((b"\0",), {}) == '[[{"$":"bytes","v":"AA=="}],{}]'


def test_what_comes_back_is_new_each_time() -> None:
    for text in ("[[],{}]", "[[[]],{}]", '[[{"$":"tuple","v":[[]]}],{}]'):
        first, second = DEFAULT_CODEC.decode_call(text), DEFAULT_CODEC.decode_call(text)

        first[1]["changed"] = True
        for each in first[0]:
            (each if type(each) is list else each[0]).append(1)

        assert second == DEFAULT_CODEC.decode_call(text)
        assert second[1] == {}


def test_an_ambiguous_hour_keeps_its_zone_and_its_fold() -> None:
    for fold, offset in ((0, timedelta(hours=2)), (1, timedelta(hours=1))):
        back = round_trip(datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH, fold=fold))

        assert back.tzinfo is ZURICH
        assert (back.fold, back.utcoffset()) == (fold, offset)


def test_a_time_of_a_foreign_zone_comes_back_as_the_same_instant_with_a_fixed_offset() -> None:
    class Summer(tzinfo):
        def utcoffset(self, when: datetime | None) -> timedelta:
            return timedelta(hours=2)

        def dst(self, when: datetime | None) -> timedelta:
            return timedelta(hours=1)

        def tzname(self, when: datetime | None) -> str:
            return "summer"

    when = datetime(2026, 7, 1, 12, tzinfo=Summer())

    back = round_trip(when)

    assert back == when
    assert back.tzinfo == timezone(timedelta(hours=2))


def test_the_longest_number_that_the_interpreter_writes_comes_back() -> None:
    number = 10 ** (sys.get_int_max_str_digits() - 1)

    assert round_trip(-number) == -number


def test_equal_sets_are_written_alike() -> None:
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other)

    assert DEFAULT_CODEC.encode(one) == DEFAULT_CODEC.encode(other)


def test_what_annotations_bring_back_is_written_as_plain_data() -> None:
    plain = {
        Colour.RED: "red",
        Colour.PAIR: (1, 2),
        Level.HIGH: 3,
        Mode.FAST: "fast",
        Point(1, Colour.RED): {"x": 1, "y": "red"},
        pathlib.PurePosixPath("/tmp/a b"): "/tmp/a b",
        Model({"a": [1]}): {"a": [1]},
    }

    for value, expected in plain.items():
        assert exact(round_trip(value)) == exact(expected)
        assert exact(round_trip([value])) == exact([expected])


def test_enums_may_be_keys_and_members() -> None:
    assert round_trip({Colour.RED: 1}) == {"red": 1}
    assert round_trip({Level.HIGH, Colour.PAIR}) == {3, (1, 2)}


def test_a_field_that_was_never_set_is_left_out() -> None:
    @dataclasses.dataclass
    class Late:
        a: int
        b: int = dataclasses.field(init=False)

    assert round_trip(Late(1)) == {"a": 1}


# --- what is refused ------------------------------------------------------------------------------


def test_a_refusal_names_the_place() -> None:
    assert refusal(1, 2j).startswith("argument 2: complex can't be stored; pass ")
    assert refusal(rows=[0, 1, 2, {"when": 2j}]).startswith(
        "argument 'rows'[3]['when']: complex can't be stored; pass "
    )
    assert refusal(Point(1, (0, {1: object()}))).startswith("argument 1.y[1][1]: object can't be stored")
    assert "argument 1 key 2j: complex" in refusal({2j: 1})
    assert "argument 1 member 2j: complex" in refusal({2j})
    with pytest.raises(Unserializable, match=r"^the value\['a'\]: complex can't be stored"):
        DEFAULT_CODEC.encode({"a": 2j})


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (OrderedDict(a=1), "pass a plain dict"),
        (Pair(1, 2), "pass a plain tuple"),
        (type("Text", (str,), {})("a"), "pass a plain str"),
        (type("Number", (int,), {})(1), "pass a plain int"),
        (type("Amount", (float,), {})(1), "pass a plain float"),
        (type("Rows", (list,), {})(), "pass a plain list"),
        (type("Moment", (datetime,), {})(2026, 1, 1), "pass a plain datetime"),
        (type("Day", (date,), {})(2026, 1, 1), "pass a plain date"),
        (bytearray(b"a"), "pass bytes"),
        (range(3), "pass a list"),
        (iter([]), "pass a list"),
        (Point, "can't be stored"),
        (Colour, "can't be stored"),
        (len, "can't be stored"),
        (ValueError("a"), "can't be stored"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_a_type_that_would_not_come_back_is_refused_with_advice(value: Any, advice: str) -> None:
    assert advice in refusal(value)
    assert advice in refusal([{"a": value}])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    assert refusal(value) == f"argument 1: {value} can't be stored; pass None or text"
    assert refusal(a=[1.0, value]) == f"argument 'a'[1]: {value} can't be stored; pass None or text"


def test_a_number_with_too_many_digits_is_refused() -> None:
    assert f"more than {sys.get_int_max_str_digits()} digits" in refusal([10 ** sys.get_int_max_str_digits()])


def test_two_surrogates_that_would_come_back_as_one_character_are_refused() -> None:
    pair = "\ud83d\ude00"

    assert refusal(pair).startswith("argument 1: text with a pair of surrogates")
    assert refusal(a=[pair]).startswith("argument 'a'[0]: text with a pair of surrogates")
    assert "surrogates" in refusal({pair: 1})
    assert "surrogates" in refusal(**{pair: 1})


def test_members_that_would_come_back_as_one_are_refused() -> None:
    assert "as one" in refusal({Colour.RED, "red"})
    assert "as one" in refusal({Colour.RED: 1, "red": 2})


def test_members_that_would_come_back_unhashable_are_refused() -> None:
    assert "pass a list" in refusal({Point(1)})
    assert "pass a list" in refusal({Point(1): 1})


def test_names_of_arguments_must_be_text() -> None:
    with pytest.raises(Unserializable, match="names must be plain text"):
        DEFAULT_CODEC.encode_call((), {1: 2})  # type: ignore[dict-item]


def test_a_time_of_a_zone_without_an_offset_is_refused() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, when: datetime | None) -> None:
            return None

        def dst(self, when: datetime | None) -> None:
            return None

        def tzname(self, when: datetime | None) -> None:
            return None

    assert "without a fixed offset" in refusal(time(12, tzinfo=Nowhere()))
    assert "without a fixed offset" in refusal(datetime(2026, 1, 1, tzinfo=Nowhere()))


def test_what_contains_itself_is_refused_where_the_circle_closes() -> None:
    rows: list[Any] = [1]
    rows.append({"again": rows})

    assert refusal(rows).startswith("argument 1[1]['again']: it contains itself")


def test_a_model_that_can_not_be_dumped_is_refused() -> None:
    class Broken(Model):
        def model_dump(self, *, mode: str) -> Any:
            raise LookupError("no data")

    assert "model_dump() failed: LookupError('no data')" in refusal([Broken(1)])


def test_containers_nest_up_to_the_limit_and_no_deeper() -> None:
    assert round_trip(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 100_000):
        assert f"nested more than {MAX_DEPTH} deep" in refusal(nested(depth))


def test_marked_containers_that_are_written_can_be_read() -> None:
    value: Any = None
    for depth in range(MAX_DEPTH - 1):
        value = ({(1,): value}, (value,), [value])[depth % 3]

    assert exact(round_trip(value)) == exact(value)


def test_what_is_longer_than_the_limit_is_refused_with_both_lengths() -> None:
    codec = JsonCodec(limit=20)
    fitting = "x" * (20 - len('[[""],{}]'))

    assert codec.decode_call(codec.encode_call((fitting,), {})) == ((fitting,), {})
    with pytest.raises(PayloadTooLarge, match="the arguments take 21 characters, and at most 20 can be stored"):
        codec.encode_call((fitting + "x",), {})
    with pytest.raises(PayloadTooLarge, match="the value take"):
        codec.encode("x" * 19)


def test_four_million_characters_are_the_limit_of_the_default() -> None:
    assert DEFAULT_CODEC.limit == LIMIT == 4 * 1024 * 1024
