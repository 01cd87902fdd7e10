"""Purge Entities (clause 5.6.21): delete all that match, or some attributes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from broker.model import patching
from broker.model.changes import EntityOperation
from broker.model.clock import Clock
from broker.model.errors import BadRequestData, EntityNotFound, NgsiLdError
from broker.operations.batch import BatchResult, Refusal
from broker.operations.caller import Caller
from broker.operations.mapped_queries import MappedQueries
from broker.operations.tenancy import Tenancy
from broker.query.entity_query import EntityQuery, Page
from broker.query.matching import compile_query
from broker.storage.entities import EntityStore

ENTITIES_A_STEP = 500


@dataclass(frozen=True, slots=True)
class Purge:
    """What to purge: the entities a query finds, or only their attributes in `drop`, or only those
    not in `keep` (expanded names; `scope` is the scope). With `map_id`, only entities of that map.
    """

    query: EntityQuery
    drop: frozenset[str] | None = None
    keep: frozenset[str] | None = None
    map_id: str | None = None


class Purging:
    """Works in steps, each durable by itself; entities are not held in memory all at once."""

    def __init__(
        self, *, entities: EntityStore, maps: MappedQueries, tenancy: Tenancy, clock: Clock
    ) -> None:
        self._entities = entities
        self._maps = maps
        self._tenancy = tenancy
        self._clock = clock

    async def purge_entities(self, caller: Caller, purge: Purge) -> BatchResult:
        """Purge Entities (5.6.21). Raises BadRequestData, NonexistentTenant, ResourceNotFound.

        An entity that no longer matches when its turn comes is left alone.
        """
        result = BatchResult()
        matches = compile_query(purge.query)
        async for entity_ids in self._steps(caller, purge):
            operations = [
                (one, patching.only_where(_operation(one, purge), one, matches))
                for one in entity_ids
            ]
            outcomes = await self._entities.apply_many(caller.space, operations)
            for entity_id, outcome in zip(entity_ids, outcomes, strict=True):
                if isinstance(outcome, EntityNotFound):
                    continue
                if isinstance(outcome, NgsiLdError):
                    result.errors.append(Refusal(entity_id, outcome))
                else:
                    result.success.append(entity_id)
        return result

    async def preview(self, caller: Caller, purge: Purge) -> list[str]:
        """Return the ids of the entities a purge would touch."""
        return [entity_id async for step in self._steps(caller, purge) for entity_id in step]

    async def _steps(self, caller: Caller, purge: Purge) -> AsyncIterator[list[str]]:
        if purge.drop is not None and purge.keep is not None:
            raise BadRequestData("a purge either drops attributes or keeps some, not both")
        await self._tenancy.require(caller)
        query = purge.query.evolve(now=self._clock(), page=Page(limit=ENTITIES_A_STEP))
        if purge.map_id is not None:
            async for entity_ids in self._maps.matching_ids(caller, query, purge.map_id):
                yield entity_ids
            return
        while True:
            page = await self._entities.find(caller.space, query)
            if page.entities:
                yield [entity.id for entity in page.entities]
            if page.next_cursor is None:
                return
            query = query.evolve(page=Page(limit=ENTITIES_A_STEP, cursor=page.next_cursor))


def _operation(entity_id: str, purge: Purge) -> EntityOperation:
    if purge.drop is None and purge.keep is None:
        return patching.delete_entity(entity_id)
    return patching.purge_attributes(entity_id, drop=purge.drop, keep=purge.keep)
