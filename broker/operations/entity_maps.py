"""Entity maps: which entities a sequence of requests is about (clauses 4.3.6.7, 5.5.14, 5.14).

A map fixes the entities and their order when it is made. What this broker holds is listed under
`@none`; entities of other brokers, and the maps those made, come with federation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from broker.model.clock import Clock, format_time
from broker.model.errors import ResourceNotFound, TooManyResults
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy
from broker.query.entity_query import EntityQuery
from broker.storage.entities import EntityStore
from broker.storage.entity_maps import EntityMapStore, StoredEntityMap


@dataclass(frozen=True, slots=True)
class EntityMapLimits:
    """What the operator allows: maps of a tenant, entities of a map, seconds that one lives."""

    maps: int = 1000
    entities: int = 100_000
    lifetime: float = 300.0
    longest_lifetime: float = 3600.0


@dataclass(frozen=True, slots=True)
class MapRequest:
    """What a request says of an entity map: which one to use, how long a new one is wanted."""

    map_id: str | None = None
    lifetime: float | None = None
    is_split: bool = False


@dataclass(frozen=True, slots=True)
class EntityMap:
    """An entity map (5.2.39). `expires_at` is in the fixed-width form."""

    id: str
    expires_at: str
    entity_ids: tuple[str, ...]


class EntityMaps:
    """Each method raises NonexistentTenant and DatabaseUnavailable."""

    def __init__(
        self,
        *,
        maps: EntityMapStore,
        entities: EntityStore,
        tenancy: Tenancy,
        clock: Clock,
        limits: EntityMapLimits,
    ) -> None:
        self._maps = maps
        self._entities = entities
        self._tenancy = tenancy
        self._clock = clock
        self._limits = limits

    async def create_for_query(
        self, caller: Caller, query: EntityQuery, *, lifetime: float | None, is_split: bool = False
    ) -> EntityMap:
        """Create EntityMap for Query Entities (5.14.4).

        `lifetime` is what the client suggests, in seconds. Where entities may be split, the map
        holds all that the selectors find; the rest is tested page by page. Raises BadRequestData,
        TooComplexQuery, TooManyResults.
        """
        await self._tenancy.require(caller)
        wanted = query.evolve(now=self._clock())
        if is_split:
            wanted = wanted.evolve(attributes=(), condition=None, geo=None, scope=())
        most = self._limits.entities
        entity_ids = await self._entities.find_ids(caller.space, wanted, most=most)
        if len(entity_ids) > most:
            raise TooManyResults(
                f"the query finds more than {most} entities; an entity map holds no more, "
                "so make the query more selective"
            )
        return await self._store(caller, entity_ids, meaning_of(query), lifetime)

    async def map_of_entity(self, caller: Caller, entity_id: str, asked: MapRequest) -> str:
        """Return the map a retrieval uses: the one asked for, or a new one (5.7.1.4).

        The entity is held here, so the map decides nothing yet but which sources to ask.
        """
        if asked.map_id is not None and await self.find(caller, asked.map_id) is not None:
            return asked.map_id
        return (await self._store(caller, [entity_id], "", asked.lifetime)).id

    async def retrieve_entity_map(self, caller: Caller, map_id: str) -> EntityMap:
        """Retrieve EntityMap (5.14.1). Raises ResourceNotFound."""
        await self._tenancy.require(caller)
        found = await self.find(caller, map_id)
        if found is None:
            raise map_not_found(map_id)
        portions = [part async for part in self._maps.entries(caller.space, map_id)]
        entity_ids = tuple(entity_id for part in portions for _, entity_id in part)
        return EntityMap(map_id, found.expires_at, entity_ids)

    async def update_entity_map(self, caller: Caller, map_id: str, expires_at: str | None) -> None:
        """Update EntityMap (5.14.2): let it end at another time, within the operator's limit.

        Raises ResourceNotFound.
        """
        await self._tenancy.require(caller)
        now = self._clock()
        if expires_at is None:
            is_there = await self.find(caller, map_id) is not None
        else:
            latest = _after(now, self._limits.longest_lifetime)
            expiry = min(expires_at, latest)
            is_there = await self._maps.replace_expiry(caller.space, map_id, expiry, now)
        if not is_there:
            raise map_not_found(map_id)

    async def delete_entity_map(self, caller: Caller, map_id: str) -> None:
        """Delete EntityMap (5.14.3). Raises ResourceNotFound."""
        await self._tenancy.require(caller)
        if not await self._maps.delete(caller.space, map_id, self._clock()):
            raise map_not_found(map_id)

    async def find(self, caller: Caller, map_id: str) -> StoredEntityMap | None:
        """Return a map that can be used, or None."""
        return await self._maps.fetch(caller.space, map_id, self._clock())

    async def _store(
        self, caller: Caller, entity_ids: list[str], meaning: str, lifetime: float | None
    ) -> EntityMap:
        limits = self._limits
        wished = limits.lifetime if lifetime is None else lifetime
        expires_at = _after(self._clock(), min(wished, limits.longest_lifetime))
        stored = StoredEntityMap(f"urn:ngsi-ld:EntityMap:{uuid4()}", expires_at, meaning)
        await self._maps.insert(caller.space, stored, entity_ids, most=limits.maps)
        return EntityMap(stored.id, expires_at, tuple(entity_ids))


def meaning_of(query: EntityQuery) -> str:
    """Return a text that two queries share which differ in ids, order or page only (5.5.14)."""
    selectors = tuple(replace(selector, ids=()) for selector in query.selectors)
    parts = (selectors, query.attributes, query.condition, query.geo, query.scope)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _after(now: str, seconds: float) -> str:
    return format_time(datetime.fromisoformat(now) + timedelta(seconds=seconds))


def map_not_found(map_id: str) -> ResourceNotFound:
    """Return the error of a map that is not there (any more)."""
    return ResourceNotFound(f"there is no entity map <{map_id}>, or it has expired")
