"""Topics without a protocol of their own: one bare value, a JSON document, a line of columns."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.mqtt.decoders.ultralight import text_of, value_of
from adapters.mqtt.measure import Measure, Unusable, written

FLAGS = {"true": True, "false": False}


def decode_value(payload: bytes, device_id: str, name: str) -> list[Measure]:
    """Read a bare number, flag or text as the value of `name`. Raises `Unusable`."""
    text = text_of(payload)
    value = FLAGS[text.lower()] if text.lower() in FLAGS else value_of(text)
    return [Measure(device_id, {name: value})]


def measure_of(document: dict[str, Any], device_id: str) -> list[Measure]:
    """Take a JSON object of any depth as one measure. Raises `Unusable`."""
    if not document:
        raise Unusable("the payload is an empty object: it holds no measure")
    return [Measure(device_id, document)]


def object_of(payload: bytes) -> dict[str, Any]:
    """Return the JSON object of a payload. Raises `Unusable`."""
    try:
        body = orjson.loads(written(payload))
    except orjson.JSONDecodeError as error:
        raise Unusable(f"the payload is not JSON ({error})") from error
    if not isinstance(body, dict):
        raise Unusable("the payload is JSON, but not an object")
    return body


def decode_columns(
    payload: bytes, device_id: str, columns: tuple[str, ...], separator: str
) -> list[Measure]:
    """Read lines of columns, each line one measure; a column named `-` is left out."""
    lines = [line for line in text_of(payload).splitlines() if line.strip()]
    return [Measure(device_id, _row(line, columns, separator)) for line in lines]


def _row(line: str, columns: tuple[str, ...], separator: str) -> dict[str, Any]:
    cells = [cell.strip() for cell in line.split(separator)]
    if len(cells) != len(columns):
        raise Unusable(
            f"the line {line[:80]!r} has {len(cells)} columns; this topic has {len(columns)} "
            f"({separator.join(columns)})"
        )
    return {
        name: value_of(cell)
        for name, cell in zip(columns, cells, strict=True)
        if name != "-" and cell
    }
