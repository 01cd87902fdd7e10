"""Whether a change triggers a subscription (clauses 5.2.12, 5.8.6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from broker.model.changes import AttributeChange, Change
from broker.model.entity import Entity, Instance
from broker.subscriptions.compiled import CompiledSubscription

_SYSTEM = frozenset({"createdAt", "modifiedAt"})
_WHOLE_ENTITY = {"entityCreated", "entityDeleted"}


@dataclass(frozen=True)
class Occurrence:
    """A change, seen as what it triggers: computed once for all subscriptions.

    `entity` is what conditions are checked on: the entity as it is now or, deleted, as it was last.
    """

    change: Change
    entity: Entity

    @property
    def is_deletion(self) -> bool:
        """Whether the entity is gone."""
        return self.change.kind == "entityDeleted"

    @cached_property
    def by_attribute(self) -> dict[str, frozenset[str]]:
        """The triggers of each attribute, without those that kept their value."""
        kinds = {name: _triggers(change) for name, change in self.change.attributes.items()}
        return {name: triggers for name, triggers in kinds.items() if triggers}

    @cached_property
    def all_triggers(self) -> frozenset[str]:
        """The triggers of the change as a whole."""
        own = _WHOLE_ENTITY & {self.change.kind}
        return frozenset(own).union(*self.by_attribute.values())


def matches(compiled: CompiledSubscription, occurrence: Occurrence, now: str) -> bool:
    """Say whether a subscription is to be notified of a change.

    With watched attributes a change of the entity as a whole counts only if it concerns one of
    them, too: an entity that never had a watched attribute may come and go unnoticed.
    """
    if not compiled.is_active(now) or occurrence.change.at < compiled.since:
        return False
    return is_triggered(compiled, occurrence) and compiled.selects(occurrence.entity)


def is_triggered(compiled: CompiledSubscription, occurrence: Occurrence) -> bool:
    """Say whether the kind of change is one the subscription asks for."""
    if not compiled.watched:
        return not compiled.triggers.isdisjoint(occurrence.all_triggers)
    whole = not compiled.triggers.isdisjoint(_WHOLE_ENTITY & {occurrence.change.kind})
    return any(
        whole or not compiled.triggers.isdisjoint(triggers)
        for name, triggers in occurrence.by_attribute.items()
        if name in compiled.watched
    )


def _triggers(change: AttributeChange) -> frozenset[str]:
    before = {instance.get("datasetId"): instance for instance in change.before}
    after = {instance.get("datasetId"): instance for instance in change.after}
    triggers: set[str] = set()
    if after.keys() - before.keys():
        triggers.add("attributeCreated")
    if before.keys() - after.keys():
        triggers.add("attributeDeleted")
    if any(has_changed(before[key], after[key]) for key in before.keys() & after.keys()):
        triggers.add("attributeUpdated")
    return frozenset(triggers)


def has_changed(before: Instance, after: Instance) -> bool:
    """Say whether any member, children included, differs; times the broker writes do not count."""
    if before == after:
        return False
    members = (before.keys() | after.keys()) - _SYSTEM
    return any(_differs(name, before.get(name), after.get(name)) for name in members)


def _differs(name: str, before: object, after: object) -> bool:
    if ":" not in name or not isinstance(before, list) or not isinstance(after, list):
        return isinstance(before, bool) is not isinstance(after, bool) or before != after
    return len(before) != len(after) or any(
        has_changed(old, new) for old, new in zip(before, after, strict=True)
    )
