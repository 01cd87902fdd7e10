"""The Things Stack v3: `v3/{application}@{tenant}/devices/{device}/{event}`.

Fields that are zero, false or empty are absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mqtt import times
from adapters.mqtt.decoders.plain import object_of
from adapters.mqtt.decoders.uplink import (
    best_gateway,
    device_key,
    frame_of,
    point,
    repetition_key,
)
from adapters.mqtt.measure import Measure, Unusable


def decode(payload: bytes, topic_device: str | None, event: str) -> list[Measure]:
    """Read one event; only `up` and `location/solved` carry measures. Raises `Unusable`."""
    if event not in ("up", "location/solved"):
        return []
    body = object_of(payload)
    ids = _mapping(body, "end_device_ids")
    device = device_key((ids.get("dev_eui"), ids.get("device_id"), topic_device))
    if event == "location/solved":
        return _location(body, device)
    uplink = body.get("uplink_message")
    if not isinstance(uplink, Mapping):
        raise Unusable("the uplink has no uplink_message")
    return [_uplink(body, uplink, device)]


def _uplink(body: Mapping[str, Any], uplink: Mapping[str, Any], device: str) -> Measure:
    frame = uplink.get("frm_payload")
    values = dict(_mapping(uplink, "decoded_payload"))
    where = point(_mapping(_mapping(uplink, "locations"), "user"))
    if where is not None:
        values.setdefault("location", where)
    return Measure(
        device,
        values,
        observed_at=_time(body, uplink),
        key=repetition_key(
            device, uplink.get("session_key_id", ""), uplink.get("f_cnt", 0), content=frame
        ),
        frame=None if "decoded_payload" in uplink else frame_of(frame),
        port=uplink.get("f_port", 0),
        annotations=best_gateway(uplink.get("rx_metadata")),
    )


def _time(body: Mapping[str, Any], uplink: Mapping[str, Any]) -> str | None:
    return times.from_any(uplink.get("received_at")) or times.from_any(body.get("received_at"))


def _location(body: Mapping[str, Any], device: str) -> list[Measure]:
    where = point(_mapping(_mapping(body, "location_solved"), "location"))
    at = times.from_any(body.get("received_at"))
    return [Measure(device, {"location": where}, observed_at=at)] if where else []


def _mapping(holder: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = holder.get(member)
    return value if isinstance(value, Mapping) else {}
