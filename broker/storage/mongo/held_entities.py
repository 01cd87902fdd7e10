"""Entities as this process wrote them last, so that they need not be sent and decoded again."""

from __future__ import annotations

from collections import OrderedDict

from broker.model.entity import Entity
from broker.storage.mongo.connection import Document
from broker.storage.mongo.documents import decode_entity
from broker.storage.mongo.transaction import Transaction


class HeldEntities:
    """The states of the entities of one tenant that were written last, at most `limit`.

    None is used before it was compared, in the transaction that uses it, with what is stored: the
    version, and the time it was written, for an entity made anew begins with version 1 again.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Entity] = OrderedDict()
        self._others_write = False

    async def read(self, transaction: Transaction, ids: set[str]) -> dict[str, Entity]:
        """Return the present state of those of the entities that exist, by id.

        Only versions and times are read where all of the entities are held; not, however, where
        the last reading found that another process writes them, too, as it would take a second one.
        Raises PyMongoError.
        """
        held = self._held
        versions_may_do = not self._others_write and all(one in held for one in ids)
        projection = {"v": 1, "m": 1} if versions_may_do else None
        found: dict[str, Entity] = {}
        outdated: set[str] = set()
        self._others_write = False
        for document in await transaction.find("entities", {"_id": {"$in": list(ids)}}, projection):
            entity_id = document["_id"]
            known = held.get(entity_id)
            if known is not None and _is_stored(known, document):
                found[entity_id] = known
                continue
            self._others_write |= known is not None
            if versions_may_do:
                outdated.add(entity_id)
            else:
                found[entity_id] = decode_entity(document)
        if outdated:
            found.update(await self.read(transaction, outdated))
        return found

    def hold(self, entity_id: str, entity: Entity | None) -> None:
        """Keep what was just written, None when that was a deletion."""
        self._held.pop(entity_id, None)
        if entity is not None:
            self._held[entity_id] = entity
        if len(self._held) > self._limit:
            self._held.popitem(last=False)


def _is_stored(known: Entity, document: Document) -> bool:
    return (known.version, known.modified_at) == (document["v"], document["m"])
