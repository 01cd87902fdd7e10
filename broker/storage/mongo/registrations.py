"""Context source registrations on MongoDB.

Collection `registrations` of the tenant's database, one document each:

    {"_id": id, "v": version, "c": createdAt, "m": modifiedAt, "d": definition (JSON text, for its
     names may be anything), "t": [types] or ["*"] for any, "n": [attributes] or ["*"] for any,
     "p": exclusive or redirect, "xd": expiresAt in the fixed-width form}

Collection `registrationLog` has one document a change, `{"_id": revision, "at": time, "b": document
before, "a": document after}`, written in the same transaction. That the latest
revision is one document, `{"_id": "registrations", "r": revision}` in `registry`, puts all changes
of a tenant into one order. `signals` of the system database has a number for each tenant, raised
after every change, so that whoever waits for changes need not ask every tenant.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from broker.model.clock import Clock
from broker.model.registration import Registration
from broker.query.registration_query import RegistrationQuery
from broker.storage.mongo.connection import DURABLE, Databases, Document
from broker.storage.mongo.errors import translated
from broker.storage.mongo.registration_signals import signal
from broker.storage.mongo.tenants import Tenants
from broker.storage.registrations import Outcome, RegistrationChange

_ANY = "*"
_LOCAL = ReadConcern("local")
_HEAD = {"_id": "registrations"}
_OLDEST_FIRST = [("c", 1), ("_id", 1)]

_Step = Callable[[AsyncClientSession], Awaitable[Outcome]]


class MongoRegistrationStore:
    """Implements `broker.storage.registrations.RegistrationStore`."""

    def __init__(self, *, databases: Databases, tenants: Tenants, clock: Clock) -> None:
        self._databases = databases
        self._tenants = tenants
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def revision(self, tenant: str) -> int:
        """Return the revision of the latest change, 0 before the first."""
        with translated():
            head = await self._databases.of(tenant)["registry"].find_one(_HEAD)
        return 0 if head is None else int(head["r"])

    async def insert(self, registration: Registration, *, revision: int | None = None) -> Outcome:
        """Store a new registration, creating its tenant."""
        tenant = registration.tenant
        await self._tenants.ensure(tenant, "registrations")
        document = _encode(registration)

        async def step(session: AsyncClientSession) -> Outcome:
            try:
                await self._collection(tenant).insert_one(document, session=session)
            except DuplicateKeyError:
                return Outcome.EXISTS
            return await self._record(session, tenant, (None, document), revision)

        with translated():
            # made outside the transaction, where two that make it at once do not hinder each other
            registry = self._databases.of(tenant)["registry"]
            await registry.update_one(_HEAD, {"$setOnInsert": {"r": 0}}, upsert=True)
        return await self._transact(tenant, step)

    async def replace(self, registration: Registration, *, revision: int | None = None) -> Outcome:
        """Store the next version; OUTDATED, too, if version - 1 is not the stored one."""
        document = _encode(registration)
        which = {"_id": registration.id, "v": registration.version - 1}
        tenant = registration.tenant

        async def step(session: AsyncClientSession) -> Outcome:
            collection = self._collection(tenant)
            before = await collection.find_one_and_replace(which, document, session=session)
            if before is None:
                return Outcome.OUTDATED
            return await self._record(session, tenant, (before, document), revision)

        return await self._transact(tenant, step)

    async def fetch(self, tenant: str, registration_id: str) -> Registration | None:
        """Return a registration, or None."""
        with translated():
            document = await self._collection(tenant).find_one({"_id": registration_id})
        return None if document is None else _decode(tenant, document)

    async def candidates(
        self, tenant: str, query: RegistrationQuery
    ) -> AsyncIterator[Registration]:
        """Yield all registrations that may match a request, the oldest first."""
        with translated():
            async for document in self._collection(tenant).find(_filter(query)).sort(_OLDEST_FIRST):
                yield _decode(tenant, document)

    async def find_proxied(self, tenant: str) -> list[Registration]:
        """Return the registrations of the modes exclusive and redirect."""
        with translated():
            documents = await self._collection(tenant).find({"p": True}).to_list()
        return [_decode(tenant, document) for document in documents]

    async def delete(
        self, tenant: str, registration_id: str, *, expired_by: str | None = None
    ) -> bool:
        """Delete a registration; false if there is none (that has expired by a time)."""
        which: Document = {"_id": registration_id}
        if expired_by is not None:
            which["xd"] = {"$lte": expired_by}

        async def step(session: AsyncClientSession) -> Outcome:
            collection = self._collection(tenant)
            before = await collection.find_one_and_delete(which, session=session)
            if before is None:
                return Outcome.OUTDATED
            return await self._record(session, tenant, (before, None), None)

        return await self._transact(tenant, step) is Outcome.DONE

    async def changes(self, tenant: str, *, after: int, limit: int) -> list[RegistrationChange]:
        """Return the first changes after a revision, in order; old ones may be forgotten."""
        log = self._databases.of(tenant)["registrationLog"]
        with translated():
            records = await log.find({"_id": {"$gt": after}}).sort("_id", 1).limit(limit).to_list()
        return [
            RegistrationChange(
                revision=record["_id"],
                before=_decode(tenant, record["b"]) if "b" in record else None,
                after=_decode(tenant, record["a"]) if "a" in record else None,
            )
            for record in records
        ]

    async def forget(self, tenant: str, *, before: str) -> None:
        """Forget the changes before a time, but for the latest."""
        log = self._databases.of(tenant)["registrationLog"]
        latest = await self.revision(tenant)
        with translated():
            await log.delete_many({"_id": {"$lt": latest}, "at": {"$lt": before}})

    async def find_expired(self, now: str, *, limit: int) -> list[tuple[str, str]]:
        """Return tenants and ids of registrations that expired before a time."""
        due: list[tuple[str, str]] = []
        for tenant in await self._databases.tenants():
            cursor = self._collection(tenant).find({"xd": {"$lte": now}}, {"_id": 1})
            with translated():
                found = await cursor.limit(limit - len(due)).to_list()
            due += [(tenant, document["_id"]) for document in found]
            if len(due) >= limit:
                break
        return due

    async def _transact(self, tenant: str, step: _Step) -> Outcome:
        """Take a step in a transaction, which is undone unless it is DONE; then signal it.

        All changes of a tenant meet in one document: those of this process wait for their turn,
        those of others conflict and are tried again.
        """

        async def attempt(session: AsyncClientSession) -> Outcome:
            outcome = await step(session)
            if outcome is not Outcome.DONE:
                await session.abort_transaction()
            return outcome

        with translated():
            async with self._turns[tenant], self._databases.client.start_session() as session:
                outcome = await session.with_transaction(
                    attempt, read_concern=_LOCAL, write_concern=DURABLE
                )
        if outcome is Outcome.DONE:
            await signal(self._databases, tenant)
        return outcome

    async def _record(
        self,
        session: AsyncClientSession,
        tenant: str,
        states: tuple[Document | None, Document | None],
        revision: int | None,
    ) -> Outcome:
        """Write the record of a change under the next revision; OUTDATED if `revision` is past."""
        database = self._databases.of(tenant)
        head = await database["registry"].find_one_and_update(
            _HEAD, {"$inc": {"r": 1}}, return_document=ReturnDocument.AFTER, session=session
        )
        latest = 1 if head is None else int(head["r"])
        if revision is not None and latest != revision + 1:
            return Outcome.OUTDATED
        record: Document = {"_id": latest, "at": self._clock()}
        record |= {key: one for key, one in zip("ba", states, strict=True) if one is not None}
        await database["registrationLog"].insert_one(record, session=session)
        return Outcome.DONE

    def _collection(self, tenant: str) -> Any:
        return self._databases.of(tenant)["registrations"]


def _encode(registration: Registration) -> Document:
    information = registration.information
    types = {name for info in information for one in info.entities for name in one.types}
    names = frozenset().union(*(info.attributes for info in information))
    has_any_type = any(not info.entities for info in information)
    has_any_name = any(not info.attributes for info in information)
    document: Document = {
        "_id": registration.id,
        "v": registration.version,
        "c": registration.created_at,
        "m": registration.modified_at,
        "d": json.dumps(registration.definition, ensure_ascii=False),
        "t": [_ANY] if has_any_type else sorted(types),
        "n": [_ANY] if has_any_name else sorted(names),
    }
    if registration.mode in {"exclusive", "redirect"}:
        document["p"] = True
    if registration.expires_at is not None:
        document["xd"] = registration.expires_at
    return document


def _decode(tenant: str, document: Document) -> Registration:
    return Registration(
        id=document["_id"],
        tenant=tenant,
        definition=json.loads(document["d"]),
        created_at=document["c"],
        modified_at=document["m"],
        version=document["v"],
    )


def _filter(query: RegistrationQuery) -> Document:
    wanted: Document = {}
    if query.selectors and all(selector.types for selector in query.selectors):
        types = {name for selector in query.selectors for names in selector.types for name in names}
        wanted["t"] = {"$in": [_ANY, *sorted(types)]}
    if query.attributes:
        wanted["n"] = {"$in": [_ANY, *sorted(query.attributes)]}
    return wanted
