"""Measures that are NGSI entities themselves (`payloadType` ngsild or ngsiv2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mqtt.values import Attribute, Unfit, attribute

KINDS: Mapping[str, str] = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
"""Kind of attribute → the member that holds its value."""

Ready = dict[str, Attribute | list[Attribute]]


def unwrap(payload_type: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], Ready]:
    """Part an entity in plain values (for mappings) and attributes that are ready to be written.

    Its `@context` is left out: names are those of the adapter's @context.
    """
    read = _from_ngsi_v2 if payload_type == "ngsiv2" else _from_ngsi_ld
    plain: dict[str, Any] = {}
    ready: Ready = {}
    for name, given in values.items():
        if name == "@context":
            continue
        value, finished = (given, None) if name in ("id", "type") else read(name, given)
        plain[name] = value
        if finished is not None:
            ready[name] = finished
    return plain, ready


def _from_ngsi_ld(_: str, given: Any) -> tuple[Any, Attribute | list[Attribute] | None]:
    if isinstance(given, list) and given and all(_is_attribute(item) for item in given):
        return given[0].get(KINDS[given[0]["type"]]), [dict(item) for item in given]
    if _is_attribute(given):
        return given.get(KINDS[given["type"]]), dict(given)
    if isinstance(given, dict) and "type" not in given:
        for kind, member in KINDS.items():
            if member in given:
                return given[member], {"type": kind, **given}
    return given, None


def _is_attribute(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in KINDS


def _from_ngsi_v2(name: str, given: Any) -> tuple[Any, Attribute | None]:
    if not isinstance(given, dict) or "value" not in given:
        return given, None
    try:
        finished = attribute(given.get("type"), given["value"])
    except Unfit as error:
        raise Unfit(f"{name} {error}") from error
    for member, item in (given.get("metadata") or {}).items():
        value = item.get("value") if isinstance(item, dict) else item
        if member == "TimeInstant":
            finished["observedAt"] = value
        elif member == "unitCode":
            finished["unitCode"] = value
        elif value is not None:
            finished[member] = {"type": "Property", "value": value}
    return given["value"], finished
