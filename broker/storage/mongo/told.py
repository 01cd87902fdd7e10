"""How far the subscribers of registrations have been told: members `p`, `e` and `at` of the
documents in `registrationDeliveries`, beside the counts of the deliveries."""

from __future__ import annotations

from broker.storage.mongo.connection import DURABLE, Databases
from broker.storage.mongo.errors import translated
from broker.storage.mongo.subscriptions import TO_REGISTRATIONS
from broker.storage.registrations import Told


class MongoToldStore:
    """Implements `broker.storage.registrations.ToldStore`."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def fetch(self, tenant: str, subscription_id: str) -> Told | None:
        """Return how far a subscriber has been told, None: of nothing."""
        records = self._databases.of(tenant)[TO_REGISTRATIONS.records]
        with translated():
            document = await records.find_one({"_id": subscription_id, "p": {"$exists": True}})
        return None if document is None else Told(document["p"], document["e"], document["at"])

    async def replace(self, tenant: str, subscription_id: str, told: Told) -> None:
        """Keep how far a subscriber has been told."""
        records = self._databases.of(tenant).get_collection(
            TO_REGISTRATIONS.records, write_concern=DURABLE
        )
        members = {"p": told.revision, "e": told.edition, "at": told.at}
        with translated():
            await records.update_one({"_id": subscription_id}, {"$set": members}, upsert=True)
