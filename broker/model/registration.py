"""Context source registrations as the broker holds them (clauses 5.2.8 to 5.2.11, 5.2.34).

The `definition` is the JSON object the client gave, reduced to the members of Table 5.2.9-1 with
every name in `information` expanded, and to the properties of the source beyond that table: those
are the members whose name, an expanded IRI, contains a colon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from broker.model.datetimes import canonical_time

Mode = Literal["inclusive", "exclusive", "redirect", "auxiliary"]

MODES: tuple[Mode, ...] = ("inclusive", "exclusive", "redirect", "auxiliary")
DEFAULT_OPERATIONS = ("federationOps",)
INTERVALS = ("observationInterval", "managementInterval")
"""The members a registration has where its source is asked for temporal evolutions (5.9.1)."""


@dataclass(frozen=True, slots=True)
class EntityInfo:
    """Entities a source has (clause 5.2.8), types expanded; `id` goes before `id_pattern`."""

    types: tuple[str, ...]
    id: str | None = None
    id_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class RegistrationInfo:
    """What a source can tell of which entities (clause 5.2.10), names expanded.

    Without `entities` it is about all of them, without `attributes` about all of theirs.
    """

    entities: tuple[EntityInfo, ...] = ()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Registration:
    """One context source registration of one tenant; `version` grows with each update.

    `information` is what the member of that name says, element by element.
    """

    id: str
    tenant: str
    definition: Mapping[str, Any]
    created_at: str = ""
    modified_at: str = ""
    version: int = 1
    information: tuple[RegistrationInfo, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        information = tuple(map(_information, self.definition["information"]))
        object.__setattr__(self, "information", information)

    def evolve(self, **changes: Any) -> Registration:
        """Return a copy with some members replaced."""
        return replace(self, **changes)

    @property
    def mode(self) -> Mode:
        """How the source takes part in distributed operations (clause 4.3.6)."""
        mode: Mode = self.definition.get("mode", "inclusive")
        return mode

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations, or groups of them, that the source takes (clause 4.20)."""
        return tuple(self.definition.get("operations", DEFAULT_OPERATIONS))

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes in which the source has entities."""
        scope = self.definition.get("scope", ())
        return (scope,) if isinstance(scope, str) else tuple(scope)

    @property
    def is_temporal(self) -> bool:
        """Whether the source is asked for temporal evolutions, and not for the present state."""
        return any(name in self.definition for name in INTERVALS)

    @property
    def expires_at(self) -> str | None:
        """When the registration ends, in the fixed-width form."""
        expires_at = self.definition.get("expiresAt")
        return None if expires_at is None else canonical_time(expires_at)

    def is_expired(self, now: str) -> bool:
        """Say whether the registration has ended at a time in the fixed-width form."""
        expires_at = self.expires_at
        return expires_at is not None and expires_at <= now


def _information(element: Mapping[str, Any]) -> RegistrationInfo:
    return RegistrationInfo(
        entities=tuple(map(_entity_info, element.get("entities", ()))),
        attributes=frozenset(element.get("propertyNames", ()))
        | frozenset(element.get("relationshipNames", ())),
    )


def _entity_info(info: Mapping[str, Any]) -> EntityInfo:
    types = info["type"]
    return EntityInfo(
        types=(types,) if isinstance(types, str) else tuple(types),
        id=info.get("id"),
        id_pattern=info.get("idPattern"),
    )
