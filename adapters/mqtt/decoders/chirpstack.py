"""ChirpStack v4 and v3: `application/{application}/device/{devEUI}/event/{event}` (v3 also `…/rx`).

Fields that are zero, false or empty are absent (Protobuf's JSON mapping).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import orjson

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

_BASE64_OF_EIGHT = re.compile(r"[A-Za-z0-9+/]{11}=")
UPLINKS = ("up", "rx")
WITHOUT_MEASURES = frozenset({"join", "ack", "txack", "log", "integration", "error"})


def decode(payload: bytes, topic_device: str | None, event: str) -> list[Measure]:
    """Read one event; those that measure nothing (join, ack, log, …) give no measure.

    Raises `Unusable`.
    """
    if event in WITHOUT_MEASURES:
        return []
    body = object_of(payload)
    stated = _info(body).get("devEui"), _hexadecimal(body.get("devEUI")), topic_device
    device = device_key(stated)
    if event == "location":
        return _location(body, device)
    if event == "status" or "margin" in body:
        return [_status(body, device)]
    if event in UPLINKS:
        return [_uplink(body, device)]
    raise Unusable(f"ChirpStack has no event {event!r}")


def _uplink(body: Mapping[str, Any], device: str) -> Measure:
    is_v4 = "deviceInfo" in body or "deduplicationId" in body
    gateways = body.get("rxInfo")
    decoded = _decoded(body)
    return Measure(
        device,
        decoded or {},
        observed_at=_time(body, gateways),
        key=_key(body, device),
        frame=frame_of(body.get("data"), may_be_hex=not is_v4) if decoded is None else None,
        port=body.get("fPort", 0),
        annotations=best_gateway(gateways, "snr" if is_v4 else "loRaSNR"),
    )


def _status(body: Mapping[str, Any], device: str) -> Measure:
    values: dict[str, Any] = {}
    if not body.get("batteryLevelUnavailable") and not body.get("externalPowerSource"):
        values["batteryLevel"] = body.get("batteryLevel", 0)
    values["externalPowerSource"] = body.get("externalPowerSource", False)
    values["margin"] = body.get("margin", 0)
    key = f"chirpstack:{body['deduplicationId']}" if "deduplicationId" in body else None
    return Measure(device, values, observed_at=times.from_any(body.get("time")), key=key)


def _location(body: Mapping[str, Any], device: str) -> list[Measure]:
    where = point(body.get("location"))
    at = times.from_any(body.get("time"))
    return [Measure(device, {"location": where}, observed_at=at)] if where else []


def _info(body: Mapping[str, Any]) -> Mapping[str, Any]:
    info = body.get("deviceInfo")
    return info if isinstance(info, Mapping) else {}


def _hexadecimal(dev_eui: Any) -> Any:
    """Return a devEUI as people write it: v3 sends its eight bytes in base64."""
    if not isinstance(dev_eui, str) or not _BASE64_OF_EIGHT.fullmatch(dev_eui):
        return dev_eui
    return base64.b64decode(dev_eui).hex()


def _decoded(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the server's codec made of the frame, `None` when it has none for it."""
    decoded = body.get("object")
    if decoded is None and isinstance(body.get("objectJSON"), str):
        try:
            decoded = orjson.loads(body["objectJSON"])
        except orjson.JSONDecodeError as error:
            raise Unusable(f"objectJSON is not JSON ({error})") from error
    return decoded if isinstance(decoded, dict) else None


def _time(body: Mapping[str, Any], gateways: Any) -> str | None:
    stated = times.from_any(body.get("time"))
    if stated is not None:
        return stated
    heard = [
        at
        for one in gateways or ()
        if isinstance(one, Mapping) and (at := times.from_any(one.get("time"))) is not None
    ]
    return min(heard, default=None)


def _key(body: Mapping[str, Any], device: str) -> str:
    if isinstance(body.get("deduplicationId"), str):
        return f"chirpstack:{body['deduplicationId']}"
    content = body.get("data") or body.get("object")
    return repetition_key(device, body.get("devAddr", ""), body.get("fCnt", 0), content=content)
