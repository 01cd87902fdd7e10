"""@contexts in MongoDB.

What users added (Hosted, ImplicitlyCreated) belongs to their tenant and is in its database; the
cache is in the system database, so that a request of an unknown tenant creates no database. Each
process learns of replaced and deleted @contexts by reading a small log now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

import pymongo
from bson import ObjectId
from pymongo import ASCENDING, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from broker.model.clock import Clock
from broker.storage.contexts import ContextKind, StoredContext
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.errors import translated

_UNUSED_SECONDS: Final = 30 * 24 * 3600
_LOG_SECONDS: Final = 3600
_LOSSY: Final = WriteConcern(w=1)
_OVERLAP: Final = timedelta(seconds=30)
_PATIENCE: Final = 8.0
"""Seconds a look-up may take: less than an @context may take to be put together, lest a database
that hangs be taken for an @context that cannot be had."""
_MEMBERS: Final = tuple(field.name for field in fields(StoredContext))


class MongoContextStore:
    """Implements `broker.storage.contexts.ContextStore`."""

    def __init__(
        self,
        databases: Databases,
        *,
        clock: Clock,
        most_cached: int = 2_000,
        patience: float = _PATIENCE,
    ) -> None:
        self._databases = databases
        self._most_cached = most_cached
        self._patience = patience
        self._clock = clock
        self._cache = databases.system.get_collection("contexts")
        self._counts = self._cache.with_options(write_concern=_LOSSY)
        self._log = databases.system.get_collection("context_changes")
        self._seen: dict[ObjectId, datetime] | None = None
        self._looked_at: datetime | None = None

    async def prepare(self) -> None:
        """Create the indexes, by which unused cache entries and old log entries vanish."""
        with translated():
            await self._cache.create_index(
                [("used", ASCENDING)], name="unused", expireAfterSeconds=_UNUSED_SECONDS
            )
            await self._log.create_index(
                [("at", ASCENDING)], name="at", expireAfterSeconds=_LOG_SECONDS
            )

    async def insert(self, context: StoredContext) -> None:
        """Store a Hosted or ImplicitlyCreated @context; one that is there already stays."""
        with translated():
            try:
                await self._own(context.tenant).insert_one(_encode(context))
            except DuplicateKeyError:
                return

    async def replace(self, context: StoredContext) -> None:
        """Store a Cached @context instead of what there is of its URL."""
        document = _encode(context)
        identifier = document.pop("_id")
        hits = document.pop("hits")
        document["used"] = self._now()
        if context.last_used_at is None:
            del document["last_used_at"]
        update = {"$set": document, "$setOnInsert": {"hits": hits}}
        with translated():
            found = await self._cache.update_one({"_id": identifier}, update, upsert=True)
        if found.matched_count:
            await self._announce(identifier)
        else:
            await self._make_room()

    async def postpone(self, context: StoredContext, expires_at: str) -> bool:
        """Give a Cached @context a later expiry, if it still has the one of `context`."""
        with translated():
            found = await self._cache.update_one(
                {"_id": context.id, "expires_at": context.expires_at},
                {"$set": {"expires_at": expires_at}},
            )
        return found.matched_count == 1

    async def fetch(self, tenant: str, context_id: str) -> StoredContext | None:
        """Return an @context with its content."""
        with translated(), pymongo.timeout(self._patience):
            own, cached = await asyncio.gather(
                self._own(tenant).find_one({"_id": context_id}),
                self._cache.find_one({"_id": context_id, "tenant": tenant}),
            )
        document = own or cached
        return None if document is None else _decode(document)

    async def find(self, tenant: str, kind: ContextKind | None) -> list[StoredContext]:
        """Return the tenant's @contexts (of one kind), oldest first, without their content."""
        condition: Document = (
            {"tenant": tenant} if kind is None else {"tenant": tenant, "kind": kind}
        )
        found: list[Document] = []
        with translated():
            for collection in (self._own(tenant), self._cache):
                cursor = collection.find(condition, {"content": 0})
                found += await cursor.to_list()
        found.sort(key=lambda document: (document["created_at"], document["_id"]))
        return [_decode(document) for document in found]

    async def delete(self, tenant: str, context_id: str) -> bool:
        """Remove an @context; all processes drop what they derived from it."""
        condition = {"_id": context_id, "tenant": tenant}
        with translated():
            for collection in (self._own(tenant), self._cache):
                if (await collection.delete_one(condition)).deleted_count:
                    await self._announce(context_id)
                    return True
        return False

    async def count_uses(self, uses: Mapping[tuple[str, str], int], at: str) -> None:
        """Add to the hits of @contexts, given as (tenant, identifier)."""
        own: dict[str, list[UpdateOne]] = {}
        cached: list[UpdateOne] = []
        for (tenant, identifier), count in uses.items():
            which = {"_id": identifier, "tenant": tenant}
            more = {"hits": count}
            own.setdefault(tenant, []).append(
                UpdateOne(which, {"$inc": more, "$set": {"last_used_at": at}})
            )
            used = {"last_used_at": at, "used": self._now()}
            cached.append(UpdateOne(which, {"$inc": more, "$set": used}))
        with translated():
            await self._counts.bulk_write(cached, ordered=False)
            for tenant, updates in own.items():
                collection = self._own(tenant).with_options(write_concern=_LOSSY)
                await collection.bulk_write(updates, ordered=False)

    async def changes(self) -> list[str]:
        """Return identifiers replaced or deleted since the last call on this object.

        Clocks of machines differ a little, so each call looks back half a minute and leaves out
        what it has reported.
        """
        now = self._now()
        since = (self._looked_at or now) - _OVERLAP
        with translated():
            entries = await self._log.find({"at": {"$gte": since}}).to_list()
        self._looked_at = now
        seen = self._seen
        self._seen = {entry["_id"]: entry["at"] for entry in entries}
        if seen is None:
            return []
        return [entry["context"] for entry in entries if entry["_id"] not in seen]

    async def _make_room(self) -> None:
        """Drop those unused for longest, so that clients cannot fill the disk with URLs."""
        with translated():
            excess = await self._cache.estimated_document_count() - self._most_cached
            if excess > 0:
                cursor = self._cache.find({}, {"_id": 1}).sort("used", ASCENDING).limit(excess)
                dropped = [document["_id"] async for document in cursor]
                await self._cache.delete_many({"_id": {"$in": dropped}})

    async def _announce(self, context_id: str) -> None:
        with translated():
            await self._log.insert_one({"context": context_id, "at": self._now()})

    def _own(self, tenant: str) -> AsyncCollection[Document]:
        return self._databases.of(tenant).get_collection("contexts")

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._clock())


def _encode(context: StoredContext) -> Document:
    document: Document = {name: getattr(context, name) for name in _MEMBERS}
    document["_id"] = document.pop("id")
    return document


def _decode(document: Document) -> StoredContext:
    members: dict[str, Any] = {name: document[name] for name in _MEMBERS if name in document}
    members.setdefault("content", "")
    return StoredContext(id=document["_id"], **members)
