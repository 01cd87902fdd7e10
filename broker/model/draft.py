"""The next version of an entity while an operation works on it, and the record of the change."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from broker.model.changes import AttributeChange, Change, Transition
from broker.model.entity import NULL, Attributes, Entity, Instance, instance_of
from broker.model.expiry import without_expired
from broker.model.fragment import is_deletion

Outcome = TypeVar("Outcome")

_OFTEN_ALL = frozenset({"type", "value", "unitCode", "observedAt", "datasetId"})
"""Members that many instances have no others than: none of them is a sub-attribute."""
_SHORT = 100
"""Characters of a text that is worth being remembered."""


class Draft:
    """A working copy of one entity; nothing outside sees it until `finish` makes a transition.

    Whatever has expired counts as gone already, and its removal is recorded with the rest.
    """

    __slots__ = ("_attributes", "_entity", "_touched", "expires_at", "now", "scopes", "types")

    def __init__(self, entity: Entity, live: Entity, now: str) -> None:
        self._entity = entity
        self._attributes = dict(entity.attributes)
        self._touched: dict[str, AttributeChange] = {}
        self.now = now
        self.types = entity.types
        self.scopes = entity.scopes
        self.expires_at = entity.expires_at
        if live is not entity:
            self._drop_expired(live)

    @property
    def attributes(self) -> Attributes:
        """The attributes as they are at this point."""
        return self._attributes

    def find(self, name: str, dataset_id: str | None) -> Instance | None:
        """Return an instance as it is at this point."""
        return instance_of(self._attributes.get(name, []), dataset_id)

    def take(self, name: str, instance: Instance) -> None:
        """Store an instance as a client gave it, in the place of its datasetId."""
        instances = self._attributes.get(name, [])
        previous = instance_of(instances, instance.get("datasetId"))
        self._store(name, instances, previous, stamped(instance, previous, self.now))

    def put(self, name: str, instance: Instance) -> None:
        """Store an instance, its system attributes included, in the place of its datasetId."""
        instances = self._attributes.get(name, [])
        previous = instance_of(instances, instance.get("datasetId"))
        self._store(name, instances, previous, instance)

    def _store(
        self, name: str, instances: list[Instance], previous: Instance | None, instance: Instance
    ) -> None:
        if previous is None:
            self._attributes[name] = [*instances, instance]
        elif len(instances) == 1:
            self._attributes[name] = [instance]
        else:
            self._attributes[name] = [instance if one is previous else one for one in instances]
        self._record(name, previous, instance)

    def remove(self, name: str, dataset_id: str | None) -> bool:
        """Delete an instance; return whether there was one."""
        instances = self._attributes.get(name, [])
        previous = instance_of(instances, dataset_id)
        if previous is None:
            return False
        rest = [instance for instance in instances if instance is not previous]
        if rest:
            self._attributes[name] = rest
        else:
            del self._attributes[name]
        self._record(name, previous, None)
        return True

    def finish(self, outcome: Outcome) -> Transition:
        """Return the transition; nothing is to be written if nothing was touched."""
        before = self._entity
        types_changed = self.types != before.types
        scopes_changed = self.scopes != before.scopes
        if not (
            self._touched or types_changed or scopes_changed or self.expires_at != before.expires_at
        ):
            return Transition(before, None, outcome)
        after = Entity(
            before.id,
            self.types,
            self._attributes,
            self.scopes,
            before.created_at,
            self.now,
            self.expires_at,
            before.version + 1,
        )
        change = Change(
            entity_id=after.id,
            types=after.types,
            version=after.version,
            kind="entityUpdated",
            at=self.now,
            attributes=self._touched,
            types_before=before.types if types_changed else None,
            scopes=after.scopes if scopes_changed else None,
            scopes_before=before.scopes if scopes_changed else None,
            expires_at=after.expires_at,
        )
        return Transition(after, change, outcome)

    def _drop_expired(self, live: Entity) -> None:
        for name, instances in self._entity.attributes.items():
            remaining = live.attributes.get(name, [])
            for instance in instances:
                dataset_id = instance.get("datasetId")
                rest = instance_of(remaining, dataset_id)
                if rest is None:
                    self.remove(name, dataset_id)
                elif rest is not instance:
                    self.put(name, rest)

    def _record(self, name: str, before: Instance | None, after: Instance | None) -> None:
        change = self._touched.get(name)
        if change is None:
            self._touched[name] = AttributeChange(
                [] if before is None else [before], [] if after is None else [after]
            )
            return
        if before is not None:
            change.before.append(before)
        if after is not None:
            change.after.append(after)


def stamped(instance: Instance, previous: Instance | None, now: str) -> Instance:
    """Return a complete instance with its system attributes (clause 4.8).

    It replaces `previous`, whose `createdAt` it takes over; sub-attributes likewise. Members and
    sub-attributes that are NULL are left out: there is nothing to delete in something new.
    """
    if _OFTEN_ALL.issuperset(instance) and NULL not in instance.values():
        result = instance.copy()
    else:
        result = _stamped_members(instance, previous, now)
    result["createdAt"] = now if previous is None else previous.get("createdAt", now)
    result["modifiedAt"] = now
    return result


def _stamped_members(instance: Instance, previous: Instance | None, now: str) -> Instance:
    result: Instance = {}
    for member, value in instance.items():
        if ":" in member:
            known = [] if previous is None else previous.get(member, [])
            subs = [
                stamped(sub, instance_of(known, sub.get("datasetId")), now)
                for sub in value
                if not is_deletion(sub)
            ]
            if subs:
                result[member] = subs
        elif value != NULL:
            result[member] = value
    return result


def _creation(instances: list[Instance], now: str) -> AttributeChange:
    if len(instances) == 1:
        instance = instances[0]
        text = instance.get("value")
        if type(text) is str and len(instance) == 2 and len(text) <= _SHORT and text != NULL:
            return _creation_of_text(text, now)
        return AttributeChange([], [stamped(instance, None, now)])
    return AttributeChange([], [stamped(instance, None, now) for instance in instances])


@lru_cache(maxsize=2048)
def _creation_of_text(text: str, now: str) -> AttributeChange:
    """Return the creation of a Property that is a text and nothing else.

    Rows of open data that are created together have most of their texts in common (the city, the
    opening hours); they share the instance, which then is encoded once as well.
    """
    instance = {"type": "Property", "value": text, "createdAt": now, "modifiedAt": now}
    return AttributeChange([], [instance])


def created(entity: Entity, now: str, version: int) -> Transition:
    """Return the transition that brings an entity into being."""
    attributes: dict[str, list[Instance]] = {}
    changes: dict[str, AttributeChange] = {}
    for name, instances in entity.attributes.items():
        made = changes[name] = _creation(instances, now)
        attributes[name] = made.after
    after = Entity(
        entity.id,
        entity.types,
        attributes,
        entity.scopes,
        created_at=now,
        modified_at=now,
        expires_at=entity.expires_at,
        version=version,
    )
    change = Change(
        entity_id=entity.id,
        types=entity.types,
        version=version,
        kind="entityCreated",
        at=now,
        attributes=changes,
        scopes=entity.scopes or None,
        scopes_before=() if entity.scopes else None,
        expires_at=entity.expires_at,
    )
    return Transition(after, change)


def deleted(entity: Entity, now: str) -> Transition:
    """Return the transition after which an entity is no more."""
    change = Change(
        entity_id=entity.id,
        types=entity.types,
        version=entity.version + 1,
        kind="entityDeleted",
        at=now,
        attributes={name: AttributeChange(gone, []) for name, gone in entity.attributes.items()},
        scopes=() if entity.scopes else None,
        scopes_before=entity.scopes or None,
        expires_at=entity.expires_at,
    )
    return Transition(None, change)


def live_version(entity: Entity | None, now: str) -> Entity | None:
    """Return the entity as clients see it: None if there is none or it has expired."""
    return None if entity is None else without_expired(entity, now)
