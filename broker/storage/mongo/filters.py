"""Entity queries as MongoDB filters; `docs/architecture.md` draws the documents they look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from broker.model.errors import InternalError
from broker.query.ast import (
    And,
    Exists,
    Expression,
    Linked,
    Or,
    ScopeExpression,
    ScopePattern,
    TypeExpression,
)
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.patterns import portable
from broker.storage.mongo.filters_geo import geo_filter
from broker.storage.mongo.filters_values import Filter, TermFilter, term_filter

SCOPE_LEVEL = "[^/]+"


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """The filters of a query, its time of expiry left out.

    `candidates` finds every match. Unless it `is_exact` it may find more, and each has to be
    checked by `broker.query.matching`; `certain`, where given, finds matches only.
    """

    candidates: Filter
    is_exact: bool
    certain: Filter | None = None


@lru_cache(maxsize=1024)
def query_filter(query: EntityQuery) -> QueryFilter:
    """Return the filters of a query without linked entities; order and page play no part."""
    parts = [_selectors(query.selectors)] if query.selectors else []
    if query.attributes:
        parts.append({"n": {"$in": list(query.attributes)}})
    if query.scope:
        parts.append(scope_filter(query.scope))
    condition = None if query.condition is None else condition_filter(query.condition)
    if condition is not None:
        parts.append(condition.filter)
    is_condition_exact = condition is None or condition.is_exact
    if query.geo is None:
        return QueryFilter(_all_of(parts), is_condition_exact)
    geo = geo_filter(query.geo)
    certain = None
    if is_condition_exact and geo.certain is not None:
        certain = _all_of([*parts, geo.certain])
    return QueryFilter(
        _all_of([*parts, geo.candidates]), is_condition_exact and geo.is_exact, certain
    )


def not_expired(now: str) -> Filter:
    """Return the filter on entities whose time had not come by `now` (clause 4.22)."""
    return {"xd": {"$not": {"$lte": now}}}


def condition_filter(expression: Expression) -> TermFilter:
    """Return the filter of an expression; one that follows relationships raises InternalError."""
    if isinstance(expression, And | Or):
        parts = [condition_filter(operand) for operand in expression.operands]
        combine = _all_of if isinstance(expression, And) else _any_of
        return TermFilter(
            combine([part.filter for part in parts]), all(part.is_exact for part in parts)
        )
    if isinstance(expression, Linked):
        raise InternalError("a linked entity was left in a query that reached the database")
    if isinstance(expression, Exists) and expression.is_negated:
        return TermFilter({"$nor": [term_filter(Exists(expression.path)).filter]})
    return term_filter(expression)


def _selectors(selectors: tuple[EntitySelector, ...]) -> Filter:
    return _any_of([selector_filter(selector) for selector in selectors])


def selector_filter(selector: EntitySelector) -> Filter:
    """Return the filter of an entity selector (clause 5.2.33)."""
    parts: list[Filter] = []
    if selector.ids:
        parts.append({"_id": {"$in": list(selector.ids)}})
    elif selector.id_pattern is not None:
        parts.append({"_id": {"$regex": portable(selector.id_pattern)}})
    if selector.types:
        parts.append(type_filter(selector.types))
    return _all_of(parts)


def type_filter(expression: TypeExpression) -> Filter:
    """Return the filter of a type selection (clause 4.17)."""
    single = [types[0] for types in expression if len(types) == 1]
    together = [types for types in expression if len(types) > 1]
    parts: list[Filter] = [{"t": {"$all": list(types)}} for types in together]
    if single:
        parts.append({"t": single[0] if len(single) == 1 else {"$in": single}})
    return _any_of(parts)


def scope_filter(expression: ScopeExpression) -> Filter:
    """Return the filter of a scope query (clause 4.19)."""
    return _any_of([_all_of([_scope(pattern) for pattern in group]) for group in expression])


def _scope(pattern: ScopePattern) -> Filter:
    path = "/".join(SCOPE_LEVEL if level == "+" else level for level in pattern.levels)
    if not pattern.levels:
        return {"s": {"$exists": True}}
    if "+" in pattern.levels:
        below = "(/.*)?" if pattern.with_subtree else ""
        return {"s": {"$regex": rf"^/?{path}{below}\z"}}
    # with and without the leading slash it is the same scope; both spellings start at an index
    spellings = [f"/{path}", path]
    if not pattern.with_subtree:
        return {"s": {"$in": spellings}}
    return _any_of([{"s": {"$regex": rf"^{spelling}(/|\z)"}} for spelling in spellings])


def _all_of(parts: list[Filter]) -> Filter:
    if len(parts) == 1:
        return parts[0]
    return {"$and": parts} if parts else {}


def _any_of(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else {"$or": parts}
