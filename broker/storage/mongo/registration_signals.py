"""In which tenants registrations, or subscriptions to them, may have changed.

Collection `signals` of the system database: `{"_id": tenant, "n": number}`. A number is raised
after a write; whoever could not do so (it crashed) is made up for by those who look at every tenant
now and then.
"""

from __future__ import annotations

from broker.storage.mongo.connection import Databases
from broker.storage.mongo.errors import translated


async def signal(databases: Databases, tenant: str) -> None:
    """Tell that something has changed in a tenant."""
    with translated():
        await databases.system["signals"].update_one(
            {"_id": tenant}, {"$inc": {"n": 1}}, upsert=True
        )


class MongoRegistrationSignals:
    """Implements `broker.storage.registrations.RegistrationSignals`."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def read(self) -> dict[str, int]:
        """Return a number for each such tenant that grows with the changes."""
        with translated():
            documents = await self._databases.system["signals"].find().to_list()
        return {document["_id"]: document["n"] for document in documents}

    async def tenants(self) -> list[str]:
        """Return all tenants there are."""
        return await self._databases.tenants()
