"""Device codecs: the bytes of a LoRaWAN frame to named values, for frames no server decoded.

A group or device names its codec in `internal_attributes`: `{"codec": "milesight"}`. Values come
in the units the vendors document (°C, %, ppm, hPa, V).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from adapters.mqtt.measure import Unusable

Codec: TypeAlias = Callable[[bytes], dict[str, Any]]

MILESIGHT_CHANNELS: Mapping[bytes, tuple[str, str, float]] = MappingProxyType(
    {
        b"\x01\x75": ("battery", "<B", 1),
        b"\x03\x67": ("temperature", "<h", 0.1),
        b"\x04\x68": ("humidity", "<B", 0.5),
        b"\x05\x7d": ("co2", "<H", 1),
        b"\x06\x73": ("pressure", "<H", 0.1),
    }
)
"""Channel and type → name, form of the value, factor: EM500 series."""

NO_EXTERNAL_SENSOR = 0x7FFF


def decode_milesight(frame: bytes) -> dict[str, Any]:
    """Read channel, type and little-endian value, one after the other. Raises `Unusable`."""
    values: dict[str, Any] = {}
    position = 0
    while position < len(frame):
        channel = MILESIGHT_CHANNELS.get(frame[position : position + 2])
        if channel is None:
            raise Unusable(
                f"byte {position} of the Milesight frame {frame.hex()} begins no channel that is "
                "known"
            )
        name, form, factor = channel
        end = position + 2 + struct.calcsize(form)
        if end > len(frame):
            raise Unusable(f"the Milesight frame {frame.hex()} ends within {name}")
        (number,) = struct.unpack(form, frame[position + 2 : end])
        values[name] = number if factor == 1 else round(number * factor, 2)
        position = end
    return values


def decode_dragino_lht65(frame: bytes) -> dict[str, Any]:
    """Read the 11 big-endian bytes of an LHT65. Raises `Unusable`."""
    if len(frame) != 11:
        raise Unusable(f"a frame of the Dragino LHT65 has 11 bytes; {frame.hex()} has {len(frame)}")
    battery, temperature, humidity, kind, external = struct.unpack(">HhHBh", frame[:9])
    values = {
        "batteryVoltage": (battery & 0x3FFF) / 1000,
        "temperature": temperature / 100,
        "humidity": humidity / 10,
    }
    if kind & 0x0F == 1 and external != NO_EXTERNAL_SENSOR:
        values["externalTemperature"] = external / 100
    return values


CODECS: Mapping[str, Codec] = MappingProxyType(
    {"milesight": decode_milesight, "dragino-lht65": decode_dragino_lht65}
)
