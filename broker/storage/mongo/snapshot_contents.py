"""The spaces of snapshots on MongoDB: a database each, beside that of their tenant.

What goes in is written without waiting for the journal: the status of the snapshot, which is
written last, waits for all of it, and a snapshot without a final status is filled from the start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.write_concern import WriteConcern

from broker.model.entity import Entity, Instance, extended, instance_of
from broker.model.spaces import is_snapshot
from broker.query.entity_query import EntityQuery, Page
from broker.storage.mongo.catalogue import COLLECTION as CATALOGUE
from broker.storage.mongo.catalogue import Key, catalogue_updates, count_difference
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.documents import decode_entity, encode_entity
from broker.storage.mongo.entity_reader import DEFAULT_TIME, EntityReader
from broker.storage.mongo.entity_search import count_matching, find_page
from broker.storage.mongo.errors import translated
from broker.storage.mongo.history import History
from broker.storage.mongo.tenants import Tenants

_AT_ONCE = 200
_COPIED_AT_ONCE = 500
_QUICKLY = WriteConcern(w=1, j=False)
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


class MongoMoment:
    """Implements `broker.storage.snapshots.Moment` with a snapshot session of the database."""

    def __init__(self, reader: EntityReader) -> None:
        self._reader = reader

    async def count(self, query: EntityQuery) -> int:
        """Return how many entities match."""
        return await count_matching(self._reader, query)

    async def pages(self, query: EntityQuery) -> AsyncIterator[list[Entity]]:
        """Yield all that match, portion by portion."""
        page = Page(limit=_AT_ONCE)
        while True:
            found = await find_page(self._reader, query.evolve(ordering=None, page=page))
            if found.entities:
                yield found.entities
            if found.next_cursor is None:
                return
            page = Page(limit=_AT_ONCE, cursor=found.next_cursor)

    async def fetch_many(self, entity_ids: Sequence[str]) -> dict[str, Entity]:
        """Return those of the entities that exist, by id."""
        with translated():
            documents = await self._reader.find({"_id": {"$in": list(entity_ids)}}).to_list()
        return {document["_id"]: decode_entity(document) for document in documents}


class MongoSnapshotContents:
    """Implements `broker.storage.snapshots.SnapshotContents`."""

    def __init__(
        self, *, databases: Databases, tenants: Tenants, query_time: float = DEFAULT_TIME
    ) -> None:
        self._databases = databases
        self._tenants = tenants
        self._query_time = query_time
        self._history = History(databases.client)

    async def begin(self, space: str) -> None:
        """Make an empty space, whatever was there."""
        await self.drop(space)
        await self._tenants.ensure(space)

    @asynccontextmanager
    async def moment(self, space: str) -> AsyncIterator[MongoMoment]:
        """Return the entities of a space as they are now."""
        async with self._session() as session:
            entities = self._databases.of(space)["entities"]
            yield MongoMoment(EntityReader(entities, self._query_time, session))

    async def add(self, space: str, entities: Sequence[Entity]) -> None:
        """Put entities into a space; attributes of one that is there are added to it."""
        collection = self._entities(space)
        ids = list({entity.id for entity in entities})
        with translated():
            there = await collection.find({"_id": {"$in": ids}}).to_list()
            before = {document["_id"]: decode_entity(document) for document in there}
            after = dict(before)
            for entity in entities:
                known = after.get(entity.id)
                after[entity.id] = entity if known is None else _together(known, entity)
            await collection.bulk_write(
                [
                    ReplaceOne({"_id": entity.id}, encode_entity(entity))
                    if entity.id in before
                    else InsertOne(encode_entity(entity))
                    for entity in after.values()
                ],
                ordered=False,
            )
            await self._count(space, before, after)

    async def _count(self, space: str, before: dict[str, Entity], after: dict[str, Entity]) -> None:
        counts: Counter[Key] = Counter()
        for entity_id, entity in after.items():
            known = before.get(entity_id)
            count_difference(known, entity, entity.attributes, counts)
        updates = catalogue_updates(counts, "filling")
        if updates:
            await self._databases.of(space).command("update", CATALOGUE, updates=updates)

    async def copy(self, source: str, target: str) -> AsyncIterator[int]:
        """Copy all entities of one moment, yielding how many were copied at a time."""
        async with self._session() as session:
            for name in ("entities", CATALOGUE):
                async for count in self._copy(source, target, name, session):
                    yield count

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncClientSession]:
        with translated():
            async with (
                self._history.kept(),
                self._databases.client.start_session(snapshot=True) as session,
            ):
                yield session

    async def _copy(
        self, source: str, target: str, name: str, session: AsyncClientSession
    ) -> AsyncIterator[int]:
        given = self._databases.of(source).get_collection(name, codec_options=_RAW)
        taken = self._databases.of(target).get_collection(
            name, codec_options=_RAW, write_concern=_QUICKLY
        )
        with translated():
            portion: list[Any] = []
            async for document in given.find({}, session=session, batch_size=_COPIED_AT_ONCE):
                portion.append(document)
                if len(portion) == _COPIED_AT_ONCE:
                    await taken.insert_many(portion, ordered=False)
                    yield len(portion)
                    portion = []
            if portion:
                await taken.insert_many(portion, ordered=False)
                yield len(portion)

    async def drop(self, space: str) -> None:
        """Remove the space of a snapshot with all that is in it; ValueError for one of a tenant."""
        if not is_snapshot(space):
            raise ValueError("only the space of a snapshot can be dropped")
        with translated():
            await self._databases.client.drop_database(self._databases.name_of(space))
        self._tenants.forget_one(space)

    async def spaces(self) -> list[str]:
        """Return the spaces of snapshots there are."""
        return [space for space in await self._databases.tenants() if is_snapshot(space)]

    def _entities(self, space: str) -> AsyncCollection[Document]:
        return self._databases.of(space).get_collection("entities", write_concern=_QUICKLY)


def _together(one: Entity, other: Entity) -> Entity:
    """Return an entity of which two queries gave different parts."""
    attributes: dict[str, list[Instance]] = {**one.attributes}
    for name, instances in other.attributes.items():
        attributes[name] = _union(attributes.get(name, []), instances)
    return one.evolve(attributes=attributes, scopes=extended(one.scopes, other.scopes))


def _union(one: list[Instance], other: list[Instance]) -> list[Instance]:
    added = [instance for instance in other if instance_of(one, instance.get("datasetId")) is None]
    return one + added
