"""Queries through an entity map (clauses 5.5.9.3, 5.5.14, 5.7.2).

The map fixes which entities are considered and in which order; each is tested again before it is
returned, and those that no longer match are taken out of the map. A page is found by the place
where it begins, so that neither writes nor other readers of the map shift it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from broker.model.clock import Clock
from broker.model.entity import Entity
from broker.operations.caller import Caller
from broker.operations.consumption import QueryResult
from broker.operations.entity_maps import EntityMaps, MapRequest, map_not_found, meaning_of
from broker.query.entity_query import EntityQuery
from broker.storage.entities import EntityStore
from broker.storage.entity_maps import EntityMapStore, Entries, StoredEntityMap

_MARGIN = 10


@dataclass(frozen=True, slots=True)
class MappedResult:
    """A page of entities and the map that was used. `is_new` says that it was made for it."""

    result: QueryResult
    map_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class MapCursor:
    """Where a page of a map begins: at a place, or with what is before it."""

    map_id: str
    place: int
    is_backward: bool = False


@dataclass(slots=True)
class _Walk:
    """What a walk through a map has found, with the places, and what did not match."""

    found: list[tuple[int, Entity]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def take(self, entries: Entries, matching: Mapping[str, Entity], *, may_tell: bool) -> None:
        """Sort entries by whether they match; `may_tell`: one that does not has left the map."""
        for place, entity_id in entries:
            if entity_id in matching:
                self.found.append((place, matching[entity_id]))
            elif may_tell:
                self.gone.append(place)


class MappedQueries:
    """All methods raise NonexistentTenant and DatabaseUnavailable."""

    def __init__(
        self, *, maps: EntityMaps, store: EntityMapStore, entities: EntityStore, clock: Clock
    ) -> None:
        self._maps = maps
        self._store = store
        self._entities = entities
        self._clock = clock

    async def query_entities(
        self, caller: Caller, query: EntityQuery, asked: MapRequest
    ) -> MappedResult:
        """Query Entities (5.7.2) among those of a map, which is made where there is none.

        Raises BadRequestData, TooComplexQuery, TooManyResults.
        """
        cursor = read_map_cursor(query.page.cursor) if query.page.cursor else None
        used = None if asked.map_id is None else await self._maps.find(caller, asked.map_id)
        is_new = used is None
        if used is None:
            made = await self._maps.create_for_query(
                caller, query, lifetime=asked.lifetime, is_split=asked.is_split
            )
            used = StoredEntityMap(made.id, made.expires_at, meaning_of(query))
        if cursor is not None and cursor.map_id != used.id:
            cursor = None
        query = query.evolve(now=self._clock())
        count = await self._count(caller.space, used, query) if query.with_count else None
        if query.page.limit == 0:
            return MappedResult(QueryResult([], count=count), used.id, is_new)
        result = await self._page(caller.space, used, query, cursor)
        return MappedResult(replace(result, count=count), used.id, is_new)

    async def matching_ids(
        self, caller: Caller, query: EntityQuery, map_id: str
    ) -> AsyncIterator[list[str]]:
        """Yield the ids of a map's entities that match, portion by portion.

        Raises ResourceNotFound: what a lost map was about cannot be told.
        """
        if await self._maps.find(caller, map_id) is None:
            raise map_not_found(map_id)
        async for part in self._store.entries(caller.space, map_id):
            ids = [entity_id for _, entity_id in part]
            yield await self._entities.find_ids(caller.space, query, most=len(ids), among=ids)

    async def _count(self, tenant: str, used: StoredEntityMap, query: EntityQuery) -> int:
        count = 0
        async for part in self._store.entries(tenant, used.id):
            ids = [entity_id for _, entity_id in part]
            found = await self._entities.find_ids(
                tenant, query.evolve(ordering=None), most=len(ids), among=ids
            )
            count += len(found)
        return count

    async def _page(
        self, tenant: str, used: StoredEntityMap, query: EntityQuery, cursor: MapCursor | None
    ) -> QueryResult:
        offset, limit = query.page.offset, query.page.limit
        if cursor is None:
            cursor = MapCursor(used.id, await self._store.place(tenant, used.id, offset))
        walk = await self._walk(tenant, query, cursor, limit + 1)
        if walk.gone and used.query == meaning_of(query):
            await self._store.remove(tenant, used.id, walk.gone)
        has_more = len(walk.found) > limit
        page = walk.found[:limit]
        if cursor.is_backward:
            page.reverse()
        first, after = (page[0][0], page[-1][0] + 1) if page else (cursor.place, cursor.place)
        has_previous = has_more
        if not cursor.is_backward:
            has_previous = await self._has_before(tenant, used.id, first)
        return QueryResult(
            [entity for _, entity in page],
            _link(used.id, after) if has_more or cursor.is_backward else None,
            previous_cursor=_link(used.id, first, is_backward=True) if has_previous else None,
            offset=offset,
        )

    async def _has_before(self, tenant: str, map_id: str, place: int) -> bool:
        async for _ in self._store.entries(tenant, map_id, place, is_backward=True):
            return True
        return False

    async def _walk(self, tenant: str, query: EntityQuery, cursor: MapCursor, wanted: int) -> _Walk:
        """Look at entries one after another until enough of them match."""
        walk = _Walk()
        only, may_tell = _ids_named(query)
        size = wanted + _MARGIN
        async for part in self._store.entries(
            tenant, cursor.map_id, cursor.place, is_backward=cursor.is_backward
        ):
            entries = [entry for entry in part if only is None or entry[1] in only]
            for start in range(0, len(entries), size):
                looked_at = entries[start : start + size]
                ids = [entity_id for _, entity_id in looked_at]
                matching = await self._entities.find_among(tenant, query, ids)
                walk.take(looked_at, matching, may_tell=may_tell)
                if len(walk.found) >= wanted:
                    return walk
        return walk


def read_map_cursor(text: str) -> MapCursor | None:
    """Return the cursor of a page of a map, None if the text is another kind of cursor."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        map_id, place, is_backward = json.loads(packed)
    except (binascii.Error, ValueError, TypeError):
        return None
    if not isinstance(map_id, str) or not isinstance(place, int) or place < 0:
        return None
    return MapCursor(map_id, place, bool(is_backward))


def write_map_cursor(cursor: MapCursor) -> str:
    """Return a cursor as the text a client gets."""
    content = [cursor.map_id, cursor.place, int(cursor.is_backward)]
    packed = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _link(map_id: str, place: int, *, is_backward: bool = False) -> str:
    return write_map_cursor(MapCursor(map_id, place, is_backward))


def _ids_named(query: EntityQuery) -> tuple[frozenset[str] | None, bool]:
    """Return the ids a query names, None for all, and whether one that fails it fails the map.

    With several selectors an entity may fail the one that names it and match another of the map.
    """
    if not any(selector.ids for selector in query.selectors):
        return None, True
    if len(query.selectors) > 1:
        return None, False
    return frozenset(query.selectors[0].ids), True
