"""The one form every query takes inside the broker (clauses 4.9, 4.10, 4.17, 4.19, 4.23).

Parsers make it, with every name expanded; `broker.query.evaluate` turns it into a Python
predicate, `broker.storage.mongo.filters` into a database filter. All nodes are hashable values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Path:
    """Which element of an entity a term is about (`Attribute` in the grammar of 4.9).

    `names` are expanded: an attribute, a sub-attribute of it, and so on. `member` is a member of
    the last of them that is no attribute, such as `observedAt` or `unitCode`; without names it is
    a member of the entity (`createdAt`, `modifiedAt`, `expiresAt`, `id`, `type`, `scope`). `keys`
    lead into the value: the JSON names between brackets, or a language.
    """

    names: tuple[str, ...]
    member: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """A value to compare with. Unlike Python's own values, true is not equal to 1.

    `time` is given where it is a time; such an operand is compared in time, quoted or not. For a
    DateTime or Date it is what `broker.model.datetimes.comparable_time` makes of it, for a Time
    `T` and the canonical time of day.
    """

    value: str | int | float | bool
    time: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Operand) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str | int | float | bool, str | None, bool]:
        return self.value, self.time, isinstance(self.value, bool)


@dataclass(frozen=True, slots=True)
class Exists:
    """The entity has the element, whatever its value, or, negated, has it in no instance."""

    path: Path
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """`==` or, negated, `!=`: the target is (none) of the operands, or includes (none of) them."""

    path: Path
    operands: tuple[Operand, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """`==low..high` or, negated, `!=low..high`; both ends are part of the interval."""

    path: Path
    low: Operand
    high: Operand
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """An ordering: the target is greater (or less) than the operand."""

    path: Path
    operator: Literal[">", ">=", "<", "<="]
    operand: Operand


@dataclass(frozen=True, slots=True)
class Pattern:
    """`~=` or, negated, `!~=`: the target is a text in which the regular expression is found."""

    path: Path
    expression: str
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Linked:
    """`relationship{path}`: the condition holds for an entity the relationship points to.

    `types`, where given, are the types one of which the linked entity has.
    """

    relationship: str
    types: tuple[str, ...]
    condition: Term


@dataclass(frozen=True, slots=True)
class And:
    """All of the operands hold."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the operands holds."""

    operands: tuple[Expression, ...]


Term: TypeAlias = Exists | OneOf | Range | Comparison | Pattern | Linked
Expression: TypeAlias = And | Or | Term

TypeExpression: TypeAlias = tuple[tuple[str, ...], ...]
"""Type IRIs: an entity has all types of one of the tuples (clause 4.17)."""


@dataclass(frozen=True, slots=True)
class ScopePattern:
    """A scope to be matched level by level (clause 4.19); a level `+` matches any one level.

    With `with_subtree` (`/#`) it matches what lies below, too; without levels that is any scope.
    """

    levels: tuple[str, ...]
    with_subtree: bool = False


ScopeExpression: TypeAlias = tuple[tuple[ScopePattern, ...], ...]
"""An entity has, for all patterns of one of the tuples, a scope that matches (clause 4.19)."""

Coordinates: TypeAlias = tuple["float | Coordinates", ...]
GeometryType = Literal[
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"
]
GeoRelation = Literal["near", "within", "contains", "intersects", "equals", "disjoint", "overlaps"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """A GeoJSON geometry as a value: longitude, latitude and what follows, in nested tuples."""

    kind: GeometryType
    coordinates: Coordinates


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """A spatial relation between the GeoProperty `attribute` and `geometry` (clause 4.10).

    `near` has exactly one of the distances, in metres.
    """

    relation: GeoRelation
    geometry: Geometry
    attribute: str
    max_distance: float | None = None
    min_distance: float | None = None


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One element of `orderBy` (clause 4.23.3)."""

    path: Path
    is_descending: bool = False
    by_distance: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """How results are sorted; `reference` is where distances are measured from (clause 4.23)."""

    terms: tuple[OrderTerm, ...]
    collation: str | None = None
    reference: Geometry | None = None


def attributes_of(expression: Expression) -> frozenset[str]:
    """Return the attributes of the entity itself that an expression looks at."""
    if isinstance(expression, And | Or):
        return frozenset().union(*(attributes_of(operand) for operand in expression.operands))
    if isinstance(expression, Linked):
        return frozenset((expression.relationship,))
    return frozenset(expression.path.names[:1])


def linked_depth(expression: Expression) -> int:
    """Return over how many relationships an expression reaches (0: none, clause 5.7.2.4)."""
    if isinstance(expression, And | Or):
        return max(linked_depth(operand) for operand in expression.operands)
    if isinstance(expression, Linked):
        return 1 + linked_depth(expression.condition)
    return 0
