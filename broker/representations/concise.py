"""The concise representation: normalized, less what can be inferred (clauses 4.5.2.3 ff.)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.model.attributes import PROPERTY
from broker.model.entity import NULL, Instance
from broker.model.geometry import looks_like_geometry
from broker.model.languages import NO_LANGUAGE
from broker.representations.attributes import reads_as_value
from broker.representations.languages import in_language
from broker.representations.writer import Writer

_OBJECT_LISTS = frozenset({"objectList", "previousObjectList"})
_DELETED: Mapping[str, Any] = {
    "languageMap": {NO_LANGUAGE: NULL},
    "valueList": [NULL],
    "objectList": [NULL],
}
"""The values that stand for a deletion in a notification where it is not NULL itself (4.5.0)."""


def write_concise(instances: list[Instance], writer: Writer) -> Any:
    """Return an attribute; a single one that is all value as that value (clause 4.5.2.3)."""
    if len(instances) > 1:
        return [_write_instance(instance, writer) for instance in instances]
    result = _write_instance(instances[0], writer)
    if len(result) > 1:
        return result
    ((member, value),) = result.items()
    if value == _DELETED.get(member, NULL):
        return NULL
    return value if member == "value" and _can_stand_alone(value) else result


def _write_instance(instance: Instance, writer: Writer) -> Instance:
    if writer.languages is not None and "languageMap" in instance:
        instance = in_language(instance, writer.languages)
    result: Instance = {}
    for member, value in instance.items():
        if member == "type":
            if value == PROPERTY and looks_like_geometry(instance["value"]):
                result["type"] = value  # without it the reader would take a GeoProperty
        elif member in _OBJECT_LISTS:
            result[member] = [target["object"] for target in value]
        elif member in writer.plain:
            result[member] = value
        elif member in writer.compacted:
            result[member] = writer.as_terms(value)
        elif member not in writer.hidden:
            result[writer.compact(member)] = write_concise(value, writer)
    return result


def _can_stand_alone(value: Any) -> bool:
    return looks_like_geometry(value) or reads_as_value(value)
