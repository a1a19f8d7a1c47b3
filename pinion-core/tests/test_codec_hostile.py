"""The JSON codec and text that it didn't write: damaged, forged, or made to hurt. UndecodableJob, and nothing else."""

import json
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinion.codec import DEFAULT_CODEC, JsonCodec
from pinion.errors import UndecodableJob
from pinion.plain import MAX_DEPTH

HOSTILE = [
    "",
    " ",
    "nope",
    "[",
    "[[],{}",
    "[[],{}]x",
    "[[],{}] []",
    "[[1] {}]",
    "[NaN]",
    "Infinity",
    "-Infinity",
    '"\n"',
    '"\\ud8"',
    "1" * 5000,
    "1e999",
    "-1e999",
    "1" * 400 + ".0",
    "[" * 1_000_000,
    '{"a":' * 100_000,
    "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
    '{"$":"tuple","v":[' * 200 + "]}" * 200,
    '{"$":"os.system","v":"true"}',
    '{"$":["bytes"],"v":""}',
    '{"$":null,"v":""}',
    '{"$":"bytes"}',
    '{"$":"bytes","v":"AA==","w":1}',
    '{"$":"bytes","w":"AA=="}',
    '{"$":"bytes","v":"A"}',
    '{"$":"bytes","v":"\\u00e9"}',
    '{"$":"bytes","v":"AA==!"}',
    '{"$":"bytes","v":7}',
    '{"$":"tuple","v":{}}',
    '{"$":"tuple","v":"ab"}',
    '{"$":"set","v":[[]]}',
    '{"$":"frozenset","v":[{}]}',
    '{"$":"dict","v":{"a":1}}',
    '{"$":"dict","v":["ab"]}',
    '{"$":"dict","v":[[1,2,3]]}',
    '{"$":"dict","v":[[[],1]]}',
    '{"$":"decimal","v":"x"}',
    '{"$":"decimal","v":1.5}',
    '{"$":"decimal","v":"1E9999999999999999999999"}',
    '{"$":"uuid","v":"x"}',
    '{"$":"uuid","v":5}',
    '{"$":"date","v":"2026-02-30"}',
    '{"$":"date","v":20260101}',
    '{"$":"timedelta","v":[1,2]}',
    '{"$":"timedelta","v":[1.5,0,0]}',
    '{"$":"timedelta","v":[9999999999,0,0]}',
    '{"$":"timedelta","v":[' + "9" * 400 + ",0,0]}",
    '{"$":"datetime","v":"2026-01-01"}',
    '{"$":"datetime","v":["2026-01-01T00:00:00",null]}',
    '{"$":"datetime","v":["2026-01-01T00:00:00",null,2]}',
    '{"$":"datetime","v":["2026-01-01T00:00:00",null,true]}',
    '{"$":"datetime","v":["2026-01-01T00:00:00",99999999999999,0]}',
    '{"$":"datetime","v":["2026-01-01T00:00:00",' + "9" * 400 + ",0]}",
    '{"$":"datetime","v":[1,null,0]}',
    '{"$":"datetime","v":["2026-01-01T00:00:00",["UTC"],0]}',
    '{"$":"time","v":["25:00",null,0]}',
    *(
        f'{{"$":"datetime","v":["2026-01-01T00:00:00",{json.dumps(zone)},0]}}'
        for zone in (
            "",
            "Nowhere/Land",
            "../../etc/passwd",
            "/etc/localtime",
            "Europe",
            "os.path",
            "x" * 9999,
            "a\0b",
            "\udc80",
        )
    ),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:60].encode("unicode_escape").decode("ascii"))
def test_text_that_is_no_value_is_undecodable(text: str) -> None:
    with pytest.raises(UndecodableJob):
        DEFAULT_CODEC.decode(text)
    for call in (text, f"[[{text}],{{}}]", f'[[],{{"a":{text}}}]'):
        if call not in ("[[],{}]", "[[ ],{}]"):
            with pytest.raises(UndecodableJob):
                DEFAULT_CODEC.decode_call(call)


@pytest.mark.parametrize("text", ["1", "[]", "{}", "[[],{},1]", "[{},[]]", '[{"$":"tuple","v":[]},{}]', '["ab","cd"]'])
def test_json_that_is_no_call_is_undecodable(text: str) -> None:
    with pytest.raises(UndecodableJob, match="of the form"):
        DEFAULT_CODEC.decode_call(text)


@pytest.mark.parametrize("stored", [None, 7, b"[[1],{}]", ["x"]])
def test_what_is_no_text_is_undecodable(stored: Any) -> None:
    with pytest.raises(UndecodableJob):
        DEFAULT_CODEC.decode_call(stored)
    with pytest.raises(UndecodableJob):
        DEFAULT_CODEC.decode(stored)


def test_text_over_the_limit_is_undecodable_before_it_is_parsed() -> None:
    with pytest.raises(UndecodableJob, match="21 characters, more than the limit of 20"):
        JsonCodec(limit=20).decode('"' + "x" * 19 + '"')


def test_the_arguments_of_a_call_are_never_taken_for_a_mark() -> None:
    assert DEFAULT_CODEC.decode_call('[[],{"$":"bytes","v":"AA=="}]') == ((), {"$": "bytes", "v": "AA=="})


def test_a_module_named_in_a_text_is_not_imported() -> None:
    unimported = "this" if "this" not in sys.modules else "antigravity"

    for mark in (unimported, f"{unimported}.x"):
        for text in (f'{{"$":"{mark}","v":1}}', f'{{"$":"datetime","v":["2026-01-01T00:00:00","{mark}",0]}}'):
            with pytest.raises(UndecodableJob):
                DEFAULT_CODEC.decode(text)

    assert unimported not in sys.modules


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
    max_leaves=6,
)
kinds = st.sampled_from(
    ["dict", "tuple", "set", "frozenset", "bytes", "datetime", "date", "time", "timedelta", "decimal", "uuid", "x"]
)
forged = st.recursive(
    json_values,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$": kinds, "v": inner}),
        st.lists(inner, max_size=3),
        st.lists(inner, min_size=3, max_size=3),
    ),
    max_leaves=6,
)


SOUND = DEFAULT_CODEC.encode_call(
    (1.5, b"\0\1", (1, {2}), datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Zurich"), fold=1)),
    {
        "price": Decimal("1.50"),
        "pairs": {(1, 2): date(2026, 1, 1), "$": timedelta(1)},
        "id": UUID(int=7),
        "at": time(12),
    },
)


def readable(text: str) -> None:
    """Whatever the text is, it is read or undecodable; and what is read can be written again."""
    for read, write in (
        (DEFAULT_CODEC.decode, DEFAULT_CODEC.encode),
        (DEFAULT_CODEC.decode_call, lambda call: DEFAULT_CODEC.encode_call(*call)),
    ):
        try:
            value = read(text)
        except UndecodableJob:
            continue
        write(value)


@given(st.text())
def test_any_text_is_read_or_undecodable(text: str) -> None:
    readable(text)


@given(forged)
def test_any_forged_mark_is_read_or_undecodable(value: Any) -> None:
    readable(json.dumps(value))
    readable(json.dumps([[value], {"a": value}]))


@given(
    st.integers(0, len(SOUND)), st.text(st.one_of(st.sampled_from('[]{}",:$e9-\\'), st.characters())), st.integers(0, 9)
)
def test_any_damaged_text_is_read_or_undecodable(at: int, put: str, drop: int) -> None:
    readable(SOUND[:at] + put + SOUND[at + drop :])
