"""Pages, counts, orders and linked entities on a real database."""

import random

import pytest

from broker.model.entity import Entity
from broker.model.errors import BadRequestData, TooComplexQuery
from broker.query.entity_query import EntityQuery, EntitySelector, Page
from broker.query.geo_parser import parse_geo_query
from broker.query.order_parser import parse_ordering
from broker.query.q_parser import parse_q
from broker.storage.mongo.documents import encode_entity
from broker.storage.mongo.entity_reader import EntityReader
from broker.storage.mongo.entity_search import count_matching, find_page
from tests.terms import NAMESPACE, TERMS

NOW = "2026-01-01T00:00:00.000000Z"
HOUSES = EntityQuery(selectors=(EntitySelector(types=((f"{NAMESPACE}House",),)),), now=NOW)


def entity(number, kind="House", **members):
    attributes = {
        f"{NAMESPACE}{name}": value if isinstance(value, list) else [_instance(value)]
        for name, value in members.items()
    }
    return Entity(
        id=f"urn:x:{kind}:{number:03d}",
        types=(f"{NAMESPACE}{kind}",),
        attributes=attributes,
        created_at=f"2026-01-01T00:00:00.{(number * 7919) % 1000:06d}Z",
        modified_at=NOW,
        version=1,
    )


def _instance(value):
    if isinstance(value, dict) and "coordinates" in value:
        return {"type": "GeoProperty", "value": value}
    if isinstance(value, str) and value.startswith("urn:"):
        return {"type": "Relationship", "object": value}
    return {"type": "Property", "value": value}


def point(longitude, latitude):
    return {"type": "Point", "coordinates": [longitude, latitude]}


@pytest.fixture
async def reader(databases):
    return EntityReader(databases.of("")["entities"])


async def store(reader, *entities):
    await reader.collection.insert_many([encode_entity(each) for each in entities])


def q(text, query=HOUSES):
    return query.evolve(condition=parse_q(text, TERMS))


def ordered(order_by, query=HOUSES, **parameters):
    return query.evolve(ordering=parse_ordering(order_by, terms=TERMS, **parameters))


def numbers(page):
    return [int(found.id.rpartition(":")[2]) for found in page.entities]


async def forward(reader, query, limit):
    """Return the numbers of all entities, by following next, and the last page."""
    found, cursor = [], None
    while True:
        page = await find_page(reader, query.evolve(page=Page(limit, 0, cursor)))
        found += numbers(page)
        if page.next_cursor is None:
            return found, page
        cursor = page.next_cursor


async def backward(reader, query, limit, page):
    """Return the numbers of all entities, by following prev from the last page."""
    found = numbers(page)
    while page.previous_cursor is not None:
        page = await find_page(reader, query.evolve(page=Page(limit, 0, page.previous_cursor)))
        found = numbers(page) + found
    return found


QUERIES = {
    "by id": HOUSES,
    "q": q("size>20"),
    "not exact": q("since>=12:00:00Z"),
    "createdAt": ordered("createdAt"),
    "createdAt;desc": ordered("createdAt;desc"),
    "attribute": ordered("size"),
    "two attributes": ordered("name;desc,size"),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
@pytest.mark.parametrize("limit", [1, 7, 50])
async def test_the_links_lead_through_everything_and_back(reader, query, limit):
    dice = random.Random(7)
    await store(
        reader,
        *(
            entity(
                number,
                size=dice.randint(0, 40),
                name=dice.choice("abc"),
                since=dice.choice(("11:00:00Z", "12:00:00Z", "12:00:00.5Z")),
            )
            for number in range(50)
        ),
    )
    everything = numbers(await find_page(reader, query.evolve(page=Page(1000))))
    found, last = await forward(reader, query, limit)
    assert found == everything
    assert len(set(found)) == len(found) == await count_matching(reader, query)
    assert await backward(reader, query, limit, last) == everything


async def test_writes_between_pages_neither_hide_nor_repeat_an_entity(reader):
    await store(reader, *(entity(number, size=number) for number in range(20, 60)))
    query = q("size>=0")
    found, cursor = [], None
    for change in range(100):
        page = await find_page(reader, query.evolve(page=Page(3, 0, cursor)))
        found += numbers(page)
        await store(reader, entity(19 - change % 20 + 100 * (change + 1) % 900, kind="Shed"))
        await reader.collection.update_many({}, {"$inc": {"v": 1}})
        await reader.collection.delete_one({"_id": f"urn:x:House:{found[0]:03d}"})
        await reader.collection.insert_one(encode_entity(entity(change % 10, size=1, kind="House")))
        await reader.collection.delete_one({"_id": f"urn:x:House:{change % 10:03d}"})
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == list(range(20, 60))


async def test_an_offset_counts_from_the_beginning_and_beyond_the_end_is_nothing(reader):
    await store(reader, *(entity(number, size=number) for number in range(10)))
    page = await find_page(reader, HOUSES.evolve(page=Page(3, 4)))
    assert numbers(page) == [4, 5, 6]
    assert page.next_cursor is not None
    back = await find_page(reader, HOUSES.evolve(page=Page(3, 0, page.previous_cursor)))
    assert numbers(back) == [1, 2, 3]
    assert numbers(await find_page(reader, HOUSES.evolve(page=Page(3, 10)))) == []


async def test_a_cursor_of_another_order_or_from_nowhere_is_refused(reader):
    await store(reader, *(entity(number, size=number) for number in range(10)))
    page = await find_page(reader, HOUSES.evolve(page=Page(2)))
    for cursor in (page.next_cursor, "AAAA", "not base64!", "W10", "WzAsMCx7fV0"):
        query = ordered("size" if cursor == page.next_cursor else "id;desc")
        with pytest.raises(BadRequestData, match="cursor"):
            await find_page(reader, query.evolve(page=Page(2, 0, cursor)))


async def test_expired_entities_and_attributes_are_not_found(reader):
    past, future = "2025-12-31T00:00:00Z", "2026-12-31T00:00:00Z"
    await store(
        reader,
        entity(1, size=5).evolve(expires_at=past),
        entity(2, size=5).evolve(expires_at=future),
        entity(3, size=[{"type": "Property", "value": 5, "expiresAt": past}]),
    )
    assert numbers(await find_page(reader, HOUSES)) == [2, 3]
    assert await count_matching(reader, HOUSES) == 2
    assert numbers(await find_page(reader, q("size==5"))) == [2]
    assert numbers(await find_page(reader, ordered("size", q("size==5")))) == [2]


async def test_the_condition_on_a_linked_entity_is_followed(reader):
    await store(
        reader,
        entity(1, owner="urn:x:Person:001"),
        entity(2, owner="urn:x:Person:002"),
        entity(1, kind="Person", name="Ann", worksFor="urn:x:Firm:001"),
        entity(2, kind="Person", name="Bob"),
        entity(1, kind="Firm", name="ACME"),
    )
    for text, expected in (
        ('owner{name}=="Ann"', [1]),
        ('owner{name}!="Ann"', [2]),
        ('owner{Person:name}=="Ann"', [1]),
        ('owner{Firm:name}=="Ann"', []),
        ('owner{worksFor{name}}=="ACME"', [1]),
        ('owner{name}=="Ann"|owner{name}=="Bob"', [1, 2]),
        ("owner{worksFor}", [1]),
    ):
        assert numbers(await find_page(reader, q(text))) == expected, text
        assert await count_matching(reader, q(text)) == len(expected)


NEAR = {"georel": "near;maxDistance==120000", "geometry": "Point", "coordinates": [0, 0]}


async def test_places_are_found_counted_and_ordered_by_distance(reader):
    line = {"type": "LineString", "coordinates": [[0.5, 0.5], [9, 9]]}
    await store(
        reader,
        entity(1, location=point(1, 0)),
        entity(2, location=point(0, 0.1)),
        entity(3, location=point(2, 0)),
        entity(4, location=line),
        entity(5),
    )
    near = HOUSES.evolve(geo=parse_geo_query(**NEAR, geoproperty=None, terms=TERMS))
    assert numbers(await find_page(reader, near)) == [1, 2, 4]
    assert await count_matching(reader, near) == 3
    assert numbers(await find_page(reader, near.evolve(page=Page(1, 1)))) == [2]
    for order, expected in (("dist-asc", [2, 4, 1, 3, 5]), ("dist-desc", [3, 1, 4, 2, 5])):
        query = ordered(f"location;{order}", coordinates=[0, 0])
        assert numbers(await find_page(reader, query)) == expected


async def test_types_of_values_have_their_order_and_what_is_missing_comes_last(reader):
    values = [
        3, "text", {"a": 1}, [1, 2], True, "10:00:00Z", "2026-01-01", "2026-01-01T00:00:00Z", None
    ]  # fmt: skip
    await store(
        reader, *(entity(9 - place, x=[_instance(value)]) for place, value in enumerate(values))
    )
    await store(reader, entity(0, y=1))
    assert numbers(await find_page(reader, ordered("x"))) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    descending = numbers(await find_page(reader, ordered("x;desc")))
    assert descending == [2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


@pytest.mark.parametrize(
    ("collation", "expected"),
    [
        (None, ["a10", "a9", "Ähre", "Zebra"]),
        ("und-u-kn-true", ["a9", "a10", "Ähre", "Zebra"]),
        ("sv", ["a10", "a9", "Zebra", "Ähre"]),
        ("de-u-co-phonebk", ["a10", "a9", "Ähre", "Zebra"]),
    ],
)
async def test_texts_are_compared_by_a_collation(reader, collation, expected):
    names = ["Zebra", "a10", "Ähre", "a9"]
    await store(reader, *(entity(place, name=name) for place, name in enumerate(names)))
    page = await find_page(reader, ordered("name", collation=collation))
    assert [names[number] for number in numbers(page)] == expected


async def test_an_unknown_collation_is_refused(reader):
    await store(reader, entity(1, name="a"), entity(2, name="b"))
    with pytest.raises(BadRequestData, match="collation"):
        await find_page(reader, ordered("name", collation="qqq"))


async def test_sub_attributes_members_of_values_and_datasets_can_order(reader):
    for number, size in ((1, 3), (2, 1), (3, 2)):
        instance = {"type": "Property", "value": {"deep": {"size": size}}}
        instance[f"{NAMESPACE}sub"] = [{"type": "Property", "value": -size}]
        other = {"type": "Property", "value": 0, "datasetId": "urn:d:1"}
        await store(reader, entity(number, x=[other, instance]))
    assert numbers(await find_page(reader, ordered("x[deep.size]"))) == [2, 3, 1]
    assert numbers(await find_page(reader, ordered("x.sub"))) == [1, 3, 2]


async def test_too_many_results_to_sort_are_refused_with_the_way_out(reader, monkeypatch):
    monkeypatch.setattr("broker.storage.mongo.ordering.MAX_SORTED", 3)
    await store(reader, *(entity(number, size=number) for number in range(4)))
    with pytest.raises(TooComplexQuery, match="createdAt"):
        await find_page(reader, ordered("size"))
    assert len((await find_page(reader, ordered("createdAt"))).entities) == 4
