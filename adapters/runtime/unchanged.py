"""Whether writing an entity would change anything, judged by what the broker holds. Pure.

Entities arrive in normalized or concise form (clauses 4.5.4, 4.5.5); both are brought to one
form before they are compared. A value that the broker returns in another spelling only costs a
superfluous write, never a lost one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.runtime.batch import WriteMode
from broker.model.sameness import is_same

GEOMETRIES = frozenset(
    {
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    }
)
KIND_BY_MEMBER = {
    "object": "Relationship",
    "languageMap": "LanguageProperty",
    "vocab": "VocabProperty",
    "json": "JsonProperty",
    "valueList": "ListProperty",
    "objectList": "ListRelationship",
}
PLAIN_MEMBERS = frozenset(
    {
        "type",
        "value",
        "object",
        "objectType",
        "languageMap",
        "vocab",
        "json",
        "valueList",
        "objectList",
        "unitCode",
        "observedAt",
        "datasetId",
        "valueType",
        "expiresAt",
    }
)
SYSTEM_MEMBERS = frozenset({"createdAt", "modifiedAt", "deletedAt", "previousValue", "instanceId"})
NOT_ATTRIBUTES = frozenset({"id", "@context", "createdAt", "modifiedAt", "deletedAt"})


def is_unchanged(entity: Mapping[str, Any], current: Mapping[str, Any], mode: WriteMode) -> bool:
    """Tell whether writing `entity` over `current` in this mode leaves everything as it is."""
    if not _types(entity) <= _types(current):
        return False
    names = [name for name in entity if name not in NOT_ATTRIBUTES and name != "type"]
    if mode == "replace" and (
        _types(entity) != _types(current)
        or set(names) != {n for n in current if n not in NOT_ATTRIBUTES and n != "type"}
    ):
        return False
    return all(_same(name, entity[name], current.get(name), mode) for name in names)


def _types(entity: Mapping[str, Any]) -> set[str]:
    given = entity.get("type") or []
    return {given} if isinstance(given, str) else set(given)


def _same(name: str, wanted: Any, held: Any, mode: WriteMode) -> bool:
    if held is None:
        return False
    if name in {"scope", "expiresAt"}:
        return _as_list(wanted) == _as_list(held)
    new, old = _instances(wanted), _instances(held)
    if mode == "replace":
        return is_same(new, old)
    if mode == "merge":
        return all(_covers(old.get(key), new[key]) for key in new)
    return all(is_same(old.get(key), new[key]) for key in new)


def _covers(old: Any, new: Any) -> bool:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(name in old and _covers(old[name], new[name]) for name in new)
    return is_same(old, new)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _instances(attribute: Any) -> dict[str | None, dict[str, Any]]:
    """Return the instances of an attribute by datasetId, each in normalized form."""
    given: Iterable[Any] = attribute if _is_list_of_instances(attribute) else [attribute]
    found = [_normalized(one) for one in given]
    return {one.get("datasetId"): one for one in found}


def _is_list_of_instances(attribute: Any) -> bool:
    return (
        isinstance(attribute, list)
        and bool(attribute)
        and all(isinstance(one, dict) and _is_instance(one) for one in attribute)
    )


def _is_instance(value: Mapping[str, Any]) -> bool:
    return "value" in value or not KIND_BY_MEMBER.keys().isdisjoint(value)


def _normalized(instance: Any) -> dict[str, Any]:
    if not isinstance(instance, dict):
        return {"type": "Property", "value": instance}
    if not _is_instance(instance):
        return {"type": _value_kind(instance), "value": instance}
    members = {
        name: (member if name in PLAIN_MEMBERS else _instances(member))
        for name, member in instance.items()
        if name not in SYSTEM_MEMBERS
    }
    members.setdefault("type", _kind(instance))
    return members


def _kind(instance: Mapping[str, Any]) -> str:
    for member, kind in KIND_BY_MEMBER.items():
        if member in instance:
            return kind
    return _value_kind(instance.get("value"))


def _value_kind(value: Any) -> str:
    is_geometry = isinstance(value, dict) and value.get("type") in GEOMETRIES
    return "GeoProperty" if is_geometry else "Property"
