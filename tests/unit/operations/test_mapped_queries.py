"""What travels in the cursors of entity maps, and which queries mean the same (5.5.14)."""

from __future__ import annotations

import base64

import pytest

from broker.operations.entity_maps import meaning_of
from broker.operations.mapped_queries import MapCursor, read_map_cursor, write_map_cursor
from broker.query.ast import Exists, Ordering, OrderTerm, Path
from broker.query.entity_query import EntityQuery, EntitySelector, Page


@pytest.mark.parametrize(
    "cursor", [MapCursor("urn:x:1", 0), MapCursor("urn:x:é/%", 10**9, is_backward=True)]
)
def test_a_cursor_is_read_as_it_was_written(cursor):
    assert read_map_cursor(write_map_cursor(cursor)) == cursor


@pytest.mark.parametrize("content", ["", "{}", "[]", '[0,0,"a"]', '["a","b",0]', '["a",-1,0]', "["])
def test_other_texts_are_no_cursors_of_maps(content):
    assert read_map_cursor(base64.urlsafe_b64encode(content.encode()).decode()) is None
    assert read_map_cursor("§") is None


SELECTOR = EntitySelector(types=(("urn:T",),))
QUERY = EntityQuery(selectors=(SELECTOR,), condition=Exists(Path(("urn:a",))))
IDS = EntitySelector(ids=("urn:x:1",), types=SELECTOR.types)


@pytest.mark.parametrize(
    "change",
    [
        {"page": Page(limit=3, offset=4)},
        {"with_count": True},
        {"now": "2026-01-01T00:00:00.000000Z"},
        {"ordering": Ordering((OrderTerm(Path((), "id")),))},
        {"selectors": (IDS,)},
    ],
)
def test_ids_order_and_page_do_not_change_what_a_query_means(change):
    assert meaning_of(QUERY.evolve(**change)) == meaning_of(QUERY)


@pytest.mark.parametrize(
    "change",
    [
        {"condition": None},
        {"attributes": ("urn:a",)},
        {"selectors": ()},
        {"selectors": (EntitySelector(id_pattern="x", types=SELECTOR.types),)},
    ],
)
def test_filters_do(change):
    assert meaning_of(QUERY.evolve(**change)) != meaning_of(QUERY)
