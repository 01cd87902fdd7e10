"""Entity maps on MongoDB: a head, and the entity ids in pieces of a fixed size.

A piece keeps the place of each of its ids: one that is taken away leaves null behind. So a page
that begins at a place begins there whatever others take away meanwhile. The head is written last,
so that a map whose making was interrupted is never seen; TTL indexes remove heads and pieces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from broker.storage.entity_maps import Entries, StoredEntityMap
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.errors import translated
from broker.storage.mongo.tenants import Tenants

HEADS, PIECES = "entityMaps", "entityMapPieces"
PIECE = 500

_KEPT = {"$filter": {"input": "$ids", "cond": {"$ne": ["$$this", None]}}}


class MongoEntityMapStore:
    """Implements `broker.storage.entity_maps.EntityMapStore`."""

    def __init__(self, *, databases: Databases, tenants: Tenants) -> None:
        self._databases = databases
        self._tenants = tenants

    async def insert(
        self, tenant: str, entity_map: StoredEntityMap, entity_ids: Sequence[str], *, most: int
    ) -> None:
        """Store a map. Where that makes more than `most`, those that end soonest are deleted."""
        await self._tenants.ensure(tenant, "entity maps")
        expiry = _date(entity_map.expires_at)
        with translated():
            for first in range(0, len(entity_ids), PIECE):
                ids = list(entity_ids[first : first + PIECE])
                piece = {"m": entity_map.id, "p": first, "ids": ids, "xd": expiry}
                await self._pieces(tenant).insert_one(piece)
            await self._heads(tenant).insert_one(
                {
                    "_id": entity_map.id,
                    "x": entity_map.expires_at,
                    "xd": expiry,
                    "q": entity_map.query,
                }
            )
            await self._make_room(tenant, most)

    async def _make_room(self, tenant: str, most: int) -> None:
        excess = await self._heads(tenant).count_documents({}) - most
        if excess > 0:
            ending = self._heads(tenant).find({}, {"_id": 1}).sort("xd").limit(excess)
            for document in await ending.to_list():
                await self._delete(tenant, document["_id"])

    async def fetch(self, tenant: str, map_id: str, now: str) -> StoredEntityMap | None:
        """Return a map, or None."""
        with translated():
            head = await self._heads(tenant).find_one({"_id": map_id, "x": {"$gt": now}})
        return None if head is None else StoredEntityMap(map_id, head["x"], head["q"])

    async def replace_expiry(self, tenant: str, map_id: str, expires_at: str, now: str) -> bool:
        """Let a map end at another time; false if there is none."""
        expiry = _date(expires_at)
        with translated():
            await self._pieces(tenant).update_many({"m": map_id}, {"$set": {"xd": expiry}})
            result = await self._heads(tenant).update_one(
                {"_id": map_id, "x": {"$gt": now}}, {"$set": {"x": expires_at, "xd": expiry}}
            )
        return bool(result.matched_count)

    async def delete(self, tenant: str, map_id: str, now: str) -> bool:
        """Delete a map; false if there is none."""
        with translated():
            is_there = await self._heads(tenant).find_one({"_id": map_id, "x": {"$gt": now}})
            await self._delete(tenant, map_id)
        return is_there is not None

    async def _delete(self, tenant: str, map_id: str) -> None:
        await self._heads(tenant).delete_one({"_id": map_id})
        await self._pieces(tenant).delete_many({"m": map_id})

    async def place(self, tenant: str, map_id: str, offset: int) -> int:
        """Return the place of the entry that has `offset` entries before it, or the end."""
        pipeline: list[Document] = [
            {"$match": {"m": map_id}},
            {"$sort": {"p": 1}},
            {"$project": {"p": 1, "n": {"$size": _KEPT}}},
        ]
        before, end = 0, 0
        with translated():
            async for piece in await self._pieces(tenant).aggregate(pipeline):
                if before + piece["n"] > offset:
                    return await self._place_in(tenant, map_id, piece["p"], offset - before)
                before += piece["n"]
                end = piece["p"] + PIECE
        return end

    async def _place_in(self, tenant: str, map_id: str, first: int, offset: int) -> int:
        piece = await self._pieces(tenant).find_one({"m": map_id, "p": first})
        kept = [] if piece is None else _entries(piece)
        return kept[offset][0] if offset < len(kept) else first + PIECE

    async def entries(
        self, tenant: str, map_id: str, start: int = 0, *, is_backward: bool = False
    ) -> AsyncIterator[Entries]:
        """Yield entries in portions: from a place on, or those before it, the nearest first."""
        wanted = {"$lt": start} if is_backward else {"$gt": start - PIECE}
        with translated():
            cursor = self._pieces(tenant).find({"m": map_id, "p": wanted}, batch_size=4)
            async for piece in cursor.sort("p", -1 if is_backward else 1):
                found = _entries(piece)
                if is_backward:
                    found = [entry for entry in reversed(found) if entry[0] < start]
                else:
                    found = [entry for entry in found if entry[0] >= start]
                if found:
                    yield found

    async def remove(self, tenant: str, map_id: str, places: Sequence[int]) -> None:
        """Take entries away."""
        by_piece: dict[int, Document] = {}
        for place in places:
            by_piece.setdefault(place - place % PIECE, {})[f"ids.{place % PIECE}"] = None
        with translated():
            for first, gone in by_piece.items():
                await self._pieces(tenant).update_one({"m": map_id, "p": first}, {"$set": gone})

    def _heads(self, tenant: str) -> AsyncCollection[Document]:
        return self._databases.of(tenant)[HEADS]

    def _pieces(self, tenant: str) -> AsyncCollection[Document]:
        return self._databases.of(tenant)[PIECES]


def _entries(piece: Document) -> Entries:
    ids: list[Any] = piece["ids"]
    return [(piece["p"] + index, each) for index, each in enumerate(ids) if each is not None]


def _date(time: str) -> datetime:
    return datetime.fromisoformat(time)
