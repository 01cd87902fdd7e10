"""The entity store on MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from broker.model.changes import EntityOperation, Transition
from broker.model.clock import Clock
from broker.model.entity import Entity
from broker.model.errors import NgsiLdError
from broker.model.expiry import without_expired
from broker.model.spaces import is_snapshot
from broker.query.entity_query import EntityQuery
from broker.storage.entities import EntityPage
from broker.storage.mongo.catalogue import count_of_type
from broker.storage.mongo.commit_group import CommitGroup, GroupLimits
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.documents import decode_entity
from broker.storage.mongo.entity_reader import DEFAULT_TIME, EntityReader
from broker.storage.mongo.entity_search import (
    count_matching,
    find_page,
    matching_among,
    matching_ids,
)
from broker.storage.mongo.errors import translated
from broker.storage.mongo.group_plan import GroupPlan
from broker.storage.mongo.index_advisor import IndexAdvisor
from broker.storage.mongo.lookup_group import LookupGroup
from broker.storage.mongo.neighbours import Neighbours, ToldUpdate, messages_of
from broker.storage.mongo.tenants import Tenants
from broker.storage.mongo.transaction import Transactions

_SNAPSHOTS_AT_HAND = 16


class MongoEntityStore:
    """Implements `broker.storage.entities.EntityStore`."""

    def __init__(
        self,
        *,
        databases: Databases,
        tenants: Tenants,
        clock: Clock,
        limits: GroupLimits,
        advisor: IndexAdvisor | None = None,
        query_time: float = DEFAULT_TIME,
    ) -> None:
        self._transactions = Transactions(databases.client)
        self._databases = databases
        self._tenants = tenants
        self._clock = clock
        self._limits = limits
        self._advisor = advisor
        self._query_time = query_time
        self._neighbours = Neighbours()
        self._groups: dict[str, CommitGroup] = {}
        self._lookups: dict[str, LookupGroup] = {}

    async def apply(
        self, tenant: str, entity_id: str, operation: EntityOperation, token: str | None = None
    ) -> Transition:
        """Apply an operation to one entity and return when the result is durable."""
        group = self._groups.get(tenant) or await self._open_group(tenant)
        return await group.enter([(entity_id, operation)], None if token is None else [token])[0]

    async def apply_many(
        self,
        tenant: str,
        operations: Sequence[tuple[str, EntityOperation]],
        tokens: Sequence[str | None] | None = None,
    ) -> list[Transition | NgsiLdError]:
        """Apply operations in order, each by itself."""
        group = self._groups.get(tenant) or await self._open_group(tenant)
        outcomes = await asyncio.gather(*group.enter(operations, tokens), return_exceptions=True)
        return [_expected(outcome) for outcome in outcomes]

    async def fetch(self, tenant: str, entity_id: str) -> Entity | None:
        """Return an entity, or None."""
        document = await self._lookup(tenant).fetch(entity_id)
        return None if document is None else self._live(document)

    async def fetch_many(self, tenant: str, entity_ids: Sequence[str]) -> dict[str, Entity]:
        """Return those of the entities that exist, by id."""
        documents = await self._lookup(tenant).fetch_many(entity_ids)
        live = (self._live(document) for document in documents)
        return {entity.id: entity for entity in live if entity is not None}

    async def find(self, tenant: str, query: EntityQuery) -> EntityPage:
        """Return one page of the entities that match."""
        page = await find_page(self._reader(tenant, query), query)
        return EntityPage(page.entities, page.next_cursor, page.previous_cursor)

    async def count(self, tenant: str, query: EntityQuery) -> int:
        """Return how many entities match, whatever the page."""
        reader = self._reader(tenant, query)
        if query.only_type is None:
            return await count_matching(reader, query)
        with translated():
            return await count_of_type(self._databases.of(tenant), query.only_type, query.now)

    async def find_ids(
        self, tenant: str, query: EntityQuery, *, most: int, among: Sequence[str] | None = None
    ) -> list[str]:
        """Return the ids of all that match in their order, at most one more than `most`."""
        reader = self._reader(tenant, query)
        return await matching_ids(reader, query, most=most, among=among)

    async def find_among(
        self, tenant: str, query: EntityQuery, entity_ids: Sequence[str]
    ) -> dict[str, Entity]:
        """Return those of some entities that match, by id."""
        return await matching_among(self._reader(tenant, query), query, entity_ids)

    async def find_expired(self, now: str, *, limit: int) -> list[tuple[str, str]]:
        """Return tenants and ids of entities of which something expired before a time."""
        due: list[tuple[str, str]] = []
        for tenant in await self._databases.tenants():
            entities = self._databases.of(tenant)["entities"]
            with translated():
                expired = entities.find({"xa": {"$lte": now}}, {"_id": 1})
                found = await expired.limit(limit - len(due)).to_list()
            due += [(tenant, document["_id"]) for document in found]
            if len(due) >= limit:
                break
        return due

    @contextmanager
    def sharing_with(self, neighbours: Neighbours) -> Iterator[None]:
        """Tell the other workers of this node what is written, and go on from what they tell."""
        self._neighbours = neighbours
        try:
            with neighbours.listening(self._hear):
                yield
        finally:
            self._neighbours = Neighbours()

    @property
    def queue_length(self) -> int:
        """The number of writes that wait, over all tenants."""
        return sum(group.queue_length for group in self._groups.values())

    def _reader(self, tenant: str, query: EntityQuery) -> EntityReader:
        if self._advisor is not None:
            self._advisor.observe(tenant, query)
        return EntityReader(self._databases.of(tenant)["entities"], self._query_time)

    def _lookup(self, tenant: str) -> LookupGroup:
        lookup = self._lookups.get(tenant)
        if lookup is None:
            _forget_snapshots(self._lookups)
            lookup = self._lookups[tenant] = LookupGroup(
                self._databases.client, self._databases.of(tenant)
            )
        return lookup

    async def _open_group(self, tenant: str) -> CommitGroup:
        await self._tenants.ensure(tenant)
        group = self._groups.get(tenant)
        if group is None:
            _forget_snapshots(self._groups)
            group = self._groups[tenant] = CommitGroup(
                transactions=self._transactions,
                database=self._databases.of(tenant),
                clock=self._clock,
                limits=self._limits,
                telling=partial(self._telling, tenant),
            )
        return group

    def _telling(self, tenant: str, plan: GroupPlan) -> Callable[[], None]:
        """Return what tells the other workers of a plan: to be called once it is committed."""
        neighbours = self._neighbours
        messages = messages_of(tenant, plan.told()) if neighbours.are_there else ()
        return partial(neighbours.tell, messages)

    def _hear(self, tenant: str, updates: Sequence[ToldUpdate]) -> None:
        group = self._groups.get(tenant)
        if group is not None:
            group.hear(updates)

    def _live(self, document: Document) -> Entity | None:
        entity = decode_entity(document)
        if "xa" in document or "xd" in document:  # alone where it was stored before both were one
            return without_expired(entity, self._clock())
        return entity


def _forget_snapshots(groups: dict[str, Any]) -> None:
    """Let go of groups of snapshots, the oldest ones, that nobody may need any more.

    What one has under way it finishes; whoever needs it again makes a new one.
    """
    snapshots = [space for space in groups if is_snapshot(space)]
    for space in snapshots[:-_SNAPSHOTS_AT_HAND]:
        del groups[space]


def _expected(outcome: Transition | BaseException) -> Transition | NgsiLdError:
    if isinstance(outcome, Transition | NgsiLdError):
        return outcome
    raise outcome
