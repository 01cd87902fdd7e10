"""One reading to one entity. Pure: no input, no output, no clock."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.runtime.errors import SkipRecord


def entity_of(line: bytes) -> dict[str, Any]:
    """Return the entity a line stands for; raises `SkipRecord` for one that stands for none."""
    try:
        reading = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SkipRecord(f"the line is not JSON: {error}") from error
    if not isinstance(reading, dict) or not reading.get("sensor"):
        raise SkipRecord("the line has no `sensor`")
    temperature: dict[str, Any] = {
        "type": "Property",
        "value": reading.get("temperature"),
        "unitCode": "CEL",
    }
    if reading.get("at"):
        temperature["observedAt"] = reading["at"]
    return {
        "id": f"urn:ngsi-ld:Device:{reading['sensor']}",
        "type": "Device",
        "temperature": temperature,
    }
