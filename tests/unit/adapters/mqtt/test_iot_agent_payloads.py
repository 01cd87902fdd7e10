"""IoT Agent JSON and UltraLight payloads: what is read, and what is refused with which reason."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mqtt.decoders import iot_agent_json, ultralight
from adapters.mqtt.measure import Measure, Unusable

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.text(st.characters(whitelist_categories=["L", "N"]), min_size=1, max_size=8)


def values(measures: list[Measure]) -> list[Any]:
    assert {one.device_id for one in measures} <= {"d"}
    return [dict(one.values) for one in measures]


@given(st.dictionaries(st.text(), JSON_VALUES, min_size=1))
def test_an_object_is_one_measure(document: dict[str, Any]) -> None:
    assert values(iot_agent_json.decode(json.dumps(document).encode(), "d")) == [document]


@given(st.lists(st.dictionaries(st.text(), JSON_VALUES, min_size=1), min_size=1, max_size=4))
def test_an_array_of_objects_is_several_measures(documents: list[dict[str, Any]]) -> None:
    assert values(iot_agent_json.decode(json.dumps(documents).encode(), "d")) == documents


@given(JSON_VALUES)
def test_a_single_value_may_be_any_json(value: Any) -> None:
    is_series = isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    if not is_series:
        read = iot_agent_json.decode_single(json.dumps(value).encode(), "d", "n")
        assert values(read) == [{"n": value}]


@given(st.binary(min_size=1))
def test_a_single_value_that_is_not_json_is_kept_as_hexadecimal(payload: bytes) -> None:
    (read,) = values(iot_agent_json.decode_single(b"\xff" + payload, "d", "n"))
    assert bytes.fromhex(read["n"]) == b"\xff" + payload


def test_a_series_of_one_attribute_is_several_measures() -> None:
    payload = b'[{"timestamp":"2025-01-26T12:00:00Z","value":44},{"timestamp":"x","value":[1]}]'
    assert values(iot_agent_json.decode_single(payload, "d", "h")) == [
        {"h": 44, "TimeInstant": "2025-01-26T12:00:00Z"},
        {"h": [1], "TimeInstant": "x"},
    ]


def test_a_batch_of_entities_is_several_measures() -> None:
    payload = b'{"actionType":"append","entities":[{"id":"a","t":1},{"id":"b","t":2}]}'
    assert values(iot_agent_json.decode(payload, "d")) == [{"id": "a", "t": 1}, {"id": "b", "t": 2}]


BAD_JSON = {
    "nothing": (b"", "not JSON"),
    "blank": (b"   ", "not JSON"),
    "broken object": (b'{"t": 1', "not JSON"),
    "trailing comma": (b'{"t": 1,}', "not JSON"),
    "single quotes": (b"{'t': 1}", "not JSON"),
    "bare word": (b"hello", "not JSON"),
    "UltraLight on the JSON topic": (b"t|21", "not JSON"),
    "NaN": (b'{"t": NaN}', "not JSON"),
    "infinity": (b'{"t": Infinity}', "not JSON"),
    "not UTF-8": (b'{"t": "\xff"}', "not JSON"),
    "lone surrogate": (b'{"t": "\\ud800"}', "not JSON"),
    "control character in a text": (b'{"t": "a\nb"}', "not JSON"),
    "two documents": (b'{"t": 1}{"t": 2}', "not JSON"),
    "too deep": (b'{"t":' * 2000 + b"1" + b"}" * 2000, "not JSON"),
    "a number": (b"21.5", "is a number"),
    "a text": (b'"21.5"', "is a text"),
    "a flag": (b"true", "is a flag"),
    "null": (b"null", "is null"),
    "an empty object": (b"{}", "empty object"),
    "an empty array": (b"[]", "an empty array"),
    "an array of numbers": (b"[1, 2]", "element 0 is a number"),
    "an array with a number": (b'[{"t": 1}, 2]', "element 1 is a number"),
    "an array of arrays": (b'[[{"t": 1}]]', "element 0 is an array"),
    "an array with an empty object": (b'[{"t": 1}, {}]', "element 1 is an empty object"),
    "an empty batch": (b'{"actionType": "append", "entities": []}', "an empty array"),
}


@pytest.mark.parametrize(("payload", "reason"), BAD_JSON.values(), ids=BAD_JSON.keys())
def test_bad_json_is_refused_with_the_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        iot_agent_json.decode(payload, "d")


def test_an_empty_single_value_is_refused() -> None:
    with pytest.raises(Unusable, match="the payload for t is empty"):
        iot_agent_json.decode_single(b"", "d", "t")


def test_a_large_binary_value_is_refused() -> None:
    with pytest.raises(Unusable, match="at most 65536"):
        iot_agent_json.decode_single(b"\xff" * 70_000, "d", "image")


PLAIN_TEXT = st.text(
    st.characters(blacklist_categories=["C", "Z"], blacklist_characters="|#"),
    min_size=1,
    max_size=10,
).filter(lambda text: ultralight.value_of(text) == text)
UL_VALUES = st.integers(-(10**17), 10**17) | st.floats(-1e15, 1e15, allow_nan=False) | PLAIN_TEXT


@given(st.lists(st.dictionaries(NAMES, UL_VALUES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_ultralight_gives_back_what_was_written(groups: list[dict[str, Any]]) -> None:
    payload = "#".join(
        "|".join(f"{name}|{value}" for name, value in group.items()) for group in groups
    )
    assert values(ultralight.decode(payload.encode(), "d")) == groups


@given(st.binary())
def test_ultralight_reads_or_refuses_any_bytes(payload: bytes) -> None:
    with suppress(Unusable):
        assert ultralight.decode(payload, "d")


def test_ultralight_numbers_and_codes() -> None:
    (read,) = values(ultralight.decode(b"a|21|b|-2.5|c|1e3|d|007|e|1.2.3|f||g|true", "d"))
    assert read == {"a": 21, "b": -2.5, "c": 1000.0, "d": "007", "e": "1.2.3", "f": "", "g": "true"}


def test_ultralight_groups_have_their_own_times() -> None:
    payload = b"2026-01-01T00:00:00Z|t|21#t|22#2026-01-01T00:10:00+09:00|t|23"
    assert values(ultralight.decode(payload, "d")) == [
        {"TimeInstant": "2026-01-01T00:00:00Z", "t": 21},
        {"t": 22},
        {"TimeInstant": "2026-01-01T00:10:00+09:00", "t": 23},
    ]


BAD_ULTRALIGHT = {
    "nothing": (b"", "empty"),
    "blank": (b" \n ", "empty"),
    "not UTF-8": (b"t|\xff", "byte 2"),
    "a name alone": (b"t", "odd number of parts"),
    "a value without a name": (b"t|1|5", "odd number of parts"),
    "an empty name": (b"|1", "without a name"),
    "a time alone": (b"2026-01-01T00:00:00Z", "odd number of parts"),
    "a time that is none": (b"2026-13-01T00:00:00Z|t|1", "ISO 8601"),
    "an empty group": (b"t|1##t|2", "odd number of parts"),
    "a trailing mark": (b"t|1#", "odd number of parts"),
}


@pytest.mark.parametrize(("payload", "reason"), BAD_ULTRALIGHT.values(), ids=BAD_ULTRALIGHT.keys())
def test_bad_ultralight_is_refused_with_the_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        ultralight.decode(payload, "d")
