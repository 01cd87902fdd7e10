"""Runs entity queries: one page, or the number of matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from broker.model.entity import Entity
from broker.model.expiry import without_expired
from broker.query.entity_query import EntityQuery, Page
from broker.query.matching import compile_query
from broker.storage.mongo.documents import decode_entity
from broker.storage.mongo.entity_reader import EntityReader
from broker.storage.mongo.errors import translated
from broker.storage.mongo.filters import QueryFilter, not_expired, query_filter
from broker.storage.mongo.filters_values import Filter
from broker.storage.mongo.links import resolve_links
from broker.storage.mongo.ordering import SortedPage, sorted_page
from broker.storage.mongo.paging import (
    Cursor,
    SortKey,
    beyond,
    key_of,
    read_cursor,
    reversed_key,
    sort_key,
    write_cursor,
)

Document: TypeAlias = dict[str, Any]
Accept: TypeAlias = Callable[[Document], Entity | None]

_MARGIN = 20
_LARGEST_BATCH = 2000


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page, and the cursors of its neighbours (None: there is none)."""

    entities: list[Entity] = field(default_factory=list)
    next_cursor: str | None = None
    previous_cursor: str | None = None


async def find_page(reader: EntityReader, query: EntityQuery) -> FoundPage:
    """Return the page of the matching entities that `query.page` names, as of `query.now`.

    Raises BadRequestData (a cursor that is none), TooComplexQuery (too many linked entities, too
    many results to sort, or over the time limit), DatabaseUnavailable.
    """
    with translated():
        query, filters = await _prepared(reader, query)
        key = sort_key(query.ordering)
        if key is None:
            accept = _acceptance(query, filters)
            candidates = _live(filters.candidates, query)
            check = None if filters.is_exact else accept
            page = await sorted_page(reader, query, candidates, check)
            return await _fetched(reader, page, accept)
        return await _page_by_key(reader, query, filters, key)


async def count_matching(reader: EntityReader, query: EntityQuery) -> int:
    """Return how many entities match, whatever the page, as of `query.now`.

    Raises as `find_page` does.
    """
    with translated():
        query, filters = await _prepared(reader, query)
        if filters.is_exact:
            # two counts by an index are cheaper than one that has to look at each entity's expiry
            past = {"$lte": query.now}
            expired = {"$and": [filters.candidates, {"xa": past, "xd": past}]}
            found = await reader.count(filters.candidates)
            return found - await reader.count(expired)
        count = 0
        doubtful = _live(filters.candidates, query)
        if filters.certain is not None:
            count = await reader.count(_live(filters.certain, query))
            doubtful["$and"].append({"$nor": [filters.certain]})
        accept = _acceptance(query, filters)
        async for document in reader.find(doubtful):
            count += accept(document) is not None
        return count


async def matching_among(
    reader: EntityReader, query: EntityQuery, entity_ids: Sequence[str]
) -> dict[str, Entity]:
    """Return those of some entities that match, whatever the order and the page, by id.

    Raises as `find_page` does.
    """
    with translated():
        query, filters = await _prepared(reader, query)
        accept = _acceptance(query, filters)
        cursor = reader.find(_live(filters.candidates, query, entity_ids))
        accepted = [accept(document) async for document in cursor]
    return {entity.id: entity for entity in accepted if entity is not None}


async def matching_ids(
    reader: EntityReader,
    query: EntityQuery,
    *,
    most: int,
    among: Sequence[str] | None = None,
) -> list[str]:
    """Return the ids of all matches in their order, of all entities or of some.

    More than `most` are not looked for: one more than that tells that there are more. Raises as
    `find_page` does.
    """
    with translated():
        query, filters = await _prepared(reader, query)
        accept = _acceptance(query, filters)
        candidates = _live(filters.candidates, query, among)
        key = sort_key(query.ordering)
        if key is None:
            whole = query.evolve(page=Page(limit=most + 1))
            check = None if filters.is_exact else accept
            return list((await sorted_page(reader, whole, candidates, check)).ids)
        return await _ids_by_key(reader, candidates, key, accept, filters, most)


async def _ids_by_key(
    reader: EntityReader,
    candidates: Filter,
    key: SortKey,
    accept: Accept,
    filters: QueryFilter,
    most: int,
) -> list[str]:
    """Read no more of an entity than has to be looked at again."""
    is_exact = filters.is_exact
    projection = {"_id": 1, "xa": 1} if is_exact else None
    found: list[str] = []
    doubtful: list[str] = []
    async for document in reader.find(candidates, projection).sort(list(key)):
        if is_exact and "xa" in document:
            doubtful.append(document["_id"])
        if is_exact or accept(document) is not None:
            found.append(document["_id"])
            if len(found) > most:
                break
    if not doubtful:
        return found
    again = reader.find({"$and": [candidates, {"_id": {"$in": doubtful}}]})
    certain = {document["_id"] async for document in again if accept(document) is not None}
    gone = set(doubtful) - certain
    return [entity_id for entity_id in found if entity_id not in gone]


async def _prepared(reader: EntityReader, query: EntityQuery) -> tuple[EntityQuery, QueryFilter]:
    if query.condition is not None:
        condition = await resolve_links(reader, query.condition, query.now)
        query = query.evolve(condition=condition)
    return query, query_filter(_what(query))


def _what(query: EntityQuery) -> EntityQuery:
    """Return the query without what changes from page to page and from moment to moment."""
    return EntityQuery(
        selectors=query.selectors,
        attributes=query.attributes,
        condition=query.condition,
        geo=query.geo,
        scope=query.scope,
    )


def _live(filter_: Filter, query: EntityQuery, among: Sequence[str] | None = None) -> Filter:
    parts = [filter_, not_expired(query.now)]
    if among is not None:
        parts.append({"_id": {"$in": list(among)}})
    return {"$and": parts}


def _acceptance(query: EntityQuery, filters: QueryFilter) -> Accept:
    """Return what makes an entity of a document, or None if it does not match after all.

    What the filter found is looked at again where the filter is not exact, and where an attribute
    has expired that the database still holds.
    """
    test = compile_query(_what(query))

    def accept(document: Document) -> Entity | None:
        entity = decode_entity(document)
        has_expired = "xa" in document and document["xa"] <= query.now
        if has_expired:
            live = without_expired(entity, query.now)
            if live is None:
                return None
            entity = live
        if (has_expired or not filters.is_exact) and not test(entity):
            return None
        return entity

    return accept


# ------------------------------------------------------------------------------- pages by key


async def _page_by_key(
    reader: EntityReader, query: EntityQuery, filters: QueryFilter, key: SortKey
) -> FoundPage:
    page = query.page
    cursor = read_cursor(page.cursor, query.ordering) if page.cursor else None
    filter_, order = _live(filters.candidates, query), key
    if cursor is not None:
        order = reversed_key(key) if cursor.is_backward else key
        filter_["$and"].append(beyond(order, cursor.key))
    accept = _acceptance(query, filters)
    scan = _Scan(reader, filter_, order, accept, is_exact=filters.is_exact)
    found = await scan.first(page.limit + 1, skip=page.offset)
    has_more = len(found) > page.limit
    found = found[: page.limit]
    if cursor is not None and cursor.is_backward:
        found.reverse()
    keys = [key_of(document, key) for document, _ in found]
    return _framed([entity for _, entity in found], keys, cursor, query, has_more=has_more)


class _Scan:
    """One way through the entities a filter finds, in the order of a key.

    It reads in batches that grow while entities are found and not accepted, each beginning where
    the last one ended.
    """

    def __init__(
        self,
        reader: EntityReader,
        filter_: Filter,
        order: SortKey,
        accept: Accept,
        *,
        is_exact: bool,
    ) -> None:
        self._reader = reader
        self._filter = filter_
        self._order = order
        self._accept = accept
        self._is_exact = is_exact

    async def first(self, wanted: int, *, skip: int) -> list[tuple[Document, Entity]]:
        """Return the first matches after those to skip, with their documents."""
        found: list[tuple[Document, Entity]] = []
        part, size, to_drop = self._filter, wanted, skip
        if self._is_exact:
            to_drop = 0
        else:
            size, skip = min(wanted + skip + _MARGIN, _LARGEST_BATCH), 0
        while True:
            batch = await self._reader.page(part, self._order, size=size, skip=skip)
            accepted = ((document, self._accept(document)) for document in batch)
            found += [(document, entity) for document, entity in accepted if entity is not None]
            if len(batch) < size or len(found) >= wanted + to_drop:
                return found[to_drop : to_drop + wanted]
            part = {"$and": [self._filter, beyond(self._order, key_of(batch[-1], self._order))]}
            size, skip = min(2 * size, _LARGEST_BATCH), 0


def _framed(
    entities: list[Entity],
    keys: list[tuple[Any, ...]],
    cursor: Cursor | None,
    query: EntityQuery,
    *,
    has_more: bool,
) -> FoundPage:
    """Return a page with the cursors that lead away from it."""
    is_backward = cursor is not None and cursor.is_backward
    has_next = has_more or is_backward
    has_previous = has_more if is_backward else cursor is not None or query.page.offset > 0
    if not keys:
        return FoundPage(entities)
    following = write_cursor(Cursor(keys[-1]), query.ordering) if has_next else None
    preceding = write_cursor(Cursor(keys[0], is_backward=True), query.ordering)
    return FoundPage(entities, following, preceding if has_previous else None)


async def _fetched(reader: EntityReader, page: SortedPage, accept: Accept) -> FoundPage:
    """Return the entities of a page that was sorted outside the database."""
    cursor = reader.find({"_id": {"$in": list(page.ids)}})
    accepted = [accept(document) async for document in cursor]
    found = {entity.id: entity for entity in accepted if entity is not None}
    entities = [found[entity_id] for entity_id in page.ids if entity_id in found]
    return FoundPage(entities, page.next_cursor, page.previous_cursor)
