"""Subscriptions, and the records of their deliveries, on MongoDB."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from broker.model.subscription import DeliveryRecord, Subscription
from broker.storage.mongo.connection import DURABLE, Databases, Document
from broker.storage.mongo.errors import translated
from broker.storage.mongo.registration_signals import signal
from broker.storage.mongo.tenants import Tenants
from broker.storage.subscriptions import Attempts

log = logging.getLogger(__name__)

_LATEST = {
    "ln": "last_notification",
    "ls": "last_success",
    "lf": "last_failure",
    "le": "last_error",
}


def encode_subscription(subscription: Subscription) -> Document:
    """Return the document of a subscription; an @context is kept as JSON text.

    (Its member names may be anything, those of a definition are all known.)
    """
    return {
        "_id": subscription.id,
        "v": subscription.version,
        "c": subscription.created_at,
        "m": subscription.modified_at,
        "context": json.dumps(subscription.context),
        "queryContext": json.dumps(subscription.query_context),
        "definition": dict(subscription.definition),
        **({} if subscription.snapshot is None else {"snapshot": subscription.snapshot}),
    }


def decode_subscription(tenant: str, document: Document) -> Subscription:
    """Return the subscription of a stored document."""
    return Subscription(
        id=document["_id"],
        tenant=tenant,
        definition=document["definition"],
        context=json.loads(document["context"]),
        query_context=json.loads(document["queryContext"]),
        created_at=document["c"],
        modified_at=document["m"],
        version=document["v"],
        snapshot=document.get("snapshot"),
    )


@dataclass(frozen=True, slots=True)
class SubscriptionCollections:
    """The collections of one kind of subscriptions.

    Subscriptions to entities have `deliveries` that wait; changes of those to registrations are
    signalled to whoever serves them.
    """

    subscriptions: str
    records: str
    deliveries: str | None = None
    is_signalled: bool = False


TO_ENTITIES = SubscriptionCollections("subscriptions", "deliveryRecords", "deliveries")
TO_REGISTRATIONS = SubscriptionCollections(
    "registrationSubscriptions", "registrationDeliveries", is_signalled=True
)


class MongoSubscriptionStore:
    """Implements `broker.storage.subscriptions.SubscriptionStore`."""

    def __init__(
        self,
        *,
        databases: Databases,
        tenants: Tenants,
        collections: SubscriptionCollections = TO_ENTITIES,
    ) -> None:
        self._databases = databases
        self._tenants = tenants
        self._names = collections

    async def insert(self, subscription: Subscription) -> bool:
        """Store a new subscription; false if there is one with this id already."""
        await self._tenants.ensure(subscription.tenant)
        database = self._databases.of(subscription.tenant)
        with translated():
            try:
                await self._collection(subscription.tenant).insert_one(
                    encode_subscription(subscription)
                )
            except DuplicateKeyError:
                return False
            # What a subscription with this id left behind long ago is not this one's; it may have
            # been notified by now itself.
            since = {"$gte": subscription.created_at}
            await database[self._names.records].delete_one(
                {"_id": subscription.id, "$nor": [{"ln": since}, {"at": since}]}
            )
        await self._signal(subscription.tenant)
        return True

    async def replace(self, subscription: Subscription) -> bool:
        """Store the next version of a subscription; false if version - 1 is not the stored one."""
        with translated():
            result = await self._collection(subscription.tenant).replace_one(
                {"_id": subscription.id, "v": subscription.version - 1},
                encode_subscription(subscription),
            )
        await self._signal(subscription.tenant)
        return bool(result.matched_count)

    async def fetch(self, tenant: str, subscription_id: str) -> Subscription | None:
        """Return a subscription, or None."""
        with translated():
            document = await self._collection(tenant).find_one({"_id": subscription_id})
        return None if document is None else decode_subscription(tenant, document)

    async def find(self, tenant: str, *, offset: int, limit: int) -> list[Subscription]:
        """Return a page of the tenant's subscriptions, oldest first."""
        cursor = self._collection(tenant).find().sort([("c", 1), ("_id", 1)])
        with translated():
            documents = await cursor.skip(offset).limit(limit).to_list()
        return [decode_subscription(tenant, document) for document in documents]

    async def count(self, tenant: str) -> int:
        """Return how many subscriptions the tenant has."""
        with translated():
            return int(await self._collection(tenant).count_documents({}))

    async def delete(self, tenant: str, subscription_id: str) -> bool:
        """Delete a subscription with all that is kept for it; false if there is none."""
        database = self._databases.of(tenant)
        with translated():
            result = await self._collection(tenant).delete_one({"_id": subscription_id})
            await database[self._names.records].delete_one({"_id": subscription_id})
            if self._names.deliveries is not None:
                await database[self._names.deliveries].delete_many({"s": subscription_id})
        await self._signal(tenant)
        return bool(result.deleted_count)

    async def all(self) -> AsyncIterator[Subscription]:
        """Yield the subscriptions of all tenants."""
        for tenant in await self._databases.tenants():
            with translated():
                async for document in self._collection(tenant).find():
                    try:
                        yield decode_subscription(tenant, document)
                    except (KeyError, TypeError, ValueError):
                        log.exception(
                            "a stored subscription cannot be read",
                            extra={"tenant": tenant, "subscription": document.get("_id")},
                        )

    async def _signal(self, tenant: str) -> None:
        if self._names.is_signalled:
            await signal(self._databases, tenant)

    def _collection(self, tenant: str) -> Any:
        return self._databases.of(tenant).get_collection(
            self._names.subscriptions, write_concern=DURABLE
        )


class MongoDeliveryRecordStore:
    """Implements `broker.storage.subscriptions.DeliveryRecordStore`.

    The counts are not worth a journal write each: what a crash of the database takes back is sent
    and counted again with the notifications themselves.
    """

    def __init__(
        self, databases: Databases, collections: SubscriptionCollections = TO_ENTITIES
    ) -> None:
        self._databases = databases
        self._names = collections

    async def add(self, attempts: Attempts) -> None:
        """Add the counts of many subscriptions at once."""
        by_tenant: dict[str, list[UpdateOne]] = {}
        for (tenant, subscription_id), record in attempts.items():
            by_tenant.setdefault(tenant, []).append(_addition(subscription_id, record))
        with translated():
            for tenant, updates in by_tenant.items():
                await self._collection(tenant).bulk_write(updates, ordered=False)

    async def fetch_many(
        self, tenant: str, subscription_ids: Sequence[str]
    ) -> dict[str, DeliveryRecord]:
        """Return the records there are, by subscription."""
        with translated():
            documents = await (
                self._collection(tenant).find({"_id": {"$in": list(subscription_ids)}}).to_list()
            )
        return {document["_id"]: _record(document) for document in documents}

    def _collection(self, tenant: str) -> Any:
        return self._databases.of(tenant).get_collection(
            self._names.records, write_concern=WriteConcern(w=1, j=False)
        )


def _addition(subscription_id: str, record: DeliveryRecord) -> UpdateOne:
    latest = {key: getattr(record, name) for key, name in _LATEST.items()}
    update: dict[str, Any] = {
        "$inc": {"n": record.times_sent, "f": record.times_failed, "d": record.discarded},
        "$set": {key: value for key, value in latest.items() if value is not None},
    }
    if not update["$set"]:
        del update["$set"]
    return UpdateOne({"_id": subscription_id}, update, upsert=True)


def _record(document: Document) -> DeliveryRecord:
    return DeliveryRecord(
        times_sent=document.get("n", 0),
        times_failed=document.get("f", 0),
        last_notification=document.get("ln"),
        last_success=document.get("ls"),
        last_failure=document.get("lf"),
        last_error=document.get("le"),
        discarded=document.get("d", 0),
    )
