"""What a notification says of an entity: its state with what was deleted and what was before.

Pure: from a change to an `Entity` whose instances carry the members only notifications have
(`urn:ngsi-ld:null` for what is gone, `previousValue` and its like, `deletedAt`), which the
representations then write like any other (clause 5.8.6).
"""

from __future__ import annotations

from broker.model.attributes import (
    LANGUAGE_PROPERTY,
    LIST_RELATIONSHIP,
    PREVIOUS_MEMBER,
    VALUE_MEMBER,
)
from broker.model.changes import AttributeChange
from broker.model.entity import NULL, Entity, Instance
from broker.model.subscription import Subscription
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.matching import Occurrence, has_changed

_ALWAYS_KEPT = ("type", "datasetId")
_SYSTEM_TIMES = ("createdAt", "modifiedAt")


def notified_entity(compiled: CompiledSubscription, occurrence: Occurrence) -> Entity:
    """Return what a subscription is told of the entity of a change, before any projection."""
    subscription = compiled.subscription
    if occurrence.is_deletion:
        attributes = _of_deleted(compiled, occurrence)
    elif "attributeDeleted" in occurrence.triggers or subscription.notification.shows_changes:
        attributes = _of_changed(subscription, occurrence)
    else:
        return occurrence.entity
    return occurrence.entity.evolve(attributes=attributes)


def is_bare_deletion(instances: list[Instance]) -> bool:
    """Say whether nothing but the deletion of an attribute is to be told."""
    if len(instances) != 1:
        return False
    instance = instances[0]
    return len(instance) == 2 and is_deleted(instance)


def is_deleted(instance: Instance) -> bool:
    """Say whether an instance stands for one that was deleted."""
    member = VALUE_MEMBER[instance["type"]]
    return instance.get(member) == _null_of(instance["type"])


def _of_changed(subscription: Subscription, occurrence: Occurrence) -> dict[str, list[Instance]]:
    attributes = dict(occurrence.entity.attributes)
    shows = subscription.notification.shows_changes
    for name, change in occurrence.change.attributes.items():
        instances = list(attributes.get(name, ()))
        if shows:
            instances = [_with_previous(instance, change) for instance in instances]
        after = {instance.get("datasetId") for instance in instances}
        gone = [instance for instance in change.before if instance.get("datasetId") not in after]
        instances += _all_deleted(gone, subscription, occurrence.change.at, is_whole=not after)
        if instances:
            attributes[name] = instances
    return attributes


def _of_deleted(
    compiled: CompiledSubscription, occurrence: Occurrence
) -> dict[str, list[Instance]]:
    """Without showChanges nothing is told of the attributes, unless it is they that are watched."""
    subscription = compiled.subscription
    names = set(occurrence.change.attributes)
    if not subscription.notification.shows_changes:
        if "attributeDeleted" not in compiled.triggers:
            return {}
        names &= compiled.watched or names
    return {
        name: _all_deleted(change.before, subscription, occurrence.change.at, is_whole=True)
        for name, change in occurrence.change.attributes.items()
        if name in names
    }


def _all_deleted(
    instances: list[Instance], subscription: Subscription, at: str, *, is_whole: bool
) -> list[Instance]:
    """Tell of deleted instances; for a whole attribute one null does, if nothing else is told."""
    params = subscription.notification
    if is_whole and instances and not (params.shows_changes or params.has_system_attributes):
        kind = instances[0]["type"]
        return [{"type": kind, VALUE_MEMBER[kind]: _null_of(kind)}]
    return [_deleted(instance, subscription, at) for instance in instances]


def _deleted(instance: Instance, subscription: Subscription, at: str) -> Instance:
    params = subscription.notification
    kind = instance["type"]
    deleted = {name: instance[name] for name in _ALWAYS_KEPT if name in instance}
    member = VALUE_MEMBER[kind]
    deleted[member] = _null_of(kind)
    if params.shows_changes:
        deleted[PREVIOUS_MEMBER[member]] = instance[member]
    if params.has_system_attributes:
        deleted |= {name: instance[name] for name in _SYSTEM_TIMES if name in instance}
        deleted["deletedAt"] = at
    return deleted


def _null_of(kind: str) -> object:
    if kind == LANGUAGE_PROPERTY:
        return {"@none": NULL}
    return [{"object": NULL}] if kind == LIST_RELATIONSHIP else NULL


def _with_previous(instance: Instance, change: AttributeChange) -> Instance:
    for before in change.before:
        if before.get("datasetId") == instance.get("datasetId"):
            member = VALUE_MEMBER[before["type"]]
            if has_changed(before, instance) and member in before:
                return instance | {PREVIOUS_MEMBER[member]: before[member]}
    return instance
