"""Snapshots on MongoDB: one document each in their tenant's database.

An id is taken by the live snapshot only, so it can be given again at once while the space of a
deleted one is still being removed. Who prepares a snapshot holds a claim in its document, which
runs out by the clock of the database unless it is extended.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from broker.model.snapshot import ExecutionDetails, Snapshot
from broker.model.spaces import is_snapshot
from broker.storage.mongo.connection import DURABLE, Databases, Document
from broker.storage.mongo.errors import translated
from broker.storage.mongo.tenants import Tenants

log = logging.getLogger(__name__)

COLLECTION = "snapshots"
_BY_AGE = [("c", 1), ("_id", 1)]


class MongoSnapshotStore:
    """Implements `broker.storage.snapshots.SnapshotStore` and `SnapshotWork`.

    `owner` names the process that claims, `seconds` is how long a claim lasts, `is_gone` tells of
    an owner whether its process is known to have ended.
    """

    def __init__(
        self,
        *,
        databases: Databases,
        tenants: Tenants,
        owner: str = "",
        seconds: float = 30.0,
        is_gone: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._databases = databases
        self._tenants = tenants
        self._owner = owner
        self._milliseconds = int(seconds * 1000)
        self._is_gone = is_gone

    # ------------------------------------------------------------------------------- for clients

    async def insert(self, snapshot: Snapshot, now: str) -> bool:
        """Store a new snapshot; false if there is one with its id."""
        await self._tenants.ensure(snapshot.tenant, "snapshots")
        document = _encode(snapshot)
        with translated():
            for _ in range(2):
                try:
                    await self._of(snapshot.tenant).insert_one(document)
                except DuplicateKeyError:
                    expired = {"id": snapshot.id, "l": True, "x": {"$lte": now}}
                    ended = await self._of(snapshot.tenant).update_one(expired, _ending())
                    if not ended.modified_count:
                        return False
                else:
                    return True
        return False

    async def fetch(self, tenant: str, snapshot_id: str, now: str) -> Snapshot | None:
        """Return a snapshot, or None."""
        with translated():
            document = await self._of(tenant).find_one(
                {"id": snapshot_id, "l": True, "x": {"$gt": now}}
            )
        return None if document is None else _decode(tenant, document)

    async def find(self, tenant: str, now: str) -> list[Snapshot]:
        """Return all snapshots of a tenant, the one made first first."""
        with translated():
            found = self._of(tenant).find({"l": True, "x": {"$gt": now}}).sort(_BY_AGE)
            return [_decode(tenant, document) for document in await found.to_list()]

    async def replace(self, snapshot: Snapshot) -> bool:
        """Store the next version of what clients define; false if version - 1 is not stored."""
        document = _encode(snapshot)
        names = ("life", "p", "e", "r", "x", "xd", "m", "nt", "v")
        with translated():
            result = await self._of(snapshot.tenant).update_one(
                {"_id": snapshot.key, "l": True, "v": snapshot.version - 1},
                {"$set": {name: document[name] for name in names}},
            )
        return bool(result.matched_count)

    async def end(self, snapshot: Snapshot, now: str) -> bool:
        """Delete a snapshot, its space to go later; false if it has been deleted."""
        return await self._end({"_id": snapshot.key, "l": True}, snapshot.tenant, now)

    async def expire(self, snapshot: Snapshot, now: str) -> bool:
        """End a snapshot whose time has come; false if it was deleted, or given more time."""
        expired = {"_id": snapshot.key, "l": True, "x": {"$lte": now}}
        return await self._end(expired, snapshot.tenant, now)

    async def _end(self, which: Document, tenant: str, now: str) -> bool:
        with translated():
            result = await self._of(tenant).update_one(which, _ending(now))
        return bool(result.modified_count)

    async def touch(self, snapshot: Snapshot, now: str) -> None:
        """Note that a snapshot is used."""
        quickly = self._databases.of(snapshot.tenant).get_collection(
            COLLECTION, write_concern=WriteConcern(w=1, j=False)
        )
        with translated():
            await quickly.update_one({"_id": snapshot.key}, {"$max": {"u": now}})

    # ------------------------------------------------------------------------------ for the work

    async def due(self, now: str) -> list[Snapshot]:
        """Return the snapshots of all tenants with which something is to be done."""
        wanted = {
            "$or": [{"l": False}, {"nt": True}, {"x": {"$lte": now}}, {"st": "preparing"}],
        }
        due: list[Snapshot] = []
        for tenant in await self._all_tenants():
            for document in await self._documents(tenant, wanted):
                try:
                    due.append(_decode(tenant, document))
                except (KeyError, TypeError, ValueError):
                    # One that nobody can read must not stop the others.
                    log.exception("a snapshot cannot be read", extra={"tenant": tenant})
        return due

    async def source_of(self, snapshot: Snapshot) -> Snapshot | None:
        """Return the snapshot a clone is made of, None if it is gone."""
        with translated():
            found = await self._of(snapshot.tenant).find_one({"_id": snapshot.source, "l": True})
        return None if found is None else _decode(snapshot.tenant, found)

    async def claim(self, snapshot: Snapshot) -> int | None:
        """Take the preparation; return how often that was done, None if it is taken."""
        with translated():
            held = await self._of(snapshot.tenant).find_one({"_id": snapshot.key}, {"w": 1})
            owner = (held or {}).get("w", {}).get("o")
            may_take: Document = {"$lt": ["$w.u", "$$NOW"]}  # or not there
            if owner is not None and self._is_gone(owner):
                may_take = {"$or": [may_take, {"$eq": ["$w.o", owner]}]}
            taken = await self._of(snapshot.tenant).find_one_and_update(
                {"_id": snapshot.key, "l": True, "st": "preparing", "$expr": may_take},
                [
                    {
                        "$set": {
                            "w": {
                                "o": self._owner,
                                "u": self._until,
                                "n": {"$add": [{"$ifNull": ["$w.n", 0]}, 1]},
                            }
                        }
                    }
                ],
                projection={"w": 1},
                return_document=True,
            )
        return None if taken is None else int(taken["w"]["n"])

    async def extend(self, snapshot: Snapshot) -> bool:
        """Keep the claim; false if it is lost, or the snapshot has been deleted."""
        with translated():
            result = await self._of(snapshot.tenant).update_one(
                self._mine(snapshot), [{"$set": {"w.u": self._until}}]
            )
        return bool(result.matched_count)

    async def finish(self, snapshot: Snapshot) -> bool:
        """Store status and details and give the claim back; false if it was lost."""
        document = _encode(snapshot)
        has_endpoint = {"$ne": [{"$ifNull": ["$e", None]}, None]}
        change = {
            **{name: {"$literal": document[name]} for name in ("st", "d", "td", "m")},
            "nt": has_endpoint,
            "v": {"$add": ["$v", 1]},
        }
        with translated():
            result = await self._of(snapshot.tenant).update_one(
                self._mine(snapshot), [{"$set": change}, {"$unset": "w"}]
            )
        return bool(result.matched_count)

    async def notified(self, snapshot: Snapshot) -> None:
        """Note that this version has been notified, or that this was given up."""
        with translated():
            await self._of(snapshot.tenant).update_one(
                {"_id": snapshot.key, "v": snapshot.version}, {"$set": {"nt": False}}
            )

    async def remove(self, snapshot: Snapshot) -> None:
        """Forget a snapshot whose space is gone."""
        with translated():
            await self._of(snapshot.tenant).delete_one({"_id": snapshot.key, "l": False})

    async def keys(self) -> set[str]:
        """Return the keys of all snapshots there are."""
        return {
            document["_id"]
            for tenant in await self._all_tenants()
            for document in await self._documents(tenant, {}, {"_id": 1})
        }

    # --------------------------------------------------------------------------------------------

    @property
    def _until(self) -> Document:
        return {"$add": ["$$NOW", self._milliseconds]}

    def _mine(self, snapshot: Snapshot) -> Document:
        return {"_id": snapshot.key, "l": True, "st": "preparing", "w.o": self._owner}

    async def _all_tenants(self) -> list[str]:
        return [space for space in await self._databases.tenants() if not is_snapshot(space)]

    async def _documents(
        self, tenant: str, wanted: Document, projection: Document | None = None
    ) -> list[Document]:
        with translated():
            return await self._of(tenant).find(wanted, projection).sort(_BY_AGE).to_list()

    def _of(self, tenant: str) -> AsyncCollection[Document]:
        return self._databases.of(tenant).get_collection(COLLECTION, write_concern=DURABLE)


def _ending(now: str | None = None) -> list[Document]:
    """Return the update that ends a snapshot: now, or (None) when it had expired."""
    change: Document = {
        "l": False,
        "nt": {"$ne": [{"$ifNull": ["$e", None]}, None]},
        "v": {"$add": ["$v", 1]},
    }
    if now is not None:
        change |= {"x": {"$min": ["$x", now]}, "m": now}
    return [{"$set": change}]


def _encode(snapshot: Snapshot) -> Document:
    return {
        "_id": snapshot.key,
        "id": snapshot.id,
        "l": snapshot.is_live,
        "st": snapshot.status,
        "q": json.dumps([snapshot.queries, snapshot.temporal_queries, snapshot.context]),
        "life": snapshot.lifetime,
        "p": snapshot.priority,
        "e": snapshot.endpoint,
        "r": [list(pair) for pair in snapshot.receiver_info],
        "d": [_encode_details(each) for each in snapshot.details],
        "td": [_encode_details(each) for each in snapshot.temporal_details],
        "c": snapshot.created_at,
        "m": snapshot.modified_at,
        "x": snapshot.expires_at,
        "xd": datetime.fromisoformat(snapshot.expires_at),
        "u": snapshot.last_used_at,
        "src": snapshot.source,
        "nt": snapshot.has_notice,
        "v": snapshot.version,
    }


def _decode(tenant: str, document: Document) -> Snapshot:
    queries, temporal_queries, context = json.loads(document["q"])
    return Snapshot(
        key=document["_id"],
        tenant=tenant,
        id=document["id"],
        queries=tuple(queries),
        temporal_queries=tuple(temporal_queries),
        context=context,
        lifetime=document["life"],
        priority=document["p"],
        endpoint=document["e"],
        receiver_info=tuple((name, value) for name, value in document["r"]),
        status=document["st"],
        details=tuple(_decode_details(each) for each in document["d"]),
        temporal_details=tuple(_decode_details(each) for each in document["td"]),
        created_at=document["c"],
        modified_at=document["m"],
        expires_at=document["x"],
        last_used_at=document["u"],
        source=document["src"],
        is_live=document["l"],
        has_notice=document["nt"],
        version=document["v"],
    )


def _encode_details(details: ExecutionDetails) -> Document:
    return {"s": details.status, "e": details.error, "t": details.detail}


def _decode_details(document: Any) -> ExecutionDetails:
    return ExecutionDetails(document["s"], document["e"], document["t"])
