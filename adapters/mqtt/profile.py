"""What a device's measures mean: the profile its group and its own document make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from adapters.mqtt.expressions import Expression
from adapters.mqtt.links import Link
from adapters.mqtt.sensors import Sensors


@dataclass(frozen=True, slots=True)
class Metadata:
    """A sub-attribute of fixed value, or of the value an expression gives."""

    name: str
    type: str | None
    value: Any
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """How a value of the payload becomes an attribute."""

    name: str
    type: str | None = None
    object_id: str | None = None
    expression: Expression | None = None
    skip_value: Any = None
    metadata: tuple[Metadata, ...] = ()
    entity_name: str | None = None
    entity_name_expression: Expression | None = None
    entity_type: str | None = None


@dataclass(frozen=True, slots=True)
class StaticAttribute:
    """An attribute of fixed value."""

    name: str
    type: str | None
    value: Any
    metadata: tuple[Metadata, ...] = ()
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What group and device together say about the measures of a device."""

    service: str
    subservice: str
    apikey: str
    device_id: str
    entity_type: str
    entity_name: str | None = None
    entity_name_expression: Expression | None = None
    attributes: tuple[AttributeMapping, ...] = ()
    static_attributes: tuple[StaticAttribute, ...] = ()
    explicit: bool | Expression = False
    zone: tzinfo = UTC
    payload_type: str = "iotagent"
    codec: str | None = None
    sensors: Sensors | None = None
    mapped_members: frozenset[str] = field(default_factory=frozenset)

    def static_values(self) -> dict[str, Any]:
        """Return the values of the static attributes by name."""
        return {attribute.name: attribute.value for attribute in self.static_attributes}

    def metadata_values(self) -> dict[str, dict[str, Any]]:
        """Return the fixed values of metadata by the names of attribute and metadata."""
        found = {one.name: one.metadata for one in self.attributes}
        found |= {one.name: one.metadata for one in self.static_attributes}
        return {
            name: {item.name: item.value for item in metadata}
            for name, metadata in found.items()
            if metadata
        }
