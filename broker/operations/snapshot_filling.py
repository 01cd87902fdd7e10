"""Fills snapshots with what their queries find (clauses 5.16.1.4, 5.16.2.4).

All queries of a snapshot are answered as of one moment. Entities travel in portions; between two
of them others get their turn, and it is looked whether the snapshot is still wanted. Where queries
are to be answered by other brokers as well, `SnapshotContents.moment` is the place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from broker.contexts.context import Context
from broker.contexts.resolver import ContextResolver
from broker.model.clock import Clock
from broker.model.entity import Entity
from broker.model.errors import NgsiLdError, Overloaded, TooManyResults
from broker.model.snapshot import ExecutionDetails, Snapshot, status_of
from broker.query.entity_query import EntityQuery
from broker.representations.extraction import extracted, extracted_links
from broker.representations.linked import Links, missing_targets
from broker.representations.options import RepresentationOptions
from broker.storage.snapshots import Moment, SnapshotContents

Keep: TypeAlias = Callable[[], Awaitable[None]]
"""Says that the work goes on; raises whatever is to end it."""

_NO_TEMPORAL = ExecutionDetails(
    "failure", "OperationNotSupported", "this broker answers no temporal queries yet"
)


@dataclass(frozen=True, slots=True)
class SnapshotQuery:
    """A query whose result becomes part of a snapshot: the entities, and what of them is kept."""

    query: EntityQuery
    options: RepresentationOptions
    links: Links | None = None


ReadQuery: TypeAlias = Callable[[Any, Context], SnapshotQuery]
"""Reads a Query object (5.2.23). Raises BadRequestData, TooComplexQuery."""


class SnapshotFilling:
    """Both methods return the snapshot with its final status; they raise what `keep` raises, and
    DatabaseUnavailable."""

    def __init__(
        self,
        *,
        contents: SnapshotContents,
        contexts: ContextResolver,
        read_query: ReadQuery,
        clock: Clock,
        most_entities: int,
    ) -> None:
        self._contents = contents
        self._contexts = contexts
        self._read_query = read_query
        self._clock = clock
        self._most = most_entities

    async def fill(self, snapshot: Snapshot, keep: Keep) -> Snapshot:
        """Execute the queries of a snapshot and keep what they find."""
        await self._contents.begin(snapshot.space)
        details: list[ExecutionDetails] = []
        count = 0
        async with self._contents.moment(snapshot.tenant) as moment:
            for body in snapshot.queries:
                await keep()
                try:
                    found = await self._execute(snapshot, body, moment, count, keep)
                except Overloaded:
                    raise
                except NgsiLdError as error:
                    details.append(_failure(error))
                else:
                    count += found
                    details.append(ExecutionDetails("success" if found else "empty"))
        temporal = tuple(_NO_TEMPORAL for _ in snapshot.temporal_queries)
        return snapshot.evolve(
            status=status_of((*details, *temporal)),
            details=tuple(details),
            temporal_details=temporal,
            modified_at=self._clock(),
        )

    async def clone(self, snapshot: Snapshot, source: Snapshot | None, keep: Keep) -> Snapshot:
        """Copy the entities of another snapshot; None: it is gone."""
        if source is None:
            return snapshot.evolve(status="failure", modified_at=self._clock())
        await self._contents.begin(snapshot.space)
        async for _ in self._contents.copy(source.space, snapshot.space):
            await keep()
        return snapshot.evolve(
            status="success",
            details=source.details,
            temporal_details=source.temporal_details,
            modified_at=self._clock(),
        )

    async def _execute(
        self, snapshot: Snapshot, body: Any, moment: Moment, before: int, keep: Keep
    ) -> int:
        """Keep what one query finds; return how many entities that is."""
        context = await self._contexts.resolve(snapshot.context, tenant=snapshot.tenant)
        asked = self._read_query(body, context)
        query = asked.query.evolve(now=self._clock())
        count = await moment.count(query)
        if before + count > self._most:
            raise TooManyResults(
                f"the query finds {count} entities, after {before} of others; a snapshot holds "
                f"{self._most} on this broker"
            )
        async for entities in moment.pages(query):
            kept = [extracted(entity, asked.options) for entity in entities]
            kept += await self._linked(entities, asked, moment)
            await self._contents.add(snapshot.space, kept)
            await keep()
            await asyncio.sleep(0)
        return count

    async def _linked(
        self, entities: list[Entity], asked: SnapshotQuery, moment: Moment
    ) -> list[Entity]:
        if asked.links is None:
            return []
        loaded: dict[str, Entity | None] = {}
        while missing := missing_targets(entities, asked.links, asked.options, loaded):
            if len(loaded) + len(missing) > self._most:
                raise TooManyResults(f"the query links to more than {self._most} entities")
            found = await moment.fetch_many(sorted(missing))
            loaded.update({entity_id: found.get(entity_id) for entity_id in missing})
        return list(extracted_links(entities, asked.options, asked.links, loaded))


def _failure(error: NgsiLdError) -> ExecutionDetails:
    return ExecutionDetails("failure", type(error).__name__, error.detail)
