"""Whether an entity matches a whole query, and what the parts of one mean in Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from broker.model.datetimes import canonical_time
from broker.model.entity import Entity
from broker.query.ast import ScopeExpression, ScopePattern
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.evaluate import EntityTest, compile_predicate
from broker.query.patterns import finder
from broker.query.spatial import compile_geo


def matches(entity: Entity, query: EntityQuery) -> bool:
    """Return whether an entity matches a query that follows no relationships."""
    return compile_query(query)(entity)


@lru_cache(maxsize=256)
def compile_query(query: EntityQuery) -> EntityTest:
    """Return the predicate of a query; its order and page play no part."""
    tests: list[EntityTest] = []
    if query.selectors:
        selectors = [compile_selector(selector) for selector in query.selectors]
        tests.append(lambda entity: any(selects(entity) for selects in selectors))
    if query.attributes:
        tests.append(lambda entity: any(name in entity.attributes for name in query.attributes))
    if query.scope:
        tests.append(compile_scopes(query.scope))
    if query.condition is not None:
        tests.append(compile_predicate(query.condition))
    if query.geo is not None:
        tests.append(compile_geo(query.geo))
    if query.now:
        tests.append(lambda entity: not is_expired(entity, query.now))
    return lambda entity: all(test(entity) for test in tests)


def is_expired(entity: Entity, now: str) -> bool:
    """Return whether an entity's time had come by `now` (clause 4.22)."""
    if entity.expires_at is None:
        return False
    expiry = canonical_time(entity.expires_at)
    return expiry is not None and expiry <= now


@lru_cache(maxsize=1024)
def compile_selector(selector: EntitySelector) -> EntityTest:
    """Return the predicate of an entity selector (clause 5.2.33)."""
    tests: list[EntityTest] = []
    if selector.ids:
        ids = frozenset(selector.ids)
        tests.append(lambda entity: entity.id in ids)
    elif selector.id_pattern is not None:
        is_found = finder(selector.id_pattern)
        tests.append(lambda entity: is_found(entity.id))
    if selector.types:
        alternatives = [frozenset(types) for types in selector.types]
        tests.append(lambda entity: any(types.issubset(entity.types) for types in alternatives))
    return lambda entity: all(test(entity) for test in tests)


@lru_cache(maxsize=1024)
def compile_scopes(expression: ScopeExpression) -> EntityTest:
    """Return the predicate of a scope query (clause 4.19)."""
    alternatives = [[_scope_test(pattern) for pattern in patterns] for patterns in expression]
    return lambda entity: any(
        all(any(map(test, entity.scopes)) for test in tests) for tests in alternatives
    )


def _scope_test(pattern: ScopePattern) -> Callable[[str], bool]:
    count = len(pattern.levels)

    def is_matched(scope: str) -> bool:
        levels = scope.removeprefix("/").split("/")
        if len(levels) != count and not (pattern.with_subtree and len(levels) > count):
            return False
        return all(
            wanted in {"+", level} for wanted, level in zip(pattern.levels, levels, strict=False)
        )

    return is_matched
