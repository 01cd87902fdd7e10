"""Queries as Python predicates, for subscriptions and for merging what several brokers answer.

`broker.storage.mongo.filters` turns the same expressions into database filters; both agree on
every entity, which `tests/contract/test_filters_agree.py` shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from broker.model.entity import Entity, Instance
from broker.model.errors import BadRequestData
from broker.query.ast import And, Comparison, Exists, Expression, Linked, Or, Pattern
from broker.query.targets import NOT_ORDERED, target_value, uris_of
from broker.query.value_tests import ValueTerm, value_test

EntityTest: TypeAlias = Callable[[Entity], bool]
InstanceTest: TypeAlias = Callable[[Instance], bool]
FindEntity: TypeAlias = Callable[[str], Entity | None]

_PLACE = re.compile("0|[1-9][0-9]{0,6}")

TIME_MEMBERS = frozenset({"observedAt", "createdAt", "modifiedAt", "expiresAt"})
"""Members of entities and instances that are compared in time, not as text."""


@lru_cache(maxsize=2048)
def compile_predicate(expression: Expression) -> EntityTest:
    """Return the predicate of an expression that follows no relationships.

    Raises BadRequestData if it does.
    """
    return compile_linked(expression, _refuse_links)


def compile_linked(expression: Expression, find_entity: FindEntity) -> EntityTest:
    """Return the predicate of an expression; `find_entity` returns linked entities by id."""
    if isinstance(expression, And | Or):
        tests = [compile_linked(operand, find_entity) for operand in expression.operands]
        if isinstance(expression, And):
            return lambda entity: all(test(entity) for test in tests)
        return lambda entity: any(test(entity) for test in tests)
    if isinstance(expression, Linked):
        return _linked(expression, find_entity)
    if isinstance(expression, Exists) and expression.is_negated:
        has_it = compile_linked(Exists(expression.path), find_entity)
        return lambda entity: not has_it(entity)
    if not expression.path.names:
        return _entity_member(expression)
    return _on_instances(expression.path.names, _instance_test(expression))


def _refuse_links(_: str) -> Entity | None:
    raise BadRequestData("a query with linked entities (relationship{…}) cannot be used here")


# --------------------------------------------------------------------------------- attributes


def _on_instances(names: tuple[str, ...], test: InstanceTest) -> EntityTest:
    name, rest = names[0], names[1:]
    for sub_attribute in reversed(rest):
        test = _in_sub_attribute(sub_attribute, test)

    def any_instance(entity: Entity) -> bool:
        return any(test(instance) for instance in entity.attributes.get(name, ()))

    return any_instance


def _in_sub_attribute(name: str, test: InstanceTest) -> InstanceTest:
    return lambda instance: any(test(inner) for inner in instance.get(name, ()))


def _instance_test(term: Exists | ValueTerm) -> InstanceTest:
    path = term.path
    if path.member is not None:
        return _member_test(term, path.member)
    if path.keys:
        return _key_test(term, path.keys)
    if isinstance(term, Exists):
        return lambda _: True
    holds = value_test(term)
    if isinstance(term, Comparison | Pattern):
        return lambda instance: (
            instance["type"] not in NOT_ORDERED and holds(target_value(instance))
        )
    return lambda instance: holds(target_value(instance))


def _member_test(term: Exists | ValueTerm, member: str) -> InstanceTest:
    if isinstance(term, Exists):
        return lambda instance: member in instance
    holds = _raw_test(term, member)
    return lambda instance: member in instance and holds(instance[member])


def _raw_test(term: ValueTerm, member: str) -> Callable[[Any], bool]:
    return value_test(term, is_text=member not in TIME_MEMBERS)


def _key_test(term: Exists | ValueTerm, keys: tuple[str, ...]) -> InstanceTest:
    if isinstance(term, Exists):
        return lambda instance: any(True for _ in reached(target_value(instance), keys))
    holds = value_test(term)
    if getattr(term, "is_negated", False):

        def none_matches(instance: Instance) -> bool:
            values = list(reached(target_value(instance), keys))
            return bool(values) and _holds_together(term, holds, values)

        return none_matches
    return lambda instance: any(holds(value) for value in reached(target_value(instance), keys))


def _holds_together(term: ValueTerm, holds: Callable[[Any], bool], values: list[Any]) -> bool:
    """Return whether a negated term holds for values that arrays on the way have multiplied."""
    if isinstance(term, Pattern):
        flat = [element for value in values for element in _elements(value)]
        return holds(flat)
    return all(holds(value) for value in values)


def _elements(value: Any) -> list[Any]:
    return value if type(value) is list else [value]


def reached(value: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """Yield what the keys lead to; an array on the way is searched element by element.

    A key of digits is also a place in an array, counted from 0.
    """
    if not keys:
        yield value
    elif type(value) is dict:
        if keys[0] in value:
            yield from reached(value[keys[0]], keys[1:])
    elif type(value) is list:
        place = int(keys[0]) if _PLACE.fullmatch(keys[0]) else len(value)
        if place < len(value):
            yield from reached(value[place], keys[1:])
        for element in value:
            if type(element) is dict:
                yield from reached(element, keys)


# ---------------------------------------------------------------------------- entity and links

_ENTITY_MEMBERS: dict[str, Callable[[Entity], Any]] = {
    "id": lambda entity: entity.id,
    "type": lambda entity: list(entity.types),
    "scope": lambda entity: list(entity.scopes) or None,
    "createdAt": lambda entity: entity.created_at,
    "modifiedAt": lambda entity: entity.modified_at,
    "expiresAt": lambda entity: entity.expires_at,
}


def member_of_entity(entity: Entity, member: str) -> Any:
    """Return what a path without names stands for, None where the entity does not have it."""
    return _ENTITY_MEMBERS[member](entity)


def _entity_member(term: Exists | ValueTerm) -> EntityTest:
    member = term.path.member or ""
    read = _ENTITY_MEMBERS[member]
    if isinstance(term, Exists):
        return lambda entity: read(entity) is not None
    holds = _raw_test(term, member)
    return lambda entity: (value := read(entity)) is not None and holds(value)


def _linked(link: Linked, find_entity: FindEntity) -> EntityTest:
    holds = compile_linked(link.condition, find_entity)
    types = frozenset(link.types)

    def any_target(entity: Entity) -> bool:
        for uri in linked_ids(entity, link.relationship):
            target = find_entity(uri)
            if target is None or (types and types.isdisjoint(target.types)):
                continue
            if holds(target):
                return True
        return False

    return any_target


def linked_ids(entity: Entity, relationship: str) -> Iterator[str]:
    """Yield the ids of the entities a relationship of an entity points to."""
    for instance in entity.attributes.get(relationship, ()):
        if instance["type"] == "Relationship":
            yield from _elements(instance.get("object"))
        elif instance["type"] == "ListRelationship":
            yield from uris_of(instance.get("objectList"))
