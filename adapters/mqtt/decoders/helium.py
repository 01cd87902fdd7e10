"""Helium console: `helium/{device}/rx`, one object an uplink."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mqtt import times
from adapters.mqtt.decoders.plain import object_of
from adapters.mqtt.decoders.uplink import best_gateway, device_key, frame_of, repetition_key
from adapters.mqtt.measure import Measure


def decode(payload: bytes, topic_device: str | None) -> list[Measure]:
    """Read one uplink; what the console decoded is in `decoded.payload`. Raises `Unusable`."""
    body = object_of(payload)
    device = device_key((body.get("dev_eui"), topic_device))
    decoded = body.get("decoded")
    values = decoded.get("payload") if isinstance(decoded, Mapping) else None
    return [
        Measure(
            device,
            values if isinstance(values, dict) else {},
            observed_at=times.from_any(body.get("reported_at")),
            key=_key(body, device, values),
            frame=None if isinstance(values, dict) else frame_of(body.get("payload")),
            port=body.get("port", 0),
            annotations=best_gateway(body.get("hotspots")),
        )
    ]


def _key(body: Mapping[str, Any], device: str, values: Any) -> str:
    content = body.get("payload") or values
    return repetition_key(device, body.get("devaddr", ""), body.get("fcnt", 0), content=content)
