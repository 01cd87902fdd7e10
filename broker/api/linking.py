"""Linked entity retrieval as requested: `join`, `joinLevel`, `containedBy` (clause 4.5.23)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.model.errors import BadRequestData
from broker.query.ast import And, Expression, Linked, Or
from broker.representations.linked import Links
from broker.representations.options import RepresentationOptions
from broker.representations.selection import depth_of

JOINS = frozenset({"inline", "flat", "@none"})
DEEPEST_JOIN = 10


@dataclass(frozen=True, slots=True)
class Join:
    """Entities that are linked to: inside the relationships, or (`is_flat`) after the entities."""

    links: Links
    is_flat: bool


def join_of(join: Any, level: Any, contained_by: tuple[str, ...]) -> Join | None:
    """Return what the three parameters ask for. Raises BadRequestData."""
    if join is None or join == "@none":
        if level is not None:
            raise BadRequestData("joinLevel needs join=inline or join=flat")
        return None
    if join not in JOINS:
        raise BadRequestData(f"join is one of {', '.join(sorted(JOINS))}, not {join!r}")
    if level is None:
        level = 1
    if type(level) is not int or not 1 <= level <= DEEPEST_JOIN:
        raise BadRequestData(f"joinLevel is a whole number from 1 to {DEEPEST_JOIN}, not {level!r}")
    return Join(Links(level, frozenset(contained_by)), is_flat=join == "flat")


def check_depths(
    join: Join | None, options: RepresentationOptions, condition: Expression | None = None
) -> None:
    """Raise BadRequestData where a projection or a query follows links the request does not."""
    levels = join.links.levels if join else 0
    deepest = max(depth_of(options.pick), depth_of(options.omit))
    if deepest > levels:
        raise BadRequestData(
            f"the projection follows links {deepest} deep; that needs join and joinLevel={deepest}"
        )
    depth = 0 if condition is None else _depth(condition)
    if depth > levels:
        raise BadRequestData(f"q follows links {depth} deep; that needs join and joinLevel={depth}")


def _depth(condition: Expression) -> int:
    if isinstance(condition, And | Or):
        return max(_depth(operand) for operand in condition.operands)
    return 1 + _depth(condition.condition) if isinstance(condition, Linked) else 0
