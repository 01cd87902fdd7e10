"""The operations on one entity, as pure functions from it to its next version (clause 5.6).

Each factory takes what the client asked for and returns an `EntityOperation`, which the commit
group calls with the entity as it is then, as often as conflicts require. Names are expanded. All
but `create_entity` and `upsert_entity` raise EntityNotFound if the entity does not exist.

They take the entity as it is stored: what has expired counts as gone (clause 4.22), and the next
write to the entity removes it and records that it did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from broker.model.changes import EntityOperation, Transition
from broker.model.draft import Draft, created, deleted, live_version, stamped
from broker.model.entity import NULL, Entity, Instance, extended
from broker.model.errors import AlreadyExists, AttributeNotFound, EntityNotFound
from broker.model.fragment import Fragment, is_deletion
from broker.model.merging import MergeDefaults, completed, merged_instance, updated_instance
from broker.model.outcomes import NotUpdated, UpdateResult, UpsertResult


@dataclass(frozen=True, slots=True)
class CreateEntity:
    """The operation that creates an entity (5.6.1). Raises AlreadyExists.

    It can be told from the others: only this one is mostly asked for where there is no entity yet.
    """

    entity: Entity

    def __call__(self, current: Entity | None, now: str) -> Transition:
        """Return the entity as created."""
        if live_version(current, now) is not None:
            raise AlreadyExists(f"The entity <{self.entity.id}> exists already.")
        return created(self.entity, now, 1 if current is None else current.version + 1)


def create_entity(entity: Entity) -> EntityOperation:
    """Create an entity (5.6.1). Raises AlreadyExists."""
    return CreateEntity(entity)


def upsert_entity(entity: Entity, mode: Literal["replace", "update"]) -> EntityOperation:
    """Create an entity, or replace it or update its attributes (5.6.8). Reports UpsertResult."""
    fragment = Fragment(
        types=entity.types,
        attributes=entity.attributes,
        scopes=entity.scopes or None,
        expires_at=entity.expires_at,
    )

    def upsert(current: Entity | None, now: str) -> Transition:
        live = live_version(current, now)
        if current is None or live is None:
            version = 1 if current is None else current.version + 1
            made = created(entity, now, version)
            return Transition(made.entity, made.change, UpsertResult(created=True))
        draft = Draft(current, live, now)
        if mode == "replace":
            _replace(draft, entity)
        else:
            _update(draft, fragment)
        return draft.finish(UpsertResult(created=False))

    return upsert


def replace_entity(entity: Entity) -> EntityOperation:
    """Replace everything but the time of creation (5.6.18)."""

    def replace(draft: Draft) -> Transition:
        _replace(draft, entity)
        return draft.finish(None)

    return _on_existing(entity.id, replace)


def append_attributes(
    entity_id: str, fragment: Fragment, *, overwrite: bool = True
) -> EntityOperation:
    """Append attributes (5.6.3). Reports UpdateResult."""

    def append(draft: Draft) -> Transition:
        refused: dict[str, NotUpdated] = {}
        updated: dict[str, None] = {}
        for name, instances in fragment.attributes.items():
            for instance in instances:
                previous = draft.find(name, instance.get("datasetId"))
                if previous is not None and not overwrite:
                    reason = "it exists already and overwriting was not allowed"
                    refused[name] = NotUpdated(name, reason)
                else:
                    draft.take(name, instance)
                    updated[name] = None
        _apply_own_members(draft, fragment, overwrite=overwrite)
        return draft.finish(UpdateResult(tuple(updated), tuple(refused.values())))

    return _on_existing(entity_id, append)


def update_attributes(entity_id: str, fragment: Fragment) -> EntityOperation:
    """Replace, append or delete attributes as the fragment says (5.6.2). Reports UpdateResult."""

    def update(draft: Draft) -> Transition:
        return draft.finish(_update(draft, fragment))

    return _on_existing(entity_id, update)


def merge_entity(
    entity_id: str, fragment: Fragment, defaults: MergeDefaults | None = None
) -> EntityOperation:
    """Merge the fragment into the entity, as deep as it goes (5.6.17).

    Raises BadRequestData if the fragment does not fit the types of the attributes.
    """
    common = (defaults or MergeDefaults()).with_terms(fragment.terms)

    def merge(draft: Draft) -> Transition:
        for name, patches in fragment.attributes.items():
            for patch in patches:
                previous = draft.find(name, patch.get("datasetId"))
                _merge_instance(draft, name, previous, patch, common)
        _apply_own_members(draft, fragment, overwrite=True)
        return draft.finish(None)

    return _on_existing(entity_id, merge)


def partial_update_attribute(
    entity_id: str, name: str, patches: Collection[Instance]
) -> EntityOperation:
    """Overwrite members of an attribute's instances (5.6.4).

    Raises AttributeNotFound, and BadRequestData if a type would change.
    """

    def update(draft: Draft) -> Transition:
        for patch in patches:
            previous = _existing(draft, entity_id, name, patch.get("datasetId"))
            if is_deletion(patch):
                draft.remove(name, patch.get("datasetId"))
            else:
                draft.put(name, updated_instance(name, previous, patch, draft.now))
        return draft.finish(None)

    return _on_existing(entity_id, update)


def replace_attribute(
    entity_id: str, name: str, instances: Collection[Instance]
) -> EntityOperation:
    """Replace instances of an attribute, which may change their type (5.6.19).

    Raises AttributeNotFound.
    """

    def replace(draft: Draft) -> Transition:
        for instance in instances:
            _existing(draft, entity_id, name, instance.get("datasetId"))
            draft.take(name, instance)
        return draft.finish(None)

    return _on_existing(entity_id, replace)


def delete_attribute(
    entity_id: str, name: str, *, dataset_id: str | None = None, delete_all: bool = False
) -> EntityOperation:
    """Delete one instance of an attribute (None: the default instance) or all (5.6.5).

    Raises AttributeNotFound.
    """

    def delete(draft: Draft) -> Transition:
        if delete_all:
            instances = draft.attributes.get(name)
            if instances is None:
                raise _attribute_not_found(entity_id, name, None)
            for instance in instances:
                draft.remove(name, instance.get("datasetId"))
        elif not draft.remove(name, dataset_id):
            raise _attribute_not_found(entity_id, name, dataset_id)
        return draft.finish(None)

    return _on_existing(entity_id, delete)


def delete_scope(entity_id: str) -> EntityOperation:
    """Remove the scope of an entity (5.6.5). Raises AttributeNotFound if it has none."""

    def delete(draft: Draft) -> Transition:
        if not draft.scopes:
            raise AttributeNotFound(f"The entity <{entity_id}> has no scope.")
        draft.scopes = ()
        return draft.finish(None)

    return _on_existing(entity_id, delete)


def purge_attributes(
    entity_id: str,
    *,
    drop: Collection[str] | None = None,
    keep: Collection[str] | None = None,
) -> EntityOperation:
    """Delete the attributes in `drop`, or those not in `keep` (5.6.21). `scope` is the scope."""

    def is_purged(name: str) -> bool:
        return (drop is not None and name in drop) or (keep is not None and name not in keep)

    def purge(draft: Draft) -> Transition:
        for name, instances in list(draft.attributes.items()):
            if is_purged(name):
                for instance in instances:
                    draft.remove(name, instance.get("datasetId"))
        if is_purged("scope"):
            draft.scopes = ()
        return draft.finish(None)

    return _on_existing(entity_id, purge)


def delete_entity(entity_id: str) -> EntityOperation:
    """Delete an entity (5.6.6)."""

    def delete(current: Entity | None, now: str) -> Transition:
        if current is None or live_version(current, now) is None:
            raise _entity_not_found(entity_id)
        return deleted(current, now)

    return delete


def expire_entity() -> EntityOperation:
    """Remove what has expired: the entity, or attributes of it (4.22); nothing if nothing has."""

    def expire(current: Entity | None, now: str) -> Transition:
        if current is None:
            return Transition(None, None)
        live = live_version(current, now)
        return deleted(current, now) if live is None else Draft(current, live, now).finish(None)

    return expire


def only_where(
    operation: EntityOperation, entity_id: str, accepts: Callable[[Entity], bool]
) -> EntityOperation:
    """Return the operation for entities that are accepted as they are when their turn comes.

    Of others it says what it says where there is none: EntityNotFound.
    """

    def guarded(current: Entity | None, now: str) -> Transition:
        live = live_version(current, now)
        if live is not None and not accepts(live):
            raise EntityNotFound(f"The entity <{entity_id}> is not one of those asked for.")
        return operation(current, now)

    return guarded


def _on_existing(entity_id: str, work: Callable[[Draft], Transition]) -> EntityOperation:
    def operation(current: Entity | None, now: str) -> Transition:
        live = live_version(current, now)
        if current is None or live is None:
            raise _entity_not_found(entity_id)
        return work(Draft(current, live, now))

    return operation


def _update(draft: Draft, fragment: Fragment) -> UpdateResult:
    updated: dict[str, None] = {}
    for name, instances in fragment.attributes.items():
        for instance in instances:
            if not is_deletion(instance):
                draft.take(name, instance)
                updated[name] = None
            elif draft.remove(name, instance.get("datasetId")):
                updated[name] = None
    draft.types = extended(draft.types, fragment.types)
    refused: tuple[NotUpdated, ...] = ()
    if fragment.scopes is not None and draft.scopes:
        draft.scopes = fragment.scopes
    elif fragment.scopes:
        refused = (NotUpdated("scope", "the entity has no scope; append one (POST) instead"),)
    _apply_expiry(draft, fragment)
    return UpdateResult(tuple(updated), refused)


def _replace(draft: Draft, entity: Entity) -> None:
    for name, instances in list(draft.attributes.items()):
        replaced = {instance.get("datasetId") for instance in entity.attributes.get(name, ())}
        for instance in instances:
            if instance.get("datasetId") not in replaced:
                draft.remove(name, instance.get("datasetId"))
    for name, instances in entity.attributes.items():
        for instance in instances:
            draft.take(name, instance)
    draft.types = entity.types
    draft.scopes = entity.scopes
    draft.expires_at = entity.expires_at


def _merge_instance(
    draft: Draft, name: str, previous: Instance | None, patch: Instance, defaults: MergeDefaults
) -> None:
    dataset_id = patch.get("datasetId")
    if is_deletion(patch):
        draft.remove(name, dataset_id)
    elif previous is None:
        draft.put(name, stamped(completed(name, patch), None, draft.now))
    else:
        after = merged_instance(name, previous, patch, defaults, draft.now)
        if after is None:
            draft.remove(name, dataset_id)
        else:
            draft.put(name, after)


def _apply_own_members(draft: Draft, fragment: Fragment, *, overwrite: bool) -> None:
    draft.types = extended(draft.types, fragment.types)
    if fragment.scopes is not None:
        kept = () if overwrite else draft.scopes
        draft.scopes = extended(kept, fragment.scopes)
    if overwrite or draft.expires_at is None:
        _apply_expiry(draft, fragment)


def _apply_expiry(draft: Draft, fragment: Fragment) -> None:
    if fragment.expires_at is not None:
        draft.expires_at = None if fragment.expires_at == NULL else fragment.expires_at


def _existing(draft: Draft, entity_id: str, name: str, dataset_id: str | None) -> Instance:
    instance = draft.find(name, dataset_id)
    if instance is None:
        raise _attribute_not_found(entity_id, name, dataset_id)
    return instance


def _entity_not_found(entity_id: str) -> EntityNotFound:
    return EntityNotFound(f"The entity <{entity_id}> does not exist.")


def _attribute_not_found(entity_id: str, name: str, dataset_id: str | None) -> AttributeNotFound:
    which = "" if dataset_id is None else f" with the datasetId <{dataset_id}>"
    return AttributeNotFound(
        f"The entity <{entity_id}> has no attribute <{name}>{which}.", attribute_names=(name,)
    )
