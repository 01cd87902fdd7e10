"""Uplinks of ChirpStack, The Things Stack and Helium, and frames nobody decoded."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from adapters.mqtt.codecs import decode_dragino_lht65, decode_milesight
from adapters.mqtt.decoders import chirpstack, helium, things_stack
from adapters.mqtt.decoders.uplink import best_gateway, point
from adapters.mqtt.measure import Measure, Unusable

EUI = "a84041ffff000001"
V4 = {
    "deduplicationId": "3ac7e3c4",
    "time": "2025-11-26T00:00:03.5+00:00",
    "deviceInfo": {"devEui": EUI, "deviceName": "lht65-1"},
    "devAddr": "00189440",
    "rxInfo": [{"rssi": -110, "snr": 1.5}, {"rssi": -97, "snr": 7.25}],
    "data": "y/YLDQN2AQrdf/8=",
    "object": {"t": 1},
}
V3 = {
    "devEUI": EUI,
    "rxInfo": [
        {"rssi": -120, "loRaSNR": -6.2},
        {"rssi": -112, "loRaSNR": -5, "time": "2023-06-23T09:10:28.649Z"},
    ],
    "fCnt": 1143,
    "fPort": 3,
    "data": "50270c048b920a00",
    "object": {"temperature": 25.19},
}
TTS = {
    "end_device_ids": {"device_id": "co2-1", "dev_eui": EUI.upper()},
    "received_at": "2025-11-26T00:00:01.234Z",
    "uplink_message": {
        "session_key_id": "abc",
        "f_cnt": 412,
        "frm_payload": "AXVc",
        "decoded_payload": {"battery": 92},
        "rx_metadata": [{"rssi": -97, "snr": 7.5}],
    },
}
HELIUM = {
    "dev_eui": EUI.upper(),
    "devaddr": "07000048",
    "fcnt": 71,
    "port": 5,
    "reported_at": 1672867882173,
    "hotspots": [{"rssi": -111, "snr": -3.799999952316284}],
    "decoded": {"payload": {"temperature": 7}},
}


def v4(event: str = "up", **changes: Any) -> list[Measure]:
    return chirpstack.decode(orjson.dumps({**V4, **changes}), EUI, event)


def test_chirpstack_v4_uplink() -> None:
    (read,) = v4()
    assert (read.device_id, read.values) == (EUI, {"t": 1})
    assert read.observed_at == "2025-11-26T00:00:03.500Z"
    assert read.key == "chirpstack:3ac7e3c4"
    assert read.annotations == {"rssi": -97, "snr": 7.25}
    assert read.frame is None


def test_chirpstack_v4_uplink_without_codec_keeps_its_frame() -> None:
    (read,) = v4(object=None)
    assert read.frame == base64.b64decode("y/YLDQN2AQrdf/8=")


def test_chirpstack_v3_uplink() -> None:
    (read,) = chirpstack.decode(orjson.dumps(V3), None, "rx")
    assert read.values == {"temperature": 25.19}
    assert read.observed_at == "2023-06-23T09:10:28.649Z"
    assert read.annotations == {"rssi": -112, "snr": -5}
    assert read.key is not None


def test_chirpstack_v3_object_as_text_and_frame_in_hexadecimal() -> None:
    body = {**V3, "object": None, "objectJSON": '{"t": 2}'}
    (read,) = chirpstack.decode(orjson.dumps(body), None, "up")
    assert read.values == {"t": 2}
    (raw,) = chirpstack.decode(orjson.dumps({**V3, "object": None}), None, "up")
    assert raw.frame == bytes.fromhex("50270c048b920a00")


def test_status_of_v3_and_v4() -> None:
    body = {"devEUI": EUI, "margin": -27, "batteryLevel": 75.5}
    (read,) = chirpstack.decode(orjson.dumps(body), None, "status")
    assert read.values == {"batteryLevel": 75.5, "externalPowerSource": False, "margin": -27}
    unknown = {**body, "batteryLevel": 0, "batteryLevelUnavailable": True}
    (read,) = chirpstack.decode(orjson.dumps(unknown), None, "rx")
    assert "batteryLevel" not in read.values


@pytest.mark.parametrize("event", ["join", "ack", "txack", "log", "integration"])
def test_events_that_measure_nothing(event: str) -> None:
    assert chirpstack.decode(b"anything", EUI, event) == []


def test_location_events() -> None:
    (read,) = v4("location", location={"latitude": 35.6, "longitude": 139.7, "altitude": 10})
    assert read.values == {"location": {"type": "Point", "coordinates": [139.7, 35.6, 10]}}
    assert v4("location", location={}) == []
    body = {**TTS, "location_solved": {"location": {"latitude": 35.6, "longitude": 139.7}}}
    (read,) = things_stack.decode(orjson.dumps(body), "co2-1", "location/solved")
    assert read.values == {"location": {"type": "Point", "coordinates": [139.7, 35.6]}}


def test_things_stack_uplink() -> None:
    (read,) = things_stack.decode(orjson.dumps(TTS), "co2-1", "up")
    assert (read.device_id, read.values, read.frame) == (EUI, {"battery": 92}, None)
    assert read.observed_at == "2025-11-26T00:00:01.234Z"
    assert things_stack.decode(b"anything", "co2-1", "down/sent") == []


def test_helium_uplink() -> None:
    (read,) = helium.decode(orjson.dumps(HELIUM), None)
    assert (read.device_id, read.values) == (EUI, {"temperature": 7})
    assert read.observed_at == "2023-01-04T21:31:22.173Z"
    assert read.annotations == {"rssi": -111, "snr": -3.8}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"hotspots": []}, True),
        ({"reported_at": 1672868079669}, True),
        ({"fcnt": 72}, False),
        ({"devaddr": "07000049"}, False),
        ({"dev_eui": "a84041ffff000002"}, False),
        ({"decoded": {"payload": {"temperature": 8}}}, False),
    ],
)
def test_the_key_is_that_of_the_frame_not_of_its_reception(
    change: dict[str, Any], *, same: bool
) -> None:
    (first,) = helium.decode(orjson.dumps(HELIUM), None)
    (second,) = helium.decode(orjson.dumps({**HELIUM, **change}), None)
    assert (first.key == second.key) is same


def test_a_counter_of_zero_is_absent() -> None:
    body = {**HELIUM, "fcnt": 0}
    del HELIUM["fcnt"]
    (absent,) = helium.decode(orjson.dumps(HELIUM), None)
    (zero,) = helium.decode(orjson.dumps(body), None)
    HELIUM["fcnt"] = 71
    assert absent.key == zero.key


@pytest.mark.parametrize(
    ("decode", "payload", "reason"),
    [
        (lambda data: chirpstack.decode(data, EUI, "up"), b"\x08\x01", "not JSON"),
        (lambda data: chirpstack.decode(data, EUI, "up"), b"[]", "not an object"),
        (lambda data: chirpstack.decode(data, None, "up"), b"{}", "names no device"),
        (lambda data: chirpstack.decode(data, EUI, "dance"), b"{}", "no event 'dance'"),
        (lambda data: chirpstack.decode(data, EUI, "up"), b'{"data": "%%%"}', "not base64"),
        (lambda data: chirpstack.decode(data, EUI, "up"), b'{"objectJSON": "{"}', "objectJSON"),
        (lambda data: things_stack.decode(data, "d", "up"), b"{}", "no uplink_message"),
        (lambda data: helium.decode(data, None), b"{}", "names no device"),
    ],
)
def test_what_cannot_be_read_is_refused(decode: Any, payload: bytes, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        decode(payload)


def test_gateways_without_numbers_are_left_out() -> None:
    assert best_gateway(None) == {}
    assert best_gateway([{"rssi": "weak"}, 5]) == {}
    assert best_gateway([{"rssi": -90}]) == {"rssi": -90}


def test_no_fix_is_no_location() -> None:
    assert point({"latitude": 0, "longitude": 0}) is None
    assert point({"latitude": True, "longitude": 1}) is None
    assert point(None) is None


def test_vendors_examples_of_frames() -> None:
    assert decode_milesight(bytes.fromhex("01755C03673401046865057D670406736827")) == {
        "battery": 92,
        "temperature": 30.8,
        "humidity": 50.5,
        "co2": 1127,
        "pressure": 1008.8,
    }
    assert decode_dragino_lht65(bytes.fromhex("CBF60B0D0376010ADD7FFF")) == {
        "batteryVoltage": 3.062,
        "temperature": 28.29,
        "humidity": 88.6,
        "externalTemperature": 27.81,
    }


def test_negative_temperatures_and_missing_probes() -> None:
    assert decode_milesight(bytes.fromhex("0367F6FF")) == {"temperature": -1.0}
    frame = bytes.fromhex("CBF6FF9C0376017FFF7FFF")
    assert decode_dragino_lht65(frame)["temperature"] == -1.0
    assert "externalTemperature" not in decode_dragino_lht65(frame)


@pytest.mark.parametrize(
    ("decode", "frame", "reason"),
    [
        (decode_milesight, "0175", "ends within battery"),
        (decode_milesight, "FF01", "byte 0"),
        (decode_milesight, "01755C03", "byte 3"),
        (decode_dragino_lht65, "CBF6", "has 11 bytes"),
    ],
)
def test_broken_frames_are_refused(decode: Any, frame: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        decode(bytes.fromhex(frame))
