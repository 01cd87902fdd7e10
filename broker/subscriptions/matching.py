"""Whether a change triggers a subscription (clauses 5.2.12, 5.8.6). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broker.model.changes import AttributeChange, Change
from broker.model.entity import Entity, Instance
from broker.model.sameness import is_same
from broker.subscriptions.compiled import CompiledSubscription

Triggers = frozenset[str]

_SYSTEM = frozenset({"createdAt", "modifiedAt"})
_OF_ENTITY: Mapping[str, Triggers] = {
    "entityCreated": frozenset({"entityCreated"}),
    "entityUpdated": frozenset(),
    "entityDeleted": frozenset({"entityDeleted"}),
}
_CREATED = frozenset({"attributeCreated"})
_UPDATED = frozenset({"attributeUpdated"})
_DELETED = frozenset({"attributeDeleted"})
_NONE: Triggers = frozenset()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A change, seen as what it triggers: computed once for all subscriptions.

    `entity` is what conditions are checked on: the entity as it is now or, deleted, as it was last.
    `by_attribute` are the triggers of each attribute, without those that kept their value,
    `triggers` those of the change as a whole.
    """

    change: Change
    entity: Entity
    by_attribute: Mapping[str, Triggers]
    triggers: Triggers

    @property
    def is_deletion(self) -> bool:
        """Whether the entity is gone."""
        return self.change.kind == "entityDeleted"


def occurrence_of(change: Change, entity: Entity) -> Occurrence:
    """Return what a change triggers."""
    by_attribute: dict[str, Triggers] = {}
    all_triggers = _OF_ENTITY[change.kind]
    for name, attribute in change.attributes.items():
        triggers = _triggers(attribute)
        if triggers:
            by_attribute[name] = triggers
            all_triggers |= triggers
    return Occurrence(change, entity, by_attribute, all_triggers)


def matches(compiled: CompiledSubscription, occurrence: Occurrence, now: str) -> bool:
    """Say whether a subscription is to be notified of a change.

    With watched attributes a change of the entity as a whole counts only if it concerns one of
    them, too: an entity that never had a watched attribute may come and go unnoticed.
    """
    if not compiled.is_active(now):
        return False
    return is_triggered(compiled, occurrence) and compiled.selects(occurrence.entity)


def is_triggered(compiled: CompiledSubscription, occurrence: Occurrence) -> bool:
    """Say whether the kind of change is one the subscription asks for."""
    if not compiled.watched:
        return not compiled.triggers.isdisjoint(occurrence.triggers)
    whole = not compiled.triggers.isdisjoint(_OF_ENTITY[occurrence.change.kind])
    return any(
        whole or not compiled.triggers.isdisjoint(triggers)
        for name, triggers in occurrence.by_attribute.items()
        if name in compiled.watched
    )


def _triggers(change: AttributeChange) -> Triggers:
    if len(change.before) == 1 and len(change.after) == 1:
        before, after = change.before[0], change.after[0]
        if before.get("datasetId") == after.get("datasetId"):
            return _UPDATED if has_changed(before, after) else _NONE
    return _triggers_of_many(change)


def _triggers_of_many(change: AttributeChange) -> Triggers:
    before = {instance.get("datasetId"): instance for instance in change.before}
    after = {instance.get("datasetId"): instance for instance in change.after}
    triggers = _NONE
    if after.keys() - before.keys():
        triggers |= _CREATED
    if before.keys() - after.keys():
        triggers |= _DELETED
    if any(has_changed(before[key], after[key]) for key in before.keys() & after.keys()):
        triggers |= _UPDATED
    return triggers


def has_changed(before: Instance, after: Instance) -> bool:
    """Say whether any member, children included, differs; times the broker writes do not count."""
    for name, value in after.items():
        if name not in _SYSTEM and _differs(name, before.get(name), value):
            return True
    return any(name not in after for name in before if name not in _SYSTEM)


def _differs(name: str, before: object, after: object) -> bool:
    if ":" not in name or not isinstance(before, list) or not isinstance(after, list):
        return not is_same(before, after)
    return len(before) != len(after) or any(
        has_changed(old, new) for old, new in zip(before, after, strict=True)
    )
