"""From the Query data type to one EntityQuery (clauses 5.2.13, 5.2.23, 5.2.33, 5.2.43)."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from broker.api.application import ApiSettings
from broker.api.parameters import Parameters
from broker.api.queries import (
    ANY_TYPE,
    checked_pattern,
    dataset_ids,
    page_of,
    refuse_too_wide,
    source_filter,
    uris,
)
from broker.contexts.context import Context
from broker.model.errors import BadRequestData
from broker.query.ast import Expression, GeoQuery, Ordering
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.geo_parser import parse_geo_query
from broker.query.order_parser import parse_ordering
from broker.query.q_parser import parse_q
from broker.query.selection import parse_scopes, parse_types
from broker.representations.checks import node_of

REPRESENTATION_MEMBERS = frozenset(
    {"attrs", "pick", "omit", "lang", "join", "joinLevel", "containedBy", "datasetId"}
)
_MEMBERS = REPRESENTATION_MEMBERS | {
    "@context", "type", "entities", "q", "geoQ", "scopeQ", "csf", "expandValues", "jsonKeys",
    "ordering", "entityMap", "entityMapLifetime", "splitEntities",
}  # fmt: skip
_SELECTOR = frozenset({"id", "idPattern", "type"})
_GEO = frozenset({"coordinates", "geometry", "georel", "geoproperty"})
_ORDERING = frozenset({"orderBy", "collation", "geometry", "coordinates"})


def posted_query(
    body: Any,
    parameters: Parameters,
    terms: Context,
    settings: ApiSettings,
    *,
    in_snapshot: bool = False,
) -> EntityQuery:
    """Return the query of a Query object. Raises BadRequestData, TooComplexQuery."""
    members = _object(node_of(body, ()), _MEMBERS, "")
    if members.get("type") != "Query":
        raise BadRequestData("the member type of a query is 'Query'", pointer="/type")
    selectors, has_type, is_any = _selectors(members, terms)
    query = EntityQuery(
        selectors=selectors,
        attributes=tuple(terms.expand(name) for name in strings(members, "attrs")),
        condition=_condition(members, terms),
        geo=_geo(members, terms),
        scope=parse_scopes(scope) if (scope := string(members, "scopeQ")) else (),
        dataset_ids=dataset_ids(strings(members, "datasetId")),
        ordering=_ordering(members, terms),
        page=page_of(parameters, settings),
        with_count=parameters.asks_for_count,
        is_local=parameters.flag("local") or is_any or in_snapshot,
    )
    _ = source_filter(string(members, "csf"), terms)  # no source is asked yet
    refuse_too_wide(query, has_type=has_type)
    return query


def string(members: Mapping[str, Any], name: str, pointer: str = "") -> str | None:
    """Return a text member, None if it is absent. Raises BadRequestData for anything else."""
    value = members.get(name)
    if value is None and name not in members:
        return None
    if not isinstance(value, str) or not value:
        raise BadRequestData(f"'{name}' is a text that is not empty", pointer=f"{pointer}/{name}")
    return value


def strings(members: Mapping[str, Any], name: str, pointer: str = "") -> tuple[str, ...]:
    """Return an array of texts (a single text stands for one), () if it is absent.

    Raises BadRequestData for anything else, with the place in the body under `pointer`.
    """
    if name not in members:
        return ()
    value = members[name]
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(_is_text(item) for item in values):
        raise BadRequestData(
            f"'{name}' is an array of texts with at least one element", pointer=f"{pointer}/{name}"
        )
    return tuple(values)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _selectors(
    members: Mapping[str, Any], terms: Context
) -> tuple[tuple[EntitySelector, ...], bool, bool]:
    """Return the selectors, whether there are some, and whether one selects every type."""
    if "entities" not in members:
        return (), False, False
    entities = members["entities"]
    if not isinstance(entities, list) or not entities:
        raise BadRequestData(
            "'entities' is an array with at least one selector", pointer="/entities"
        )
    selectors: list[EntitySelector] = []
    types: list[str] = []
    for index, item in enumerate(entities):
        pointer = f"/entities/{index}"
        selector = _object(node_of(item, ("entities", index)), _SELECTOR, pointer)
        type_text = string(selector, "type", pointer)
        if type_text is None:
            raise BadRequestData(
                "'type' is missing; \"*\" selects every type", pointer=f"{pointer}/type"
            )
        types.append(type_text)
        selectors.append(
            EntitySelector(
                ids=uris(strings(selector, "id", pointer), "id"),
                id_pattern=checked_pattern(string(selector, "idPattern", pointer)),
                types=parse_types(type_text, terms),
            )
        )
    return tuple(selectors), True, ANY_TYPE in types


def _condition(members: Mapping[str, Any], terms: Context) -> Expression | None:
    text = string(members, "q")
    if text is None:
        return None
    return parse_q(text, terms, _listed(members, "expandValues"), _listed(members, "jsonKeys"))


def _listed(members: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the names in a text, separated by commas."""
    text = string(members, name)
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _geo(members: Mapping[str, Any], terms: Context) -> GeoQuery | None:
    if "geoQ" not in members:
        return None
    geo = _object(members["geoQ"], _GEO, "/geoQ")
    return parse_geo_query(
        georel=geo.get("georel"),
        geometry=geo.get("geometry"),
        coordinates=geo.get("coordinates"),
        geoproperty=geo.get("geoproperty"),
        terms=terms,
    )


def _ordering(members: Mapping[str, Any], terms: Context) -> Ordering | None:
    if "ordering" not in members:
        return None
    ordering = _object(members["ordering"], _ORDERING, "/ordering")
    return parse_ordering(
        ordering.get("orderBy"),
        terms=terms,
        collation=ordering.get("collation"),
        coordinates=ordering.get("coordinates"),
        geometry=ordering.get("geometry"),
    )


def _object(value: Any, known: Collection[str], pointer: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRequestData("expected a JSON object", pointer=pointer)
    for name in value:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise BadRequestData(f"unknown member '{name}'{hint}", pointer=f"{pointer}/{name}")
    return value
