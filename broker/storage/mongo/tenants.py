"""The tenants that exist, and the collections and indexes each has (clause 5.5.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from pymongo import ASCENDING, GEOSPHERE, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from broker.storage.mongo.connection import Databases
from broker.storage.mongo.errors import translated
from broker.storage.mongo.filters_geo import path_of_geometry

_NAMESPACE_EXISTS = 48
_DAY = 86_400

_LOCATION = path_of_geometry("https://uri.etsi.org/ngsi-ld/location")
EXPIRY_INDEX = "attribute_expiry"
"""On the earliest expiry of an entity or of anything in it; databases have it under this name."""
Part: TypeAlias = Literal[
    "entities", "repeats", "entity maps", "registrations", "snapshots", "deliveries"
]
"""What belongs together and is made together. Every tenant has its entities; the other parts come
when they are used first, as each index is an open file and a bit of each start after a crash."""

COLLECTIONS: Mapping[Part, Mapping[str, Sequence[IndexModel]]] = {
    "entities": {
        "entities": [
            IndexModel([("t", ASCENDING), ("_id", ASCENDING)], name="type"),
            IndexModel([(_LOCATION, GEOSPHERE)], name="location"),
            IndexModel([("xa", ASCENDING)], name=EXPIRY_INDEX, sparse=True),
        ],
        "changes": [
            IndexModel([("i", ASCENDING)], name="applied_once", unique=True, sparse=True),
        ],
        "catalogue": [],
        "subscriptions": [],
    },
    "repeats": {
        "repeats": [IndexModel([("c", ASCENDING)], name="forgotten", expireAfterSeconds=_DAY)],
    },
    "entity maps": {
        "entityMaps": [IndexModel([("xd", ASCENDING)], name="ended", expireAfterSeconds=0)],
        "entityMapPieces": [
            IndexModel([("m", ASCENDING), ("p", ASCENDING)], name="piece", unique=True),
            IndexModel([("xd", ASCENDING)], name="ended", expireAfterSeconds=0),
        ],
    },
    "registrations": {
        "registrations": [
            IndexModel([("t", ASCENDING)], name="type"),
            IndexModel([("n", ASCENDING)], name="attribute_names"),
            IndexModel([("p", ASCENDING)], name="proxied", sparse=True),
            IndexModel([("xd", ASCENDING)], name="expiry", sparse=True),
        ],
        "registrationLog": [],
        "registry": [],
    },
    "snapshots": {
        "snapshots": [
            IndexModel(
                [("id", ASCENDING)],
                name="live",
                unique=True,
                partialFilterExpression={"l": True},
            ),
            IndexModel([("xd", ASCENDING)], name="forgotten", expireAfterSeconds=_DAY),
        ],
    },
    "deliveries": {
        "deliveries": [
            IndexModel([("s", ASCENDING), ("n", ASCENDING), ("v", ASCENDING)], name="queue"),
            IndexModel([("xd", ASCENDING)], name="buried", expireAfterSeconds=0, sparse=True),
        ],
    },
}
"""Collections of a tenant's database with the indexes they have from the start.

Entities have few: as soon as an update touches any index, MongoDB looks up in a transaction, for
each index before it works on it, whether it is there, and reads the description of all indexes for
that. The others come when queries ask for them (`index_advisor.py`).
"""


class Tenants:
    """Creates a tenant's database on its first write and knows which ones exist."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._known: set[str] = set()
        self._ready: set[tuple[str, Part]] = set()
        self._lock = asyncio.Lock()

    async def exists(self, tenant: str) -> bool:
        """Say whether anything was ever written for the tenant (the default one always exists)."""
        if not tenant or tenant in self._known:
            return True
        database = self._databases.of(tenant)
        with translated():
            names = await database.list_collection_names(filter={"name": "entities"})
        if names:
            self._known.add(tenant)
        return bool(names)

    async def ensure(self, tenant: str, part: Part = "entities") -> None:
        """Create the tenant, and the collections and indexes of a part, unless they are there.

        Collections are created before the first transaction, which then needs no catalog locks.
        """
        if (tenant, part) in self._ready:
            return
        async with self._lock:
            for wanted in ("entities", part):
                if (tenant, wanted) not in self._ready:
                    with translated():
                        await self._create(tenant, wanted)
                    self._ready.add((tenant, wanted))
            self._known.add(tenant)

    async def _create(self, tenant: str, part: Part) -> None:
        database = self._databases.of(tenant)
        for name, indexes in COLLECTIONS[part].items():
            try:
                await database.create_collection(name)
            except CollectionInvalid:
                pass
            except OperationFailure as error:
                if error.code != _NAMESPACE_EXISTS:
                    raise
            if indexes:
                await database[name].create_indexes(indexes)

    def forget_one(self, tenant: str) -> None:
        """Forget that a tenant or space is ready."""
        self._known.discard(tenant)
        self._ready = {(one, part) for one, part in self._ready if one != tenant}

    def forget(self) -> None:
        """Ask the database again about every tenant (after it was dropped from outside)."""
        self._known.clear()
        self._ready.clear()
