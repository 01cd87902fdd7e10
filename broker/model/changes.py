"""What a write changed: one `Change` for each committed version of an entity.

It is a fact, not a call: the write path does not know who reads it. Temporal evolution,
subscriptions, federation, audit and live views all do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from broker.model.entity import Attributes, Entity, Instance

ChangeKind = Literal["entityCreated", "entityUpdated", "entityDeleted"]


class AttributeChange(NamedTuple):
    """The instances one write touched, as they were before and as they are after it.

    An instance that is only in `before` was deleted, only in `after` created, in both (same
    `datasetId`) updated, even if its value is the same.
    """

    before: list[Instance]
    after: list[Instance]


class Change(NamedTuple):
    """One committed change of one entity.

    `version` is the entity's version after it (for a deletion: one more than the last), `at` the
    time of the commit group in the fixed-width form of `broker.model.entity`. `attributes` maps
    expanded names to what happened to them: all of them for a creation or deletion. `types` and
    `expires_at` are the entity's after the change (before it, for a deletion); `types_before`,
    `scopes` and `scopes_before` are given only where types or scopes changed.
    """

    entity_id: str
    types: tuple[str, ...]
    version: int
    kind: ChangeKind
    at: str
    attributes: Mapping[str, AttributeChange] = MappingProxyType({})
    types_before: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    scopes_before: tuple[str, ...] | None = None
    expires_at: str | None = None


class Transition(NamedTuple):
    """What an operation makes of an entity: the pure result the commit group writes.

    `entity` is the new entity (`None`: it no longer exists), `change` the record of it (`None`:
    nothing is to be written), `outcome` what the operation reports to its caller.
    """

    entity: Entity | None
    change: Change | None
    outcome: Any = None


EntityOperation: TypeAlias = Callable[[Entity | None, str], Transition]
"""`(current entity or None, time of the commit) -> Transition`; pure, raises `NgsiLdError`.

What has expired (clause 4.22) is still part of the current entity; how clients see it is
`broker.model.draft.live_version`. It may be called several times (a version conflict re-reads the
entity), and must therefore not keep anything between calls. `Transition.entity.version` and
`Change.version` are `current.version + 1` (1 for a new entity).
"""


def apply_change(entity: Entity | None, change: Change) -> Entity | None:
    """Return the entity after a change, given it as it was right before.

    `None` stands for "does not exist" on both sides.
    """
    if change.kind == "entityDeleted":
        return None
    if entity is None or change.kind == "entityCreated":
        entity = Entity(id=change.entity_id, types=change.types, created_at=change.at)
    return entity.evolve(
        types=change.types,
        attributes=_exchanged(entity.attributes, change.attributes, forward=True),
        scopes=entity.scopes if change.scopes is None else change.scopes,
        modified_at=change.at,
        expires_at=change.expires_at,
        version=change.version,
    )


def take_back(entity: Entity | None, change: Change) -> Entity | None:
    """Return the entity as it was right before a change, given it as it was right after.

    Its `modified_at` is not known from the change: whoever needs it takes the time of the change
    before.
    """
    if change.kind == "entityCreated":
        return None
    if entity is None:
        entity = Entity(id=change.entity_id, types=change.types, expires_at=change.expires_at)
    return entity.evolve(
        types=entity.types if change.types_before is None else change.types_before,
        attributes=_exchanged(entity.attributes, change.attributes, forward=False),
        scopes=entity.scopes if change.scopes is None else change.scopes_before or (),
        version=change.version - 1,
    )


def _exchanged(
    attributes: Attributes, changes: Mapping[str, AttributeChange], *, forward: bool
) -> dict[str, list[Instance]]:
    """Take the instances on one side of the changes out and put those on the other side in."""
    result = dict(attributes)
    for name, change in changes.items():
        gone, come = (change.before, change.after) if forward else (change.after, change.before)
        touched = {instance.get("datasetId") for instance in (*gone, *come)}
        kept = [
            instance
            for instance in attributes.get(name, ())
            if instance.get("datasetId") not in touched
        ]
        if instances := [*come, *kept]:
            result[name] = instances
        else:
            result.pop(name, None)
    return result
