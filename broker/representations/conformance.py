"""Entities cut down to what an earlier version of the standard knew (clause 4.3.6.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.model.attributes import (
    JSON_PROPERTY,
    LANGUAGE_PROPERTY,
    LIST_PROPERTY,
    LIST_RELATIONSHIP,
    PREVIOUS_MEMBER,
    PROPERTY,
    RELATIONSHIP,
    VALUE_MEMBER,
    VOCAB_PROPERTY,
)
from broker.model.entity import NULL, Entity, Instance, default_instance
from broker.model.languages import NO_LANGUAGE
from broker.representations.languages import LanguageFilter, in_language
from broker.representations.options import DEFAULT_OPTIONS, RepresentationOptions

Version = tuple[int, int]
"""Major and minor number of a version of the standard, as (1, 5)."""

CURRENT: Version = (1, 9)
OLDEST: Version = (1, 0)

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


def conformant(version: Version) -> Version:
    """Return the version that answers can conform to, nearest to the one that is wanted."""
    return max(OLDEST, min(version, CURRENT))


def conforming_to(
    entity: Entity, version: Version, options: RepresentationOptions = DEFAULT_OPTIONS
) -> Entity:
    """Return an entity that has nothing a version of the standard did not know yet.

    What is left out or shown as another type follows tables 4.3.6.8-1 to 4.3.6.8-3. Instances
    and languages are chosen as `options` want before, for what they are chosen by may go; they
    need not (and, for the datasetIds, must not) be chosen again: see `after_conforming`.
    """
    if version >= CURRENT:
        return entity
    chosen = RepresentationOptions(dataset_ids=options.dataset_ids).select(entity.attributes)
    return entity.evolve(
        types=entity.types if version >= _SEVERAL_SINCE else entity.types[:1],
        scopes=entity.scopes if version >= _SCOPE_SINCE else (),
        expires_at=None,
        attributes={
            name: _conforming_instances(instances, version, options.languages)
            for name, instances in chosen.items()
        },
    )


def after_conforming(options: RepresentationOptions) -> RepresentationOptions:
    """Return the options that remain for what `conforming_to` returns."""
    return options.evolve(dataset_ids=None)


def _conforming_instances(
    instances: list[Instance], version: Version, languages: LanguageFilter | None
) -> list[Instance]:
    if version < _SEVERAL_SINCE:
        instances = [default_instance(instances) or instances[0]]
    return [_conforming_instance(instance, version, languages) for instance in instances]


def _conforming_instance(
    instance: Instance, version: Version, languages: LanguageFilter | None
) -> Instance:
    if languages is not None and "languageMap" in instance:
        instance = in_language(instance, languages)
    kind = instance["type"]
    since, earlier = _KINDS_SINCE.get(kind, (version, kind))
    shown = kind if version >= since else earlier
    renamed = {} if shown == kind else _renamed(kind, shown)
    result: Instance = {"type": shown}
    for member, value in instance.items():
        if ":" in member:
            result[member] = _conforming_instances(value, version, languages)
        elif member in renamed:
            result[renamed[member]] = _as_earlier(kind, value)
        elif member != "type" and version >= _MEMBERS_SINCE.get(member, version):
            result[member] = value
    return result


def _renamed(kind: str, shown: str) -> Mapping[str, str]:
    """Return what the members of an attribute that hold values become with another type."""
    before, after = VALUE_MEMBER[kind], VALUE_MEMBER[shown]
    return {before: after, PREVIOUS_MEMBER[before]: PREVIOUS_MEMBER[after]}


def _as_earlier(kind: str, value: Any) -> Any:
    """Return a value as the earlier type has it; what stands for a deletion becomes the null."""
    if kind == LIST_RELATIONSHIP:
        targets = [target["object"] for target in value]
        return NULL if targets == [NULL] else targets
    return NULL if kind == LANGUAGE_PROPERTY and value == {NO_LANGUAGE: NULL} else value
