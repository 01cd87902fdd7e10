"""UltraLight 2.0: `t|23.5|h|45`, groups joined by `#`, each with an optional leading time."""

from __future__ import annotations

import math
import re
from typing import Any

from adapters.mqtt import times
from adapters.mqtt.measure import TIME_INSTANT, Measure, Unusable, written

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?")
_LEADING_ZERO = re.compile(r"[+-]?0\d")


def decode(payload: bytes, device_id: str) -> list[Measure]:
    """Read the groups of a payload, each one measure. Raises `Unusable`."""
    text = text_of(payload)
    return [Measure(device_id, _group(group)) for group in text.split("#")]


def decode_single(payload: bytes, device_id: str, name: str) -> list[Measure]:
    """Read the value of one attribute."""
    return [Measure(device_id, {name: value_of(text_of(payload))})]


def text_of(payload: bytes) -> str:
    """Return the payload as text. Raises `Unusable` when it is empty or not UTF-8."""
    try:
        text = written(payload).decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Unusable(f"the payload is not UTF-8 text: byte {error.start} is wrong") from error
    if not text:
        raise Unusable("the payload is empty")
    return text


def value_of(text: str) -> Any:
    """Return a number where the text is one; codes such as `007` stay text."""
    if _LEADING_ZERO.match(text):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


def _group(group: str) -> dict[str, Any]:
    parts = group.split("|")
    values: dict[str, Any] = {}
    if len(parts) % 2:
        moment = parts.pop(0).strip()
        if not parts or times.from_iso(moment) is None:
            raise Unusable(
                f"the group {group[:80]!r} has an odd number of parts and does not begin with an "
                "ISO 8601 time; it should be name|value|name|value"
            )
        values[TIME_INSTANT] = moment
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if not name.strip():
            raise Unusable(f"the group {group[:80]!r} has a value without a name")
        values[name.strip()] = value_of(text.strip())
    return values
