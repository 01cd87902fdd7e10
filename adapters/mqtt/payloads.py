"""Measures that are NGSI entities themselves (`payloadType` ngsild or ngsiv2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mqtt import times
from adapters.mqtt.measure import TIME_INSTANT
from adapters.mqtt.names import attribute_name
from adapters.mqtt.nulls import without_null
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


def unwrap(payload_type: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], Ready, list[str]]:
    """Part an entity in plain values (for mappings), attributes ready to be written, and faults.

    A fault names an attribute that cannot be used; the others can. The `@context` is left out:
    names are those of the adapter's @context.
    """
    read = _from_ngsi_v2 if payload_type == "ngsiv2" else _from_ngsi_ld
    plain: dict[str, Any] = {}
    ready: Ready = {}
    faults: list[str] = []
    for name, given in values.items():
        if name == "@context":
            continue
        try:
            value, finished = (given, None) if name in ("id", "type") else read(given)
        except Unfit as error:
            faults.append(f"{name} {error}")
            continue
        plain[name] = value
        if finished is not None and value is not None:
            ready[name] = finished
    return plain, ready, faults


def _from_ngsi_ld(given: Any) -> tuple[Any, Attribute | list[Attribute] | None]:
    if isinstance(given, list) and given and all(_is_attribute(item) for item in given):
        return given[0].get(KINDS[given[0]["type"]]), [_checked(item) for item in given]
    if _is_attribute(given):
        return given.get(KINDS[given["type"]]), _checked(given)
    if isinstance(given, dict) and "type" not in given:
        for kind, member in KINDS.items():
            if member in given:
                return given[member], _checked({"type": kind, **given})
    return given, None


def _is_attribute(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in KINDS


def _checked(given: Mapping[str, Any]) -> Attribute:
    """Return an attribute of which the broker can take value and time. Raises `Unfit`."""
    kind = given["type"]
    member = KINDS[kind]
    if member not in given:
        raise Unfit(f"is of the type {kind} and has no {member}")
    checked = dict(given)
    if member == "value":
        checked[member] = without_null(given[member])
    if kind in ("GeoProperty", "Relationship"):
        checked |= attribute(kind, given[member])
    if "observedAt" in given:
        checked["observedAt"] = _moment(given["observedAt"])
    return checked


def _moment(value: Any) -> str:
    moment = times.from_iso(value)
    if moment is None:
        raise Unfit(f"has the time {value!r:.60}, which is none such as 2026-01-31T09:30:00Z")
    return moment


def _from_ngsi_v2(given: Any) -> tuple[Any, Attribute | None]:
    if not isinstance(given, dict) or "value" not in given:
        return given, None
    value = without_null(given["value"])
    if value is None:
        return None, None
    finished = attribute(given.get("type"), value)
    for member, item in (given.get("metadata") or {}).items():
        noted = item.get("value") if isinstance(item, dict) else item
        if member == TIME_INSTANT:
            finished["observedAt"] = _moment(noted)
        elif member == "unitCode":
            finished["unitCode"] = noted
        elif noted is not None:
            finished[attribute_name(member)] = {"type": "Property", "value": without_null(noted)}
    return value, finished
