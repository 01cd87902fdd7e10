"""What the modes of registrations demand, and what they exclude (clauses 4.3.6, 5.9.2.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from broker.model.errors import BadRequestData
from broker.model.registration import EntityInfo, Registration
from broker.query.entity_query import EntityQuery, EntitySelector, Page
from broker.query.registration_query import RegistrationQuery
from broker.registrations.matching import matches_entities, matches_information
from broker.registrations.operation_names import GROUPS

PROXIED = frozenset({"exclusive", "redirect"})
"""The modes in which the broker itself has nothing of what is registered (clause 4.3.6.3)."""

_AUXILIARY = frozenset({"retrieveOps"}) | GROUPS["retrieveOps"]


def check_mode(registration: Registration) -> None:
    """Raise BadRequestData where a registration is not what its mode demands."""
    if registration.mode == "exclusive":
        _check_exclusive(registration)
    if registration.mode == "auxiliary" and not _AUXILIARY.issuperset(registration.operations):
        raise BadRequestData(
            "the mode auxiliary is for reading: name operations, and of these only "
            f"{', '.join(sorted(_AUXILIARY))}",
            pointer="/operations",
        )


def conflicts(registration: Registration, others: Iterable[Registration]) -> Registration | None:
    """Return the first of other registrations that leaves no room for this one (4.3.6.3).

    Two of the mode redirect do not exclude each other.
    """
    if registration.mode not in PROXIED:
        return None
    for other in others:
        if other.id == registration.id or other.mode not in PROXIED:
            continue
        if registration.mode == "exclusive" and _covers(other, registration):
            return other
        if other.mode == "exclusive" and _covers(registration, other):
            return other
    return None


def entities_excluded(registration: Registration) -> Iterator[EntityQuery]:
    """Yield the queries for entities that may not be here beside a registration (5.9.2.4)."""
    if registration.mode not in PROXIED:
        return
    for info in registration.information:
        yield EntityQuery(
            selectors=tuple(_selector(entities, registration) for entities in info.entities),
            attributes=tuple(sorted(info.attributes)),
            page=Page(limit=1),
            is_local=True,
        )


def _selector(info: EntityInfo, registration: Registration) -> EntitySelector:
    """Return the entities of an EntityInfo; an exclusive one is told by its id alone."""
    return EntitySelector(
        ids=() if info.id is None else (info.id,),
        id_pattern=info.id_pattern,
        types=() if registration.mode == "exclusive" else (info.types,),
    )


def _check_exclusive(registration: Registration) -> None:
    ids: set[str] = set()
    for index, info in enumerate(registration.information):
        pointer = f"/information/{index}"
        if not info.attributes:
            raise BadRequestData(
                "the mode exclusive is for attributes of one entity: name them in propertyNames "
                "or relationshipNames",
                pointer=pointer,
            )
        if not info.entities or any(one.id is None or one.id_pattern for one in info.entities):
            raise BadRequestData(
                "the mode exclusive is for attributes of one entity: give its id, and no idPattern",
                pointer=f"{pointer}/entities",
            )
        ids.update(one.id or "" for one in info.entities)
    if len(ids) > 1:
        raise BadRequestData(
            f"the mode exclusive is for one entity, not {len(ids)}; register each by itself",
            pointer="/information",
        )


def _covers(other: Registration, exclusive: Registration) -> bool:
    """Say whether a registration has something of what an exclusive one is about."""
    return any(
        matches_information(info, RegistrationQuery(attributes=own.attributes))
        and (not info.entities or any(_has(one, entity) for one in info.entities))
        for own in exclusive.information
        for entity in own.entities
        for info in other.information
    )


def _has(info: EntityInfo, entity: EntityInfo) -> bool:
    """Say whether one entity, known by its id and types, is among those of an EntityInfo."""
    if info.id is not None:
        return info.id == entity.id
    if not set(info.types) <= set(entity.types):
        return False
    return matches_entities(info, EntitySelector(ids=(entity.id or "",)))
