"""IoT Agent JSON: `/json/{apikey}/{device}/attrs` and `…/attrs/{name}`."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.mqtt.measure import TIME_INSTANT, Measure, Unusable, written

HEX_LIMIT = 64 * 1024
DELETING = ("delete", "DELETE")


def decode(payload: bytes, device_id: str) -> list[Measure]:
    """Read an object, or an array of objects (several measures). Raises `Unusable`."""
    try:
        body = orjson.loads(written(payload))
    except orjson.JSONDecodeError as error:
        raise Unusable(
            f"the payload is not JSON ({error}); a topic that ends in /attrs takes an object such "
            'as {"temperature": 21.5}'
        ) from error
    return [Measure(device_id, values) for values in measures_in(body)]


def measures_in(body: Any) -> list[dict[str, Any]]:
    """Return the objects of a parsed payload, each one measure. Raises `Unusable`."""
    if isinstance(body, dict):
        batch = body.get("entities") if "actionType" in body else None
        if batch is not None and body["actionType"] in DELETING:
            raise Unusable(f"actionType {body['actionType']}: measures are written, never deleted")
        return measures_in(batch) if isinstance(batch, list) else [_filled(body, "the payload")]
    if isinstance(body, list) and body:
        return [_filled(item, f"element {index}") for index, item in enumerate(body)]
    raise Unusable(
        f"the payload is {_kind(body)}; it should be an object or an array of objects, or the "
        "topic should name the attribute (/attrs/temperature)"
    )


def decode_single(payload: bytes, device_id: str, name: str) -> list[Measure]:
    """Read the value of one attribute; what is not JSON is kept as hexadecimal text.

    An array of `{"timestamp", "value"}` is one measure for each element.
    """
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return [Measure(device_id, {name: hexadecimal(payload, name)})]
    if _is_series(value):
        return [
            Measure(device_id, {name: item["value"], TIME_INSTANT: item["timestamp"]})
            for item in value
        ]
    return [Measure(device_id, {name: value})]


def hexadecimal(payload: bytes, name: str) -> str:
    """Return bytes as hexadecimal text. Raises `Unusable` when there are none, or too many."""
    if not payload:
        raise Unusable(f"the payload for {name} is empty")
    if len(payload) > HEX_LIMIT:
        raise Unusable(
            f"the payload for {name} is not JSON and has {len(payload)} bytes; at most "
            f"{HEX_LIMIT} are kept as hexadecimal text"
        )
    return payload.hex()


def _is_series(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and item.keys() == {"timestamp", "value"} for item in value)
    )


def _filled(item: Any, place: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Unusable(f"{place} is {_kind(item)}; it should be an object of names and values")
    if not item:
        raise Unusable(f"{place} is an empty object: it holds no measure")
    return item


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a text", bool: "a flag", type(None): "null"}
    if isinstance(value, list) and not value:
        return "an empty array"
    return names.get(type(value), "a number")
