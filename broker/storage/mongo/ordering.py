"""Results in the order of `orderBy` (clause 4.23), where the database has no index for it.

The sort keys of all matches are read and compared here, because the standard's order of data
types, its distances and its rule for what is missing are not the database's. Texts are compared by
ICU, which the database brings along. The cost grows with the number of matches, which is limited.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from broker.model.datetimes import canonical_time, canonical_time_of_day, is_date
from broker.model.entity import Entity, Instance, default_instance
from broker.model.errors import BadRequestData, TooComplexQuery
from broker.query.ast import Ordering, OrderTerm
from broker.query.entity_query import EntityQuery
from broker.query.evaluate import member_of_entity, reached
from broker.query.geometries import distance, figure_of, reference_figure
from broker.query.targets import target_value
from broker.storage.mongo.collations import ranks
from broker.storage.mongo.documents import decode_entity, escape
from broker.storage.mongo.entity_reader import EntityReader
from broker.storage.mongo.filters_values import Filter
from broker.storage.mongo.paging import Cursor, read_cursor, write_cursor

Document: TypeAlias = dict[str, Any]
Accept: TypeAlias = Callable[[Document], Entity | None]
Key: TypeAlias = tuple[int, Any]
"""The place of a value's type in the order of clause 4.23.2, and what orders values of the type."""

MAX_SORTED = 20_000

_NEAR, _NUMBER, _TEXT, _OBJECT, _ARRAY, _BOOLEAN = range(6)
_TIME, _DATE, _DATE_TIME, _NULL, _ABSENT = range(6, 11)
_MISSING: Key = (_ABSENT, 0)


@dataclass(frozen=True, slots=True)
class SortedPage:
    """The ids of a page in their order, and the cursors of its neighbours."""

    ids: tuple[str, ...]
    next_cursor: str | None = None
    previous_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    keys: tuple[Key, ...]
    id: str


async def sorted_page(
    reader: EntityReader, query: EntityQuery, filter_: Filter, accept: Accept | None
) -> SortedPage:
    """Return the page of what the filter finds that the query names.

    `accept` is given where the filter is not exact. Raises TooComplexQuery if there are more than
    `MAX_SORTED` matches, BadRequestData for a wrong cursor or an unknown collation.
    """
    ordering = query.ordering
    if ordering is None:
        raise ValueError("a query without ordering is paged by id")
    rows = [row async for row in _rows(reader, ordering, filter_, accept)]
    cursor = read_cursor(query.page.cursor, ordering) if query.page.cursor else None
    mark = None if cursor is None else _mark(cursor, len(ordering.terms))
    if mark is not None:
        rows = [row for row in rows if row.id != mark.id]
        rows.append(mark)
    rows = await _sorted(reader, rows, ordering)
    start, end = _bounds(rows, mark, cursor, query)
    return _page(rows, start, end, mark, ordering)


def _bounds(
    rows: list[_Row], mark: _Row | None, cursor: Cursor | None, query: EntityQuery
) -> tuple[int, int]:
    offset, limit = query.page.offset, query.page.limit
    if mark is None or cursor is None:
        return offset, offset + limit
    place = next(index for index, row in enumerate(rows) if row is mark)
    if cursor.is_backward:
        return max(0, place - offset - limit), max(0, place - offset)
    return place + 1 + offset, place + 1 + offset + limit


def _page(
    rows: list[_Row], start: int, end: int, mark: _Row | None, ordering: Ordering
) -> SortedPage:
    page = rows[start:end]
    if not page:
        return SortedPage(())
    has_next = any(row is not mark for row in rows[end:]) or (mark in rows[end:])
    has_previous = start > 0
    return SortedPage(
        tuple(row.id for row in page),
        write_cursor(_cursor(page[-1]), ordering) if has_next else None,
        write_cursor(_cursor(page[0], is_backward=True), ordering) if has_previous else None,
    )


def _cursor(row: _Row, *, is_backward: bool = False) -> Cursor:
    return Cursor((row.id, *(list(key) for key in row.keys)), is_backward)


def _mark(cursor: Cursor, count: int) -> _Row:
    entity_id, *keys = cursor.key
    is_key = all(isinstance(key, list) and len(key) == 2 and _fits(key[0], key[1]) for key in keys)
    if not isinstance(entity_id, str) or len(keys) != count or not is_key:
        raise BadRequestData("the cursor is not one this broker gave")
    return _Row(tuple((rank, value) for rank, value in keys), entity_id)


def _fits(rank: Any, value: Any) -> bool:
    if rank in {_NEAR, _NUMBER, _BOOLEAN, _NULL, _ABSENT}:
        return isinstance(value, int | float)
    return rank in range(_ABSENT) and isinstance(value, str)


# ---------------------------------------------------------------------------------------- rows


async def _rows(
    reader: EntityReader, ordering: Ordering, filter_: Filter, accept: Accept | None
) -> Any:
    projection = _projection(ordering) if accept is None else None
    count = 0
    async for document in reader.find(filter_, projection, limit=MAX_SORTED + 1):
        count += 1
        if count > MAX_SORTED:
            raise TooComplexQuery(
                f"orderBy: more than {MAX_SORTED} entities match; make the query more selective, "
                "or order by id, createdAt or modifiedAt, which has no limit"
            )
        entity = decode_entity(document) if accept is None else accept(document)
        if entity is not None:
            yield _Row(tuple(_key(entity, term, ordering) for term in ordering.terms), entity.id)


def _projection(ordering: Ordering) -> dict[str, int]:
    members = dict.fromkeys(("t", "s", "c", "m", "v", "x"), 1)
    names = {term.path.names[0] for term in ordering.terms if term.path.names}
    paths = [f"a.{escape(name)}" for name in names] or ["a.none"]
    return {**members, **dict.fromkeys(paths, 1)}


async def _sorted(reader: EntityReader, rows: list[_Row], ordering: Ordering) -> list[_Row]:
    texts = (key[1] for row in rows for key in row.keys if key[0] == _TEXT)
    rank_of = await ranks(reader.collection.database, texts, ordering.collation)
    rows = sorted(rows, key=lambda row: row.id)
    for place in reversed(range(len(ordering.terms))):
        is_descending = ordering.terms[place].is_descending

        def sort_by(row: _Row, place: int = place, flip: bool = is_descending) -> Any:  # noqa: FBT001
            rank, value = row.keys[place]
            # what is missing comes last in either direction
            is_last = rank >= _NULL
            order = rank_of[value] if rank == _TEXT else value
            return (not is_last if flip else is_last, rank, order)

        rows.sort(key=sort_by, reverse=is_descending)
    return rows


# ---------------------------------------------------------------------------------------- keys


def _key(entity: Entity, term: OrderTerm, ordering: Ordering) -> Key:
    path = term.path
    if not path.names:
        value = member_of_entity(entity, path.member or "")
        return _MISSING if value is None else _key_of(value)
    instance = _instance(entity, path.names)
    if instance is None:
        return _MISSING
    if term.by_distance and ordering.reference is not None:
        figure = figure_of(instance.get("value")) if instance["type"] == "GeoProperty" else None
        if figure is not None:
            return (_NEAR, distance(figure, reference_figure(ordering.reference)))
    if path.member is not None:
        value = instance.get(path.member)
        return _MISSING if value is None else _key_of(value)
    return _first_key(_values(instance, path.keys))


def _instance(entity: Entity, names: tuple[str, ...]) -> Instance | None:
    """Return the instance to order by: of several the default one, or else the first."""
    instances = entity.attributes.get(names[0], [])
    for name in (*names[1:], None):
        if not instances:
            return None
        instance = default_instance(instances) or instances[0]
        if name is None:
            return instance
        instances = instance.get(name, [])
    return None


def _values(instance: Instance, keys: tuple[str, ...]) -> Iterable[Any]:
    value = target_value(instance)
    if keys:
        return reached(value, keys)
    return tuple(value[1:]) if instance["type"] == "LanguageProperty" else (value,)


def _first_key(values: Iterable[Any]) -> Key:
    iterator: Iterator[Any] = iter(values)
    try:
        return _key_of(next(iterator))
    except StopIteration:
        return _MISSING


def _key_of(value: Any) -> Key:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    typed = value.get("@value") if isinstance(value, dict) else value
    if isinstance(typed, str):
        return _key_of_text(typed)
    if value is None:
        return (_NULL, 0)
    if isinstance(value, int | float):
        return (_BOOLEAN if isinstance(value, bool) else _NUMBER, value)
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return (_ARRAY if isinstance(value, list) else _OBJECT, text)


def _key_of_text(text: str) -> Key:
    date_time = canonical_time(text)
    if date_time is not None:
        return (_DATE_TIME, date_time)
    if is_date(text):
        return (_DATE, text)
    time = canonical_time_of_day(text)
    return (_TEXT, text) if time is None else (_TIME, time)
