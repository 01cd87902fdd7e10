"""Leases and feed positions, in the system database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bson import Int64
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from broker.storage.feed import Position
from broker.storage.mongo.connection import DURABLE, Databases, Document
from broker.storage.mongo.errors import translated

_LONG_AGO = {"$toDate": Int64(0)}


class MongoLease:
    """Implements `broker.storage.feed.Lease`; only the clock of the database counts.

    `is_gone` tells of an owner whether its process is known to have ended: then nobody waits for
    the lease to run out.
    """

    def __init__(
        self,
        databases: Databases,
        *,
        name: str,
        owner: str,
        seconds: float,
        is_gone: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._leases = databases.system.get_collection("leases", write_concern=DURABLE)
        self._name = name
        self._owner = owner
        self._milliseconds = int(seconds * 1000)
        self._is_gone = is_gone
        self._exists = False

    async def acquire(self) -> int | None:
        """Take or extend the lease; return the term, None if somebody else holds it."""
        term = await self._take(gone=None)
        if term is None:
            with translated():
                held = await self._leases.find_one({"_id": self._name})
            owner = None if held is None else held.get("owner")
            if owner is not None and self._is_gone(owner):
                return await self._take(gone=owner)
        return term

    async def _take(self, *, gone: str | None) -> int | None:
        is_mine = {"$eq": ["$owner", self._owner]}
        is_free = {"$lt": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}
        may_take: Document = {"$or": [is_mine, is_free]}
        if gone is not None:
            may_take["$or"].append({"$eq": ["$owner", gone]})
        update: list[Document] = [
            {
                "$set": {
                    "owner": self._owner,
                    "until": {"$add": ["$$NOW", self._milliseconds]},
                    "term": {"$cond": [is_mine, "$term", {"$add": [{"$ifNull": ["$term", 0]}, 1]}]},
                }
            }
        ]
        with translated():
            if not self._exists:
                await self._create()
            held = await self._leases.find_one_and_update(
                {"_id": self._name, "$expr": may_take},
                update,
                return_document=ReturnDocument.AFTER,
            )
        return None if held is None else int(held["term"])

    async def _create(self) -> None:
        with suppress(DuplicateKeyError):
            await self._leases.insert_one({"_id": self._name, "term": 0})
        self._exists = True

    async def release(self) -> None:
        """Give the lease back."""
        with translated():
            await self._leases.update_one(
                {"_id": self._name, "owner": self._owner},
                [{"$set": {"until": _LONG_AGO, "owner": None}}],
            )


class MongoPositionStore:
    """Implements `broker.storage.feed.PositionStore`."""

    def __init__(self, databases: Databases) -> None:
        self._positions = databases.system.get_collection("positions", write_concern=DURABLE)

    async def fetch(self, consumer: str) -> Position | None:
        """Return the position a consumer stored last."""
        with translated():
            document = await self._positions.find_one({"_id": consumer})
        return None if document is None else Position(document["token"], document["at"])

    async def replace(self, consumer: str, position: Position, term: int) -> bool:
        """Store a position; false, and nothing stored, if a later leader has stored one."""
        with translated():
            try:
                await self._positions.update_one(
                    {"_id": consumer, "term": {"$lte": term}},
                    {"$set": {"token": position.token, "at": position.at, "term": term}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return False
        return True
