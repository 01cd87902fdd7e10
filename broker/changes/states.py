"""Entities as they were right after each change, though the feed tells only what changed.

The state after a change follows from the state before it. States are kept for the entities somebody
subscribed to, as many as fit; where one is missing, the entity as it is now is read and the later
changes are taken back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from broker.model.changes import Change, apply_change, take_back
from broker.model.entity import Entity
from broker.storage.feed import ChangeLog, EntityChanged

Key = tuple[str, str]


class EntityStates:
    """Follows entities from change to change; to be used in the order of the feed."""

    def __init__(self, log: ChangeLog, *, most: int) -> None:
        self._log = log
        self._most = most
        self._states: OrderedDict[Key, Entity] = OrderedDict()

    def clear(self) -> None:
        """Forget all states."""
        self._states.clear()

    def forget(self, tenant: str) -> None:
        """Forget the states of a tenant, whose changes were not followed."""
        for key in [key for key in self._states if key[0] == tenant]:
            del self._states[key]

    async def prepare(self, events: Iterable[EntityChanged]) -> None:
        """Make sure that `advance` knows the states these events, in order, lead to."""
        by_tenant: dict[str, dict[str, Change]] = {}
        seen: set[Key] = set()
        for event in events:
            key = event.tenant, event.change.entity_id
            if key not in seen:
                seen.add(key)
                if self._is_unknown(key, event.change):
                    by_tenant.setdefault(event.tenant, {})[key[1]] = event.change
        for tenant, first in by_tenant.items():
            await self._load(tenant, list(first.values()))

    def advance(self, event: EntityChanged) -> tuple[Entity | None, Entity | None]:
        """Return the entity before and after a change, and go on from there.

        The entity before is given for a deletion only, where there is none after it.
        """
        change = event.change
        key = event.tenant, change.entity_id
        before = self._states.pop(key, None)
        if change.kind == "entityDeleted":
            return before if _precedes(before, change) else take_back(None, change), None
        if before is not None and before.version == change.version:  # it was loaded, or comes again
            after: Entity | None = before
        else:
            after = apply_change(before, change)
        is_whole = before is not None or change.kind == "entityCreated"
        if after is not None and is_whole:
            self._states[key] = after
            if len(self._states) > self._most:
                self._states.popitem(last=False)
        return None, after

    def skip(self, event: EntityChanged) -> None:
        """Follow a change nobody asks about: only entities that are known are followed."""
        key = event.tenant, event.change.entity_id
        if key in self._states:
            self.advance(event)

    async def with_times(self, event: EntityChanged, before: Entity) -> Entity:
        """Return a deleted entity with the times it was created and modified."""
        if before.created_at:
            return before
        created, modified = await self._log.times(event.tenant, event.change)
        return before.evolve(created_at=created, modified_at=modified)

    def _is_unknown(self, key: Key, change: Change) -> bool:
        if change.kind != "entityUpdated":
            return False
        state = self._states.get(key)
        return state is None or state.version not in {change.version - 1, change.version}

    async def _load(self, tenant: str, changes: Sequence[Change]) -> None:
        present = await self._log.present(tenant, [change.entity_id for change in changes])
        # What was committed while the entities were read is in the log by now, too.
        later = await self._log.later(tenant, changes)
        for change in changes:
            entity_id = change.entity_id
            state = state_after(change, present.get(entity_id), later.get(entity_id, []))
            if state is not None:
                self._states[tenant, entity_id] = state


def state_after(change: Change, present: Entity | None, later: Sequence[Change]) -> Entity | None:
    """Return an entity right after a change, given it as it is now and what followed, in order.

    None if what is known does not lead there.
    """
    if later and later[-1].kind == "entityDeleted":
        present = None
    elif present is None:
        return None
    else:
        later = [following for following in later if following.version <= present.version]
    state = present
    for following in reversed(later):
        state = take_back(state, following)
    if state is None or state.version != change.version:
        return None
    return state


def _precedes(state: Entity | None, change: Change) -> bool:
    return state is not None and state.version == change.version - 1
