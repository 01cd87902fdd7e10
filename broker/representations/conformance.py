"""Entities cut down to what an earlier version of the standard knew (clause 4.3.6.8)."""

from __future__ import annotations

from collections.abc import Mapping

from broker.model.attributes import (
    JSON_PROPERTY,
    LANGUAGE_PROPERTY,
    LIST_PROPERTY,
    LIST_RELATIONSHIP,
    PROPERTY,
    RELATIONSHIP,
    VALUE_MEMBER,
    VOCAB_PROPERTY,
)
from broker.model.entity import Entity, Instance, default_instance

Version = tuple[int, int]
"""Major and minor number of a version of the standard, as (1, 5)."""

CURRENT: Version = (1, 9)

_KINDS_SINCE: Mapping[str, tuple[Version, str]] = {
    LANGUAGE_PROPERTY: ((1, 4), PROPERTY),
    VOCAB_PROPERTY: ((1, 8), PROPERTY),
    JSON_PROPERTY: ((1, 8), PROPERTY),
    LIST_PROPERTY: ((1, 8), PROPERTY),
    LIST_RELATIONSHIP: ((1, 8), RELATIONSHIP),
}
"""The version each newer type came with, and the type that stands for it before."""

_MEMBERS_SINCE: Mapping[str, Version] = {
    "expiresAt": (1, 9),
    "valueType": (1, 9),
    "objectType": (1, 8),
    "datasetId": (1, 3),
    "observedAt": (1, 3),
    "unitCode": (1, 3),
}
_SEVERAL_SINCE: Version = (1, 3)
_SCOPE_SINCE: Version = (1, 4)


def conforming_to(entity: Entity, version: Version) -> Entity:
    """Return an entity that has nothing a version of the standard did not know yet.

    What is left out or shown as another type follows tables 4.3.6.8-1 to 4.3.6.8-3.
    """
    if version >= CURRENT:
        return entity
    return entity.evolve(
        types=entity.types if version >= _SEVERAL_SINCE else entity.types[:1],
        scopes=entity.scopes if version >= _SCOPE_SINCE else (),
        expires_at=None,
        attributes={
            name: _conforming_instances(instances, version)
            for name, instances in entity.attributes.items()
        },
    )


def _conforming_instances(instances: list[Instance], version: Version) -> list[Instance]:
    if version < _SEVERAL_SINCE:
        instances = [default_instance(instances) or instances[0]]
    return [_conforming_instance(instance, version) for instance in instances]


def _conforming_instance(instance: Instance, version: Version) -> Instance:
    kind = instance["type"]
    value_member = VALUE_MEMBER[kind]
    since, earlier = _KINDS_SINCE.get(kind, (version, kind))
    shown = kind if version >= since else earlier
    result: Instance = {"type": shown}
    for member, value in instance.items():
        if ":" in member:
            result[member] = _conforming_instances(value, version)
        elif member == value_member:
            result[VALUE_MEMBER[shown]] = (
                [target["object"] for target in value]
                if (kind, shown) == (LIST_RELATIONSHIP, RELATIONSHIP)
                else value
            )
        elif member != "type" and version >= _MEMBERS_SINCE.get(member, version):
            result[member] = value
    return result
