"""SenML JSON (RFC 8428): records with base name, base time and base value resolved."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from adapters.mqtt import times
from adapters.mqtt.measure import Measure, Unusable, written

RELATIVE_BELOW = 2**28
VALUE_MEMBERS = ("v", "vs", "vb", "vd")
BASE_MEMBERS = ("bn", "bt", "bu", "bv")


def decode(payload: bytes, device_id: str, received_at: str) -> list[Measure]:
    """Read a pack; records of one device and one time are one measure. Raises `Unusable`.

    Relative times (below 2**28 seconds) count from the time of receipt (RFC 8428, 4.5.3).
    """
    records = _records(payload)
    base: dict[str, Any] = {}
    groups: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for index, record in enumerate(records):
        base.update({member: record[member] for member in BASE_MEMBERS if member in record})
        name = f"{base.get('bn', '')}{record.get('n', '')}"
        value = _value(record, base, index)
        if value is None:
            continue
        device, attribute = _split(name, device_id, index)
        moment = _time(base.get("bt", 0), record.get("t", 0), received_at, index)
        groups[device, moment][attribute] = value
    if not groups:
        raise Unusable("the SenML pack holds no value")
    return [Measure(device, values, observed_at=at) for (device, at), values in groups.items()]


def _records(payload: bytes) -> list[dict[str, Any]]:
    try:
        pack = orjson.loads(written(payload))
    except orjson.JSONDecodeError as error:
        raise Unusable(f"the payload is not JSON ({error})") from error
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise Unusable("a SenML pack is an array of objects (RFC 8428)")
    return pack


def _value(record: dict[str, Any], base: dict[str, Any], index: int) -> Any:
    for member in VALUE_MEMBERS:
        if member in record:
            value = record[member]
            if member == "v":
                return _number(value, index) + _number(base.get("bv", 0), index)
            return value
    return None


def _number(value: Any, index: int) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unusable(f"record {index}: {value!r} is not a number")
    return value


def _split(name: str, device_id: str, index: int) -> tuple[str, str]:
    """Part the full name in device and attribute, at the last `:` or `/` (as RFC 8428 advises)."""
    cut = max(name.rfind(":"), name.rfind("/"))
    device, attribute = name[:cut] if cut > 0 else device_id, name[cut + 1 :]
    if not attribute:
        raise Unusable(f"record {index} has no name")
    return device, attribute


def _time(base: Any, offset: Any, received_at: str, index: int) -> str:
    seconds = _number(base, index) + _number(offset, index)
    if abs(seconds) < RELATIVE_BELOW:
        moment = datetime.fromisoformat(received_at).astimezone(UTC) + timedelta(seconds=seconds)
        return times.write(moment)
    at = times.from_epoch(seconds)
    if at is None:
        raise Unusable(f"record {index}: the time {seconds} is out of range")
    return at
