"""What a write changed: one `Change` for each committed version of an entity.

It is a fact, not a call: the write path does not know who reads it. Temporal evolution,
subscriptions, federation, audit and live views all do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from broker.model.entity import Entity, Instance

ChangeKind = Literal["entityCreated", "entityUpdated", "entityDeleted"]


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """The instances one write touched, as they were before and as they are after it.

    An instance that is only in `before` was deleted, only in `after` created, in both (same
    `datasetId`) updated, even if its value is the same.
    """

    before: list[Instance] = field(default_factory=list)
    after: list[Instance] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of one entity.

    `version` is the entity's version after it (for a deletion: one more than the last), `at` the
    time of the commit group in the fixed-width form of `broker.model.entity`. `attributes` maps
    expanded names to what happened to them. `types_before` and `scopes_before` are given where
    types or scopes changed.
    """

    entity_id: str
    types: tuple[str, ...]
    version: int
    kind: ChangeKind
    at: str
    attributes: Mapping[str, AttributeChange] = field(default_factory=dict)
    types_before: tuple[str, ...] | None = None
    scopes_before: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """What an operation makes of an entity: the pure result the commit group writes.

    `entity` is the new entity (`None`: it no longer exists), `change` the record of it (`None`:
    nothing is to be written), `outcome` what the operation reports to its caller.
    """

    entity: Entity | None
    change: Change | None
    outcome: Any = None


EntityOperation: TypeAlias = Callable[[Entity | None, str], Transition]
"""`(current entity or None, time of the commit) -> Transition`; pure, raises `NgsiLdError`.

It may be called several times (a version conflict re-reads the entity), and must therefore not
keep anything between calls. `Transition.entity.version` and `Change.version` are
`current.version + 1` (1 for a new entity).
"""
