"""What the LoRaWAN servers have in common: base64 frames, gateways, keys against repetition."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from adapters.mqtt.measure import Unusable

_HEX = re.compile(r"([0-9a-fA-F]{2}){6,}")


def frame_of(text: Any, *, may_be_hex: bool = False) -> bytes | None:
    """Return the bytes of a frame, `None` if there is none.

    It is base64; some servers write hexadecimal. Raises `Unusable` for what is neither.
    """
    if not isinstance(text, str) or not text:
        return None
    if may_be_hex and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unusable(f"the frame {text[:60]!r} is not base64") from error


def best_gateway(gateways: Any, snr_member: str = "snr") -> dict[str, float]:
    """Return rssi (dBm) and snr (dB) of the gateway that heard the device best."""
    heard = [one for one in gateways or () if isinstance(one, Mapping) and _is_number(one, "rssi")]
    if not heard:
        return {}
    best = max(heard, key=lambda one: one["rssi"])
    signal = {"rssi": best["rssi"]}
    if _is_number(best, snr_member):
        signal["snr"] = round(best[snr_member], 2)
    return signal


def repetition_key(*parts: Any, content: Any) -> str:
    """Return the key of an uplink: device, session and counter, and a digest of what it carries.

    The digest keeps apart two uplinks that share a counter because the device started over.
    """
    digest = hashlib.blake2b(orjson.dumps(content), digest_size=8).hexdigest()
    return ":".join([*(str(part) for part in parts), digest])


def device_key(candidates: Iterable[Any]) -> str:
    """Return the first identifier given, in lower case. Raises `Unusable` when there is none."""
    for candidate in candidates:
        if isinstance(candidate, str) and candidate:
            return candidate.lower()
    raise Unusable("the uplink names no device: neither the payload nor the topic has a devEUI")


def point(location: Any) -> dict[str, Any] | None:
    """Return a GeoJSON point of `{latitude, longitude}`; 0/0 means that there is no fix."""
    if not (_is_number(location, "latitude") and _is_number(location, "longitude")):
        return None
    coordinates = [location["longitude"], location["latitude"]]
    if coordinates == [0, 0]:
        return None
    if _is_number(location, "altitude"):
        coordinates.append(location["altitude"])
    return {"type": "Point", "coordinates": coordinates}


def _is_number(holder: Any, member: str) -> bool:
    value = holder.get(member) if isinstance(holder, Mapping) else None
    return isinstance(value, (int, float)) and not isinstance(value, bool)
