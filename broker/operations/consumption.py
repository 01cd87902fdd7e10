"""Context information consumption: entities as they are now (clauses 5.7.1, 5.7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from broker.model.clock import Clock
from broker.model.entity import Entity
from broker.model.errors import EntityNotFound, TooManyResults
from broker.operations.caller import Caller
from broker.operations.conditions import UNCONDITIONAL, Conditions
from broker.operations.tenancy import Tenancy
from broker.query.entity_query import EntityQuery
from broker.representations.linked import Links, Loaded, missing_targets
from broker.representations.options import RepresentationOptions
from broker.storage.entities import EntityStore

MOST_LINKED = 5_000


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A page of entities, the cursors of its neighbours, and the size of the whole result.

    `count` is given where the query asks for it, `offset` (the number of entities before the page)
    where the page is one of an entity map.
    """

    entities: list[Entity]
    next_cursor: str | None = None
    count: int | None = None
    previous_cursor: str | None = None
    offset: int | None = None


class EntityConsumption:
    """Reads never return what has expired. All raise NonexistentTenant and DatabaseUnavailable."""

    def __init__(self, *, entities: EntityStore, tenancy: Tenancy, clock: Clock) -> None:
        self._entities = entities
        self._tenancy = tenancy
        self._clock = clock

    async def retrieve_entity(
        self, caller: Caller, entity_id: str, conditions: Conditions = UNCONDITIONAL
    ) -> Entity:
        """Retrieve Entity (5.7.1). Raises EntityNotFound."""
        await self._tenancy.require(caller)
        entity = await self._entities.fetch(caller.space, entity_id)
        if entity is None:
            raise EntityNotFound(f"the entity <{entity_id}> does not exist")
        conditions.check(entity, entity_id)
        return entity

    async def linked_entities(
        self, caller: Caller, entities: list[Entity], links: Links, options: RepresentationOptions
    ) -> Loaded:
        """Return what is needed to write the entities with those they link to (4.5.23).

        Raises TooManyResults when that is more than can be kept in memory.
        """
        loaded: dict[str, Entity | None] = {}
        while missing := missing_targets(entities, links, options, loaded):
            if len(loaded) + len(missing) > MOST_LINKED:
                raise TooManyResults(
                    f"the answer links to more than {MOST_LINKED} entities; "
                    "ask for a smaller page, a lower joinLevel or fewer attributes"
                )
            found = await self._entities.fetch_many(caller.space, sorted(missing))
            loaded.update({entity_id: found.get(entity_id) for entity_id in missing})
        return loaded

    async def query_entities(self, caller: Caller, query: EntityQuery) -> QueryResult:
        """Query Entities (5.7.2). Raises BadRequestData, TooComplexQuery."""
        await self._tenancy.require(caller)
        query = query.evolve(now=self._clock())
        count = await self._entities.count(caller.space, query) if query.with_count else None
        if query.page.limit == 0:
            return QueryResult([], count=count)
        page = await self._entities.find(caller.space, query)
        return QueryResult(page.entities, page.next_cursor, count, page.previous_cursor)
