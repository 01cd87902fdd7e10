"""Reads the entity documents of one tenant within a limit of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor

from broker.storage.mongo.filters_values import Filter

Document: TypeAlias = dict[str, Any]

DEFAULT_TIME = 30.0


@dataclass(frozen=True, slots=True)
class EntityReader:
    """The entities of a tenant, and how long (in seconds) the database may work on one command.

    A command that takes longer fails with pymongo's `ExecutionTimeout`. In a snapshot `session` all
    commands see the entities as they were at the first one.
    """

    collection: AsyncCollection[Document]
    query_time: float = DEFAULT_TIME
    session: AsyncClientSession | None = None

    def find(
        self, filter_: Filter, projection: Mapping[str, int] | None = None, *, limit: int = 0
    ) -> AsyncCursor[Document]:
        """Return a cursor over documents; `limit` 0 is all of them."""
        cursor = self.collection.find(filter_, projection, limit=limit, session=self.session)
        return cursor.max_time_ms(self._milliseconds)

    async def page(
        self, filter_: Filter, order: Sequence[tuple[str, int]], *, size: int, skip: int
    ) -> list[Document]:
        """Return the first documents in an order, after those to skip."""
        cursor = self.find(filter_, limit=size).batch_size(size).sort(list(order)).skip(skip)
        return await cursor.to_list(size)

    async def count(self, filter_: Filter) -> int:
        """Return how many documents there are."""
        return await self.collection.count_documents(
            filter_, self.session, maxTimeMS=self._milliseconds
        )

    @property
    def _milliseconds(self) -> int:
        return max(1, int(self.query_time * 1000))
