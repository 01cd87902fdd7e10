"""From URI parameters to one EntityQuery (clauses 5.7.2, 6.4.3.2)."""

from __future__ import annotations

from broker.api.application import ApiSettings
from broker.api.parameters import Parameters
from broker.contexts.context import Context
from broker.model.errors import BadRequestData, TooManyResults
from broker.model.names import is_term, is_uri
from broker.query.ast import (
    Expression,
    GeoQuery,
    Ordering,
    TypeExpression,
    attributes_of,
    linked_depth,
)
from broker.query.entity_query import EntityQuery, EntitySelector, Page
from broker.query.geo_parser import parse_geo_query
from broker.query.order_parser import check_collation, parse_ordering
from broker.query.patterns import check_pattern
from broker.query.q_parser import parse_q
from broker.query.selection import parse_scopes, parse_types

ANY_TYPE = "*"
DEFAULT_INSTANCE = "@none"
"""Stands for the instance of an attribute that has no datasetId."""
_SYSTEM = {
    f"https://uri.etsi.org/ngsi-ld/{name}"
    for name in ("createdAt", "modifiedAt", "deletedAt", "expiresAt")
}
_GEO = ("georel", "geometry", "coordinates")


def attribute_names(parameters: Parameters, name: str, terms: Context) -> tuple[str, ...]:
    """Return the attributes a parameter lists, expanded. Raises BadRequestData for what is none.

    Paths into linked entities, `owner{name}`, are for `pick` and `omit` alone (5.6.21.4).
    """
    names = parameters.names(name)
    for one in names:
        if not is_term(one, terms):
            raise BadRequestData(
                f"{name} lists names of attributes; {one[:200]!r} is none", attribute_names=(one,)
            )
    return tuple(map(terms.expand, names))


def entity_query(
    parameters: Parameters, terms: Context, settings: ApiSettings, *, in_snapshot: bool = False
) -> EntityQuery:
    """Return the query of `GET /entities`. Raises BadRequestData, TooComplexQuery.

    In a snapshot every query is local, whatever the request says (5.5.15).
    """
    type_text = parameters.text("type")
    is_local = parameters.flag("local") or type_text == ANY_TYPE or in_snapshot
    query = EntityQuery(
        selectors=selectors_of(parameters, terms),
        attributes=attribute_names(parameters, "attrs", terms),
        condition=condition_of(parameters, terms),
        geo=geo_query_of(parameters, terms),
        scope=parse_scopes(scope) if (scope := parameters.scope_query) else (),
        dataset_ids=dataset_ids(parameters.names("datasetId")),
        ordering=_ordering(parameters, terms),
        page=page_of(parameters, settings),
        with_count=parameters.asks_for_count,
        is_local=is_local,
    )
    _ = source_filter(parameters.text("csf"), terms)  # no source is asked yet
    if type_text == ANY_TYPE and _denies_local(parameters) and not in_snapshot:
        raise BadRequestData("type=* is about this broker only; local=false contradicts it")
    refuse_too_wide(query, has_type=type_text is not None)
    return query


def _denies_local(parameters: Parameters) -> bool:
    return "local" in parameters and not parameters.flag("local")


def refuse_too_wide(query: EntityQuery, *, has_type: bool) -> None:
    """Raise BadRequestData unless the query says what it is after (5.7.2.4).

    Attributes every entity has because the broker writes them say nothing.
    """
    asked = attributes_of(query.condition) if query.condition else frozenset()
    if has_type or query.is_local or query.geo or (asked | {*query.attributes}) - _SYSTEM:
        return
    raise BadRequestData(
        "the query is too wide: give at least one of type, attrs, q and georel, or local=true"
    )


def type_selection(parameters: Parameters, terms: Context) -> TypeExpression:
    """Return what the `type` parameter of an operation on one entity selects."""
    text = parameters.text("type")
    return parse_types(text, terms) if text else ()


def page_of(parameters: Parameters, settings: ApiSettings) -> Page:
    """Return the wanted page (5.5.9, 6.3.10, 6.3.13).

    Raises BadRequestData, and TooManyResults for a page larger than any (4.12).
    """
    limit = parameters.integer("limit", least=0, most=2**53)
    if limit is not None and limit > settings.largest_page:
        raise TooManyResults(
            f"limit is {limit}, but a page has at most {settings.largest_page} elements here; "
            "the links in the answer lead to the further ones"
        )
    if limit == 0 and not parameters.asks_for_count:
        raise BadRequestData("limit=0 returns nothing; it is for counting, with count=true")
    cursor = parameters.text("cursor")
    return Page(
        limit=settings.page_size if limit is None else limit,
        offset=parameters.integer("offset", least=0, most=2**53) or 0,
        cursor=cursor,
    )


def uris(values: tuple[str, ...], parameter: str) -> tuple[str, ...]:
    """Return the values, or raise BadRequestData for one that is not a URI."""
    for value in values:
        if not is_uri(value):
            raise BadRequestData(f"'{parameter}' lists URIs; {value!r} is not one")
    return values


def dataset_ids(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values, or raise BadRequestData for one that is no datasetId (4.5.5)."""
    uris(tuple(value for value in values if value != DEFAULT_INSTANCE), "datasetId")
    return values


def checked_pattern(expression: str | None) -> str | None:
    """Return an idPattern, or raise BadRequestData if it is no regular expression."""
    if expression is not None:
        check_pattern(expression, parameter="idPattern")
    return expression


def selectors_of(parameters: Parameters, terms: Context) -> tuple[EntitySelector, ...]:
    """Return what `id`, `idPattern` and `type` select; nothing: no restriction."""
    selector = EntitySelector(
        ids=uris(parameters.names("id"), "id"),
        id_pattern=checked_pattern(parameters.text("idPattern")),
        types=type_selection(parameters, terms),
    )
    return () if selector == EntitySelector() else (selector,)


def condition_of(parameters: Parameters, terms: Context) -> Expression | None:
    """Return what `q` means, None without it."""
    text = parameters.text("q")
    if not text:
        return None
    return parse_q(text, terms, parameters.names("expandValues"), parameters.names("jsonKeys"))


def source_filter(text: str | None, terms: Context) -> Expression | None:
    """Return what a `csf` means, None without one. Raises BadRequestData, TooComplexQuery."""
    if text is None:
        return None
    condition = parse_q(text, terms, parameter="csf")
    if linked_depth(condition) > 0:
        raise BadRequestData("csf: a source links to no entities; leave out the braces")
    return condition


def geo_query_of(parameters: Parameters, terms: Context) -> GeoQuery | None:
    """Return the geo-query of the four parameters, None without one."""
    if not any(name in parameters for name in _GEO):
        return None
    georel, geometry, coordinates = (parameters.text(name) for name in _GEO)
    return parse_geo_query(
        georel=georel,
        geometry=geometry,
        coordinates=coordinates,
        geoproperty=parameters.text("geoproperty"),
        terms=terms,
    )


def _ordering(parameters: Parameters, terms: Context) -> Ordering | None:
    order_by = parameters.text("orderBy")
    if order_by is None:
        check_collation(parameters.text("collation"))
        return None
    return parse_ordering(
        order_by,
        terms=terms,
        collation=parameters.text("collation"),
        coordinates=parameters.text("orderFrom"),
        geometry=parameters.text("orderGeometry"),
    )
