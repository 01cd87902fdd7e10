"""The durable outbox: collection `deliveries` of each tenant.

    {"_id": key, "s": subscription id, "e": entity id, "v": version, "n": order, "p": profile,
     "b": body (JSON text), "l": only the latest state counts, "at": kept since,
     "x": given up because, "xd": to be removed after (date)}

What waits has no `x`; what was given up has no `n`, so that it no longer stands in the queue.

Where only the latest state of an entity counts, a later one takes the place of what is kept, which
may be under way to its receiver just then. So what callers know an item by is `_id` and `n`: what
becomes of the earlier state is nothing to the later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from broker.model.clock import Clock
from broker.model.subscription import SubscriptionKey
from broker.storage.deliveries import KeptItem
from broker.storage.mongo.connection import DURABLE, Databases, Document
from broker.storage.mongo.errors import translated
from broker.storage.mongo.tenants import Tenants


class MongoOutbox:
    """Implements `broker.storage.deliveries.Outbox`."""

    def __init__(
        self, *, databases: Databases, tenants: Tenants, clock: Clock, days_buried: int
    ) -> None:
        self._databases = databases
        self._tenants = tenants
        self._clock = clock
        self._days_buried = days_buried

    async def insert(self, tenant: str, items: Sequence[KeptItem]) -> list[str]:
        """Keep items and return their keys; those that are kept already are not kept twice."""
        await self._tenants.ensure(tenant, "deliveries")
        now = self._clock()
        writes = [_unless_later(key_of(item), _encode(item, now)) for item in items]
        with translated():
            await self._collection(tenant).bulk_write(writes, ordered=False)
        return [_known_by(key_of(item), item.order) for item in items]

    async def find(self, tenant: str, subscription_id: str, *, limit: int) -> list[KeptItem]:
        """Return the first items kept for a subscription, in order."""
        cursor = self._collection(tenant).find({"s": subscription_id, "n": {"$gt": ""}})
        with translated():
            documents = await cursor.sort([("n", 1), ("v", 1)]).limit(limit).to_list()
        return [_decode(document) for document in documents]

    async def delete(self, tenant: str, keys: Sequence[str]) -> None:
        """Forget items that were delivered."""
        with translated():
            await self._collection(tenant).delete_many(_any_of(keys))

    async def clear(self, tenant: str, subscription_id: str) -> None:
        """Forget everything that is kept for a subscription."""
        with translated():
            await self._collection(tenant).delete_many({"s": subscription_id})

    async def bury(self, tenant: str, keys: Sequence[str], reason: str) -> None:
        """Give items up: they are no longer found, but stay to be looked at for a while."""
        with translated():
            await self._bury(tenant, _any_of(keys), reason)

    async def waiting(self) -> dict[SubscriptionKey, int]:
        """Return how many items wait, by tenant and subscription."""
        waiting: dict[SubscriptionKey, int] = {}
        for tenant in await self._databases.tenants():
            for subscription_id, count in (await self._counts(tenant)).items():
                waiting[tenant, subscription_id] = count
        return waiting

    async def expire(self, tenant: str, *, older_than: str, most: int) -> dict[str, int]:
        """Bury what is kept longer than allowed, or beyond `most` items of one subscription."""
        given_up: dict[str, int] = {}
        for subscription_id, count in (await self._counts(tenant)).items():
            queue: Document = {"s": subscription_id, "n": {"$gt": ""}}
            with translated():
                buried = await self._bury(
                    tenant, {**queue, "at": {"$lt": older_than}}, "kept longer than allowed"
                )
                if (surplus := count - buried - most) > 0:
                    cursor = self._collection(tenant).find(queue, {"_id": 1})
                    oldest = await cursor.sort([("n", 1), ("v", 1)]).limit(surplus).to_list()
                    keys = [document["_id"] for document in oldest]
                    buried += await self._bury(
                        tenant, {"_id": {"$in": keys}}, "more were waiting than allowed"
                    )
            if buried:
                given_up[subscription_id] = buried
        return given_up

    async def _counts(self, tenant: str) -> dict[str, int]:
        pipeline: list[Document] = [
            {"$match": {"n": {"$gt": ""}}},
            {"$group": {"_id": "$s", "count": {"$sum": 1}}},
        ]
        with translated():
            cursor = await self._collection(tenant).aggregate(pipeline)
            return {row["_id"]: row["count"] for row in await cursor.to_list()}

    async def _bury(self, tenant: str, which: Document, reason: str) -> int:
        until = datetime.fromisoformat(self._clock()).astimezone(UTC)
        result = await self._collection(tenant).update_many(
            which,
            {
                "$set": {"x": reason, "xd": until + timedelta(days=self._days_buried)},
                "$unset": {"n": ""},
            },
        )
        modified: int = result.modified_count
        return modified

    def _collection(self, tenant: str) -> Any:
        return self._databases.of(tenant).get_collection("deliveries", write_concern=DURABLE)


def key_of(item: KeptItem) -> str:
    """Return the identity of an item in the outbox."""
    if item.is_latest_only:
        return f"{item.subscription_id} {item.entity_id}"
    return f"{item.subscription_id} {item.entity_id} {item.order} {item.version}"


def _known_by(stored_as: str, order: str) -> str:
    return f"{stored_as} {order}"


def _any_of(keys: Sequence[str]) -> Document:
    """Return the condition for items that are still what they were when their keys were given."""
    parts = [key.rpartition(" ") for key in keys]
    return {"$or": [{"_id": stored_as, "n": order} for stored_as, _, order in parts]}


def _unless_later(stored_as: str, document: Document) -> UpdateOne:
    """Return the write of a document that leaves a later state of the same entity in its place."""
    whole = {"$literal": {"_id": stored_as, **document}}
    is_later = {"$gt": [["$n", "$v"], [{"$literal": document["n"]}, document["v"]]]}
    kept = [{"$replaceWith": {"$cond": [is_later, "$$ROOT", whole]}}]
    return UpdateOne({"_id": stored_as}, kept, upsert=True)


def _encode(item: KeptItem, now: str) -> Document:
    document: Document = {
        "s": item.subscription_id,
        "e": item.entity_id,
        "v": item.version,
        "n": item.order,
        "p": item.profile,
        "b": item.body.decode(),
        "at": now,
    }
    if item.is_latest_only:
        document["l"] = True
    return document


def _decode(document: Document) -> KeptItem:
    return KeptItem(
        subscription_id=document["s"],
        entity_id=document["e"],
        version=document["v"],
        order=document["n"],
        profile=document["p"],
        body=document["b"].encode(),
        is_latest_only=document.get("l", False),
        key=_known_by(document["_id"], document["n"]),
    )
