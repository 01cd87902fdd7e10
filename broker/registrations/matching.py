"""Which registrations a request for entities matches (clauses 5.12, 5.10.2.4). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.model.datetimes import canonical_time
from broker.model.entity import Entity, Instance
from broker.model.registration import EntityInfo, Registration, RegistrationInfo
from broker.model.terms import Terms
from broker.query.entity_query import EntitySelector
from broker.query.evaluate import EntityTest, compile_predicate
from broker.query.matching import compile_scopes
from broker.query.patterns import finder
from broker.query.registration_query import RegistrationQuery
from broker.query.spatial import compile_area
from broker.query.temporal import TimeQuery, overlaps

Selection = Callable[[Registration], Registration | None]

_GEOMETRIES = frozenset({"location", "observationSpace", "operationSpace"})


def compile_selection(query: RegistrationQuery, terms: Terms) -> Selection:
    """Return the function that gives the part of a registration a request matches, or None.

    The part is the registration with only those elements of its information that match (5.10.2.5).
    `terms` are those the names of the query were expanded with. Expiry is not looked at.
    """
    tests = _tests(query)

    def select(registration: Registration) -> Registration | None:
        if not (_fits_time(registration, query.time) and _fits_datasets(registration, query)):
            return None
        matching = [
            index
            for index, info in enumerate(registration.information)
            if matches_information(info, query)
        ]
        if not matching:
            return None
        if tests:
            source = described(registration, terms)
            if not all(test(source) for test in tests):
                return None
        if len(matching) == len(registration.information):
            return registration
        information = registration.definition["information"]
        part = {
            **registration.definition,
            "information": [information[index] for index in matching],
        }
        return registration.evolve(definition=part)

    return select


def matches_information(info: RegistrationInfo, query: RegistrationQuery) -> bool:
    """Say whether an element of the information matches the entities and attributes asked for."""
    if query.attributes and info.attributes and query.attributes.isdisjoint(info.attributes):
        return False
    if not query.selectors or not info.entities:
        return True
    return any(
        matches_entities(entities, selector)
        for selector in query.selectors
        for entities in info.entities
    )


def matches_entities(info: EntityInfo, selector: EntitySelector) -> bool:
    """Say whether the entities of a source may be among those selected."""
    if selector.types and not any(set(types) <= set(info.types) for types in selector.types):
        return False
    if info.id is None and info.id_pattern is None:
        return True
    if selector.ids:
        if info.id is not None:
            return info.id in selector.ids
        return any(map(finder(info.id_pattern or ""), selector.ids))
    if selector.id_pattern is None or info.id is None:
        return True  # whether an id can match two patterns is not easy to say: perhaps
    return finder(selector.id_pattern)(info.id)


def described(registration: Registration, terms: Terms) -> Entity:
    """Return what describes the source, as an entity that the query language can be asked of."""
    definition: dict[str, Any] = {
        "mode": registration.mode,
        "operations": [*registration.operations],
        **registration.definition,
    }
    return Entity(
        id=registration.id,
        types=(terms.expand("ContextSourceRegistration"),),
        attributes={terms.expand(name): [_instance(name, definition[name])] for name in definition},
        scopes=registration.scopes,
        created_at=registration.created_at,
        modified_at=registration.modified_at,
        expires_at=definition.get("expiresAt"),
    )


def _instance(name: str, value: Any) -> Instance:
    """Return a member of a registration as csf compares it: by what it says its value is."""
    if isinstance(value, dict) and value.get("type") == "Property" and "value" in value:
        value = value["value"]
    return {"type": "GeoProperty" if name in _GEOMETRIES else "Property", "value": value}


def _tests(query: RegistrationQuery) -> list[EntityTest]:
    tests: list[EntityTest] = []
    if query.scope:
        tests.append(compile_scopes(query.scope))
    if query.source_filter is not None:
        tests.append(compile_predicate(query.source_filter))
    if query.geo is not None:
        tests.append(compile_area(query.geo))
    return tests


def _fits_time(registration: Registration, time: TimeQuery | None) -> bool:
    if time is None:
        return not registration.is_temporal
    name = "observationInterval" if time.property == "observedAt" else "managementInterval"
    interval = registration.definition.get(name)
    if interval is None:
        return False
    start, end = canonical_time(interval["startAt"]), canonical_time(interval.get("endAt", ""))
    return overlaps(time, start or "", end)


def _fits_datasets(registration: Registration, query: RegistrationQuery) -> bool:
    given = registration.definition.get("datasetId")
    return not (given and query.dataset_ids) or not query.dataset_ids.isdisjoint(given)
