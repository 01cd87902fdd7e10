"""What a decoder makes of a message: measures, each the values of one device at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.runtime.errors import SkipRecord

TIME_INSTANT = "TimeInstant"
"""The name under which IoT Agent payloads carry their time (ISO 8601)."""


class Unusable(SkipRecord):
    """A message no measure can be made of; it goes to the dead letters with `detail`."""


def written(payload: bytes) -> bytes:
    """A payload of text as it was meant: without the mark of its byte order before it, and without
    the NUL behind it that ends a string in C."""
    return payload.removeprefix(b"\xef\xbb\xbf").rstrip(b"\0")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived. `received_at` (UTC) is the time of measures that state none."""

    topic: str
    payload: bytes
    received_at: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Values of one device, by their names in the payload.

    `observed_at` is the time the message states (UTC, ends in Z), `None` when it states none;
    `local_time` is one that can only be read in the time zone of the device.
    `key` is what tells a message sent again from a new one, `None` where the protocol has nothing
    of the kind. `frame` are an uplink's bytes if nobody decoded them yet, `port` its
    LoRaWAN port.
    `annotations` describe the measurement (rssi, snr) and become sub-attributes of every value.
    `dataset_id` is a URI that tells the sensor of all values, where the device has several.
    """

    device_id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    observed_at: str | None = None
    local_time: Any = None
    key: str | None = None
    frame: bytes | None = None
    port: int = 0
    annotations: Mapping[str, Any] = field(default_factory=dict)
    dataset_id: str | None = None


def member_at(values: Mapping[str, Any], path: str) -> Any:
    """Return the member a dotted path names (`BME280.Temperature`), `None` if there is none."""
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
