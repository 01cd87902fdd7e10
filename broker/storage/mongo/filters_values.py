"""Terms of `q` as filters on stored instances (clause 4.9).

An attribute is stored as one instance, or as an array of several. MongoDB reads through arrays, so
`a.<name>.value: 5` means "an instance has 5, or an array with it" for both forms at once. Where
more than one condition has to hold for the *same* instance, and where one is negated ("an instance
is not 5" is not "no instance is 5"), `per_instance` spells both forms out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from broker.query.ast import Comparison, Exists, OneOf, Operand, Path, Pattern, Range
from broker.query.evaluate import TIME_MEMBERS
from broker.query.patterns import portable
from broker.query.targets import NOT_ORDERED
from broker.query.value_tests import ValueTerm
from broker.storage.mongo.documents import escape

Filter: TypeAlias = dict[str, Any]
Leaf: TypeAlias = Callable[[str], Filter]
"""From the prefix of a stored object's members to the filter on that object."""

_ORDERS = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_DERIVED_TIMES = {"observedAt": "~o", "createdAt": "createdAt", "modifiedAt": "modifiedAt"}
_ENTITY_MEMBERS = {
    "id": "_id",
    "type": "t",
    "scope": "s",
    "createdAt": "c",
    "modifiedAt": "m",
    "expiresAt": "x",
}
_ENTITY_TIMES = {"createdAt": "c", "modifiedAt": "m", "expiresAt": "xd"}


@dataclass(frozen=True, slots=True)
class TermFilter:
    """A filter; unless it `is_exact`, what it finds has to be checked against the term again."""

    filter: Filter
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a term looks: the member as given, and the one that compares in time, if there is one.

    `existing` is a member every object has that the term is about. With `is_text` operands that
    look like times are texts all the same. `excludes_relationships` where only `==` and `!=` may
    match those.
    """

    given: str
    time: str | None
    existing: str
    is_text: bool = False
    excludes_relationships: bool = False


@dataclass(frozen=True, slots=True)
class _LeafFilter:
    """A leaf and how it may be applied.

    `is_single` leaves are one positive condition, right through arrays of instances. The others
    hold per instance; `hint`, where given, is a single condition that follows from the leaf and
    that an index can answer. `needs_one` leaves have several positive conditions.
    """

    leaf: Leaf
    is_single: bool = True
    needs_one: bool = False
    hint: Leaf | None = None
    is_exact: bool = True


def term_filter(term: Exists | ValueTerm) -> TermFilter:
    """Return the filter of a term on entity documents."""
    path = term.path
    found = _leaf(term, _target(term))
    if not path.names:
        return TermFilter(found.leaf(""), found.is_exact)
    names = tuple(escape(name) for name in path.names)
    if found.is_single:
        return TermFilter(found.leaf(f"a.{'.'.join(names)}."), found.is_exact)
    filter_ = per_instance("a.", names, found.leaf, needs_one=found.needs_one)
    if found.hint is not None:
        filter_ = {"$and": [found.hint(f"a.{'.'.join(names)}."), filter_]}
    return TermFilter(filter_, found.is_exact)


def per_instance(
    prefix: str, names: tuple[str, ...], leaf: Leaf, *, needs_one: bool = False
) -> Filter:
    """Return a filter: some instance of the (sub-)attribute satisfies the leaf.

    With `needs_one` the form for a single instance is closed to arrays, in which several
    conditions could each hold for another instance.
    """
    key, rest = prefix + names[0], names[1:]
    if rest:
        single = per_instance(f"{key}.", rest, leaf, needs_one=needs_one)
        several = per_instance("", rest, leaf, needs_one=needs_one)
    else:
        single, several = leaf(f"{key}."), leaf("")
    if needs_one:
        single = {"$and": [{f"{key}.0": {"$exists": False}}, single]}
    return {"$or": [single, {key: {"$elemMatch": several}}]}


# ------------------------------------------------------------------------------------- targets


def _target(term: Exists | ValueTerm) -> _Target:
    path = term.path
    if not path.names:
        member = path.member or ""
        given = _ENTITY_MEMBERS[member]
        return _Target(given, _ENTITY_TIMES.get(member), given, is_text=member not in TIME_MEMBERS)
    if path.member is not None:
        is_text = path.member not in TIME_MEMBERS
        return _Target(path.member, _DERIVED_TIMES.get(path.member), path.member, is_text=is_text)
    if path.keys:
        given = ".".join(("value", *map(escape, path.keys)))
        return _Target(given, None, given)
    excludes = isinstance(term, Comparison | Pattern)
    return _Target("value", "~t", "type", excludes_relationships=excludes)


def _leaf(term: Exists | ValueTerm, target: _Target) -> _LeafFilter:
    match term:
        case Exists():
            return _LeafFilter(lambda prefix: {prefix + target.existing: {"$exists": True}})
        case OneOf():
            return _one_of(term, target)
        case Comparison():
            return _comparison(term, target)
        case Range():
            return _range(term, target)
        case Pattern():
            return _pattern(term, target)


def _existing(target: _Target) -> Leaf:
    return lambda prefix: {prefix + target.existing: {"$exists": True}}


def _inexact(target: _Target) -> _LeafFilter:
    return _LeafFilter(_existing(target), is_exact=False)


def _member_for(operand: Operand, target: _Target) -> str | None:
    """Return the member to compare an operand with; None if the database cannot do it."""
    if operand.time is None or target.is_text:
        return target.given
    return None if operand.time.startswith("T") else target.time


def _comparable(operand: Operand, target: _Target) -> Any:
    return operand.value if operand.time is None or target.is_text else operand.time


# --------------------------------------------------------------------------------------- terms


def _one_of(term: OneOf, target: _Target) -> _LeafFilter:
    wanted: dict[str, list[Any]] = {}
    for operand in term.operands:
        member = _member_for(operand, target)
        if member is None:
            return _inexact(target)
        wanted.setdefault(member, []).append(_comparable(operand, target))
    if not term.is_negated:
        if not wanted:
            return _LeafFilter(lambda prefix: {prefix + target.existing: {"$in": []}})
        return _LeafFilter(
            lambda prefix: _any_of(
                [{prefix + member: _is_in(values)} for member, values in wanted.items()]
            )
        )

    def none_is_wanted(prefix: str) -> Filter:
        return {
            "$and": [
                {prefix + target.existing: {"$exists": True}},
                *({prefix + member: {"$nin": values}} for member, values in wanted.items()),
            ]
        }

    return _LeafFilter(none_is_wanted, is_single=False)


def _is_in(values: list[Any]) -> Any:
    return {"$eq": values[0]} if len(values) == 1 else {"$in": values}


def _comparison(term: Comparison, target: _Target) -> _LeafFilter:
    member = _member_for(term.operand, target)
    if member is None:
        return _inexact(target)
    condition = {_ORDERS[term.operator]: _comparable(term.operand, target)}

    def holds(prefix: str) -> Filter:
        return {prefix + member: condition}

    if not (target.excludes_relationships and isinstance(term.operand.value, str)):
        return _LeafFilter(holds)
    return _without_relationships(holds)


def _without_relationships(leaf: Leaf) -> _LeafFilter:
    def not_a_relationship(prefix: str) -> Filter:
        return {"$and": [leaf(prefix), {f"{prefix}type": {"$nin": list(NOT_ORDERED)}}]}

    return _LeafFilter(not_a_relationship, is_single=False, hint=leaf)


def _range(term: Range, target: _Target) -> _LeafFilter:
    members = {_member_for(end, target) for end in (term.low, term.high)}
    member = members.pop()
    if member is None or members:
        return _inexact(target)
    interval = {"$gte": _comparable(term.low, target), "$lte": _comparable(term.high, target)}

    def is_within(prefix: str) -> list[Filter]:
        # two conditions on an array could hold for two of its elements
        return [
            {prefix + member: {**interval, "$not": {"$type": "array"}}},
            {prefix + member: {"$elemMatch": interval}},
        ]

    if not term.is_negated:
        return _LeafFilter(
            lambda prefix: {"$or": is_within(prefix)},
            is_single=False,
            needs_one=True,
            hint=lambda prefix: {prefix + member: interval},
        )

    def is_outside(prefix: str) -> Filter:
        return {prefix + target.existing: {"$exists": True}, "$nor": is_within(prefix)}

    return _LeafFilter(is_outside, is_single=False)


def _pattern(term: Pattern, target: _Target) -> _LeafFilter:
    pattern = {"$regex": portable(term.expression)}
    condition = {"$type": "string", "$not": pattern} if term.is_negated else pattern

    def holds(prefix: str) -> Filter:
        return {prefix + target.given: condition}

    if target.excludes_relationships:
        found = _without_relationships(holds)
        # that one instance does not match says nothing of all of them together
        return replace(found, hint=None) if term.is_negated else found
    return _LeafFilter(holds, is_single=not term.is_negated)


def _any_of(filters: list[Filter]) -> Filter:
    return filters[0] if len(filters) == 1 else {"$or": filters}


def path_of_value(path: Path) -> str | None:
    """Return the stored path an index on the target value of a path has; None for other targets."""
    if not path.names or path.member is not None:
        return None
    names = (escape(name) for name in path.names)
    return ".".join(("a", *names, "value", *map(escape, path.keys)))
