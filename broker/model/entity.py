"""Entities as the broker holds them: every name expanded, every member as given.

An attribute instance is a plain dict in the normalized shape of the standard (clauses 4.5.2 to
4.5.24) with two differences:

- names of sub-attributes are expanded IRIs, and each maps to a *list* of instances, as the
  attributes of an entity do; members the standard reserves (`type`, `value`, `object`, `unitCode`,
  `observedAt`, `datasetId`, ...) keep their short names. A key is therefore a sub-attribute exactly
  if it contains a colon;
- `objectType`, `valueType` and `vocab` hold expanded IRIs.

Example, for the property `temperature` with the sub-attribute `accuracy`::

    {"https://example.org/temperature": [
        {"type": "Property", "value": 21.5, "unitCode": "CEL",
         "observedAt": "2026-11-22T04:00:00Z",
         "createdAt": "2026-11-22T04:00:01.123456Z", "modifiedAt": "2026-11-22T04:00:01.123456Z",
         "https://example.org/accuracy": [{"type": "Property", "value": 0.5}]}]}

Instances are values: whoever changes one makes a new dict. At most one instance of a list has no
`datasetId` (the default instance); the order of the others is that of their arrival.

Entities, and the values that describe their changes, are named tuples: they are made by the
thousand a second, and a frozen dataclass takes three times as long to make.

Times the broker itself writes (`createdAt`, `modifiedAt`) are strings of fixed width,
`YYYY-MM-DDThh:mm:ss.ffffffZ`, so that they compare as text. Times a client gives are kept as
given.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

Instance = dict[str, Any]
Attributes = Mapping[str, list[Instance]]

NO_ATTRIBUTES: Final[Attributes] = MappingProxyType({})

NULL = "urn:ngsi-ld:null"
"""The NGSI-LD Null (clause 4.5.0): in a fragment it deletes what it stands for."""


class Entity(NamedTuple):
    """One entity (clause 5.2.4). `version` is 0 before its first commit; each adds 1."""

    id: str
    types: tuple[str, ...]
    attributes: Attributes = NO_ATTRIBUTES
    scopes: tuple[str, ...] = ()
    created_at: str = ""
    modified_at: str = ""
    expires_at: str | None = None
    version: int = 0

    def evolve(self, **changes: Any) -> Entity:
        """Return a copy with some members replaced."""
        return self._replace(**changes)


def default_instance(instances: list[Instance]) -> Instance | None:
    """Return the instance without datasetId (clause 4.5.5), if there is one."""
    for instance in instances:
        if "datasetId" not in instance:
            return instance
    return None


def instance_of(instances: list[Instance], dataset_id: str | None) -> Instance | None:
    """Return the instance with this datasetId; `None` asks for the default instance."""
    for instance in instances:
        if instance.get("datasetId") == dataset_id:
            return instance
    return None


def extended(present: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    """Return the types or scopes present, followed by those of the added ones that are new."""
    if not added:
        return present
    return present + tuple(name for name in added if name not in present)
