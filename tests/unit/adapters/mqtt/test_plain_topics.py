"""Topics without a protocol: documents, bare values, columns, SenML, frames, and their devices."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mqtt.decoders import senml
from adapters.mqtt.decoding import decode
from adapters.mqtt.measure import Measure, Message, Unusable
from adapters.mqtt.settings import Settings, TopicSettings
from adapters.mqtt.topics import TopicRule, match
from adapters.runtime.errors import Misconfigured
from adapters.runtime.settings import parse_settings

NOW = "2026-06-01T00:00:00.000000Z"


def read(payload: bytes, pattern: str = "x/{device}", **rule: Any) -> list[Measure]:
    route = match(TopicRule(pattern, **{"format": "json", **rule}), "x/d1")
    assert route is not None
    return decode(Message("x/d1", payload, NOW), route)


def values(*args: Any, **more: Any) -> list[dict[str, Any]]:
    return [dict(one.values) for one in read(*args, **more)]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(b"23.4", 23.4), (b" 7\n", 7), (b"True", True), (b"false", False), (b"open", "open")],
)
def test_bare_values(payload: bytes, expected: Any) -> None:
    assert values(payload, format="value", name="t") == [{"t": expected}]


@pytest.mark.parametrize(
    ("payload", "rule", "expected"),
    [
        (b"23.4", {"format": "value", "name": "t"}, {"t": 23.4}),
        (b'{"t": 23.4}', {"format": "json"}, {"t": 23.4}),
        (b'{"t": 23.4}', {"format": "iot-agent-json"}, {"t": 23.4}),
        (b"t|23.4", {"format": "ultralight"}, {"t": 23.4}),
        (b'[{"n": "t", "v": 23.4}]', {"format": "senml"}, {"t": 23.4}),
    ],
)
def test_text_is_read_without_the_nul_of_c_and_the_mark_of_its_bytes(
    payload: bytes, rule: dict[str, Any], expected: dict[str, Any]
) -> None:
    for given in (payload, payload + b"\0", payload + b"\0\0", b"\xef\xbb\xbf" + payload):
        assert values(given, **rule) == [expected]


def test_frames_keep_their_last_zeros() -> None:
    assert [one.frame for one in read(b"\x01\x75\0", format="frame")] == [b"\x01\x75\0"]


def test_lines_of_columns() -> None:
    rule = {"format": "columns", "columns": ("time", "rain", "-"), "time": ("time",)}
    found = read(b"2026-01-01T09:00:00+09:00,1.5,OK\n\n2026-01-01T09:10:00+09:00, ,OK\n", **rule)
    assert [(one.local_time, dict(one.values)) for one in found] == [
        ("2026-01-01T09:00:00+09:00", {"rain": 1.5}),
        ("2026-01-01T09:10:00+09:00", {}),
    ]
    with pytest.raises(Unusable, match="has 2 columns; this topic has 3"):
        read(b"a,b", **rule)


def test_the_time_may_lie_deeper_and_have_several_names() -> None:
    (found,) = read(b'{"a": {"ts": 5}, "t": 1}', time=("ts", "a.ts"))
    assert (found.local_time, dict(found.values)) == (5, {"a": {"ts": 5}, "t": 1})
    (found,) = read(b'{"t": 1}', time=("ts",))
    assert found.local_time is None


def test_the_device_may_be_in_the_payload_or_the_rule() -> None:
    fixed, named = {"pattern": "x/+", "device": "$.id.serial"}, {"pattern": "x/+", "device": "d9"}
    assert read(b'{"id": {"serial": 7}, "t": 1}', **fixed)[0].device_id == "7"
    assert read(b'{"t": 1}', **named)[0].device_id == "d9"
    with pytest.raises(Unusable, match=r"the payload has no id\.serial"):
        read(b'{"t": 1}', **fixed)
    with pytest.raises(Unusable, match="names no device"):
        read(b'{"t": 1}', pattern="x/+")


@pytest.mark.parametrize(
    ("payload", "rule", "reason"),
    [
        (b"{}", {}, "holds no measure"),
        (b"[1]", {}, "not an object"),
        (b"", {"format": "frame"}, "empty"),
        (b"", {"format": "value"}, "empty"),
    ],
)
def test_what_cannot_be_read_is_refused(payload: bytes, rule: Any, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        read(payload, **rule)


def pack(payload: bytes) -> list[tuple[str, str | None, dict[str, Any]]]:
    found = senml.decode(payload, "topic-device", NOW)
    return [(one.device_id, one.observed_at, dict(one.values)) for one in found]


def test_senml_resolves_names_times_and_base_values() -> None:
    payload = b"""[{"bn": "urn:dev:x:", "bt": 1764115200, "bv": 20, "n": "t", "v": 3.5},
                   {"n": "on", "vb": true}, {"n": "note", "vs": "ok", "t": 60},
                   {"n": "sum", "s": 1}]"""
    assert pack(payload) == [
        ("urn:dev:x", "2025-11-26T00:00:00Z", {"t": 23.5, "on": True}),
        ("urn:dev:x", "2025-11-26T00:01:00Z", {"note": "ok"}),
    ]


def test_senml_relative_times_count_from_receipt_and_devices_from_the_topic() -> None:
    assert pack(b'[{"n": "t", "v": 1, "t": -5}]') == [
        ("topic-device", "2026-05-31T23:59:55Z", {"t": 1})
    ]
    assert pack(b'[{"n": "room/1/t", "v": 1}]')[0][0] == "room/1"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "not JSON"),
        (b"{}", "an array of objects"),
        (b"[1]", "an array of objects"),
        (b"[]", "holds no value"),
        (b'[{"n": "t", "v": "x"}]', "is not a number"),
        (b'[{"n": "t", "v": true}]', "is not a number"),
        (b'[{"v": 1}]', "record 0 has no name"),
        (b'[{"n": "t", "v": 1, "bt": "x"}]', "is not a number"),
        (b'[{"n": "t", "v": 1, "bt": 1e20}]', "out of range"),
    ],
)
def test_senml_that_cannot_be_read(payload: bytes, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        pack(payload)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ({"format": "jsn"}, "did you mean 'json'"),
        ({"pattern": "a/{sensor}"}, "{sensor} is none of"),
        ({"format": "columns"}, "needs the names of the columns"),
        ({"apikey": ""}, "apikey is missing"),
    ],
)
def test_wrong_topics_are_refused(topic: dict[str, Any], reason: str) -> None:
    given = {"pattern": "a/{device}", "format": "json", "apikey": "k", **topic}
    with pytest.raises(Misconfigured, match=reason):
        parse_settings(Settings, {"topics": [given]}, where="file")
    assert TopicSettings(pattern="{apikey}/{device}", format="json").rule().apikey == ""
