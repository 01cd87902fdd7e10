"""Linked entities (`link` of a static attribute): what a device measures is kept on both. Pure.

A thermometer whose static Relationship `controlledAsset` is a building, with
`"link": {"attributes": ["temperature"], "name": "providedBy", "type": "Building"}`, also updates
`temperature` of the building, with a Relationship `providedBy` to the thermometer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.mqtt.ids import entity_uri
from adapters.mqtt.values import Attribute

DEFAULT_NAME = "providedBy"
_PREFIX = "urn:ngsi-ld:"


@dataclass(frozen=True, slots=True)
class Link:
    """Which attributes go to the linked entity, and what their Relationship back is called."""

    attributes: tuple[str, ...]
    name: str = DEFAULT_NAME
    type: str | None = None


def linked(
    own_id: str, own: Mapping[str, Any], link: Link, static: Attribute
) -> Iterator[dict[str, Any]]:
    """Give the parts of the entities a static attribute links to, for what was measured now."""
    measured = {name: own[name] for name in link.attributes if name in own}
    if not measured:
        return
    back = {link.name: {"type": "Relationship", "object": own_id}}
    for target in _targets(static):
        kind = link.type or target.removeprefix(_PREFIX).partition(":")[0]
        yield {
            "id": target,
            "type": kind,
            **{name: _with(made, back) for name, made in measured.items()},
        }


def _targets(static: Attribute) -> list[str]:
    named = static.get("object", static.get("value"))
    targets = named if isinstance(named, list) else [named]
    return [entity_uri(one) for one in targets if isinstance(one, str) and one]


def _with(made: Any, back: Mapping[str, Any]) -> Any:
    if isinstance(made, list):
        return [{**one, **back} for one in made]
    return {**made, **back}
