"""Entities as this process knows them, so that they need not be asked for and decoded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from broker.model.entity import Entity
from broker.storage.mongo.neighbours import ToldUpdate

_GROUPS_OF_MISTRUST = 20


class HeldEntities:
    """The states of the entities of one tenant that were written last, at most 5/4 of `limit`.

    None is more than a presumption: another process may have written the entity since, and not have
    told. Whoever uses one has the database confirm it, in the transaction that writes.

    Entities that were written once only, as in an import, do not drive out those that are written
    again and again.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._often: OrderedDict[str, Entity] = OrderedDict()
        self._once: OrderedDict[str, Entity] = OrderedDict()
        self._mistrusted_groups = 0

    def is_mistrusted(self) -> bool:
        """Say whether a group had better read everything, as one lately presumed what was wrong.

        To be asked once a group: the mistrust passes with the groups.
        """
        if not self._mistrusted_groups:
            return False
        self._mistrusted_groups -= 1
        return True

    def recall(self, entity_id: str, since: str = "") -> Entity | None:
        """Return an entity as it was written last, None if it was not written since a time."""
        entity = self._often.get(entity_id) or self._once.get(entity_id)
        return entity if entity is not None and entity.modified_at >= since else None

    def hold(self, entity_id: str, entity: Entity | None) -> None:
        """Keep what was just written, None when that was a deletion."""
        was_held = self._drop(entity_id)
        if entity is None:
            return
        if was_held:
            self._often[entity_id] = entity
            _trim(self._often, self._limit)
        else:
            self._once[entity_id] = entity
            _trim(self._once, self._limit // 4)

    def follow(self, told: ToldUpdate) -> None:
        """Go on from what another worker has written; forget the entity where that is not clear."""
        entity_id = told.entity_id
        held = self._often if entity_id in self._often else self._once
        entity = held.get(entity_id)
        if entity is None:
            return
        after = told.following(entity)
        if after is None:
            del held[entity_id]
        else:
            held[entity_id] = after

    def mistrust(self, ids: Iterable[str]) -> None:
        """Forget entities of which one proved wrong: others write them, too, and do not tell."""
        for one in ids:
            self._drop(one)
        self._mistrusted_groups = _GROUPS_OF_MISTRUST

    def _drop(self, entity_id: str) -> bool:
        in_often = self._often.pop(entity_id, None)
        in_once = self._once.pop(entity_id, None)
        return in_often is not None or in_once is not None


def _trim(entities: OrderedDict[str, Entity], limit: int) -> None:
    if len(entities) > limit:
        entities.popitem(last=False)
