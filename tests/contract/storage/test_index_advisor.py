"""Queries that come again get an index, and use it."""

import asyncio

import pytest

from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.model.patching import create_entity
from broker.query.entity_query import EntityQuery, EntitySelector
from broker.query.geo_parser import parse_geo_query
from broker.query.q_parser import parse_q
from broker.query.selection import parse_scopes
from broker.storage.mongo import index_advisor
from broker.storage.mongo.documents import encode_entity
from broker.storage.mongo.filters import query_filter
from broker.storage.mongo.index_advisor import Advice, IndexAdvisor, IndexLimits, Usage, advise
from tests.patience import PATIENCE
from tests.terms import NAMESPACE, TERMS

NOW = "2026-01-01T00:00:00.000000Z"
TYPE = f"{NAMESPACE}T"
SIZE = [{"type": "Property", "value": 1}]


@pytest.fixture
async def collection(databases):
    found = databases.of("")["entities"]
    await found.insert_many([encode_entity(_entity(number)) for number in range(300)])
    counts = [{"t": TYPE, "n": name, "k": "", "c": 300} for name in _entity(0).attributes]
    await databases.of("")["catalogue"].insert_many(counts)
    return found


def _entity(number):
    attributes = {
        f"{NAMESPACE}size": [{"type": "Property", "value": number}],
        f"{NAMESPACE}owner": [{"type": "Relationship", "object": f"urn:p:{number}"}],
        f"{NAMESPACE}address": [{"type": "Property", "value": {"city": f"c{number}"}}],
        f"{NAMESPACE}place": [
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [number / 9, 1]}}
        ],
    }
    return Entity(f"urn:x:{number}", (TYPE,), attributes, (), NOW, NOW, None, 1)


def q(text):
    selectors = (EntitySelector(types=((TYPE,),)),)
    return EntityQuery(selectors=selectors, condition=parse_q(text, TERMS))


async def _examined(collection, query):
    plan = await collection.database.command(
        "explain",
        {"find": "entities", "filter": query_filter(query).candidates, "sort": {"_id": 1}},
        verbosity="executionStats",
    )
    return plan["executionStats"]["totalDocsExamined"]


@pytest.fixture
def make_advisor(databases):
    return lambda **limits: IndexAdvisor(
        databases, clock=system_clock, limits=IndexLimits(**limits)
    )


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("size==7", 1),
        ("size==7..9", 3),
        ("size>297", 2),
        ('owner=="urn:p:7"', 1),
        ('address[city]=="c7"', 1),
    ],
)
async def test_a_condition_that_comes_often_enough_gets_an_index(
    collection, make_advisor, text, most
):
    advisor, query = make_advisor(uses=3), q(text)
    for _ in range(2):
        advisor.observe("", query)
    assert (await advisor.learn("")).build == ()
    advisor.observe("", query)
    (built,) = (await advisor.learn("")).build
    assert built.uses == 3
    assert await _examined(collection, query) <= most


async def test_what_no_entity_has_gets_no_index(collection, make_advisor, store):
    advisor = make_advisor(uses=3)
    misspelt = [
        q("sizze==7"),
        EntityQuery(geo=parse_geo_query(
            georel="near;maxDistance==1000",
            geometry="Point",
            coordinates=[1, 1],
            geoproperty="plaza",
            terms=TERMS,
        )),
    ]  # fmt: skip
    for query in misspelt * 5:
        advisor.observe("", query)
    assert (await advisor.learn("")).build == ()
    plaza = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 1]}}
    attributes = {f"{NAMESPACE}sizze": SIZE, f"{NAMESPACE}plaza": [plaza]}
    entity = Entity("urn:x:new", (TYPE,), attributes)
    await store.apply("", entity.id, create_entity(entity))
    assert {built.kind for built in (await advisor.learn("")).build} == {"value", "geometry"}


async def test_a_process_that_ends_says_nothing_of_what_it_no_longer_counts(
    databases, make_advisor, caplog
):
    advisor = make_advisor()
    await databases.client.close()
    advisor.observe("", q("size==7"))
    await asyncio.sleep(0.05)
    assert "index" not in caplog.text


async def test_names_that_nobody_asks_for_again_are_forgotten(databases, make_advisor, monkeypatch):
    monkeypatch.setattr(index_advisor, "_MOST_KNOWN", 5)
    usage = databases.of("")[index_advisor.USAGE]
    for path, uses, last in (
        ("a.often.value", 3, "2026-01-01T00:00:00.000000Z"),
        *((f"a.once{n}.value", 1, f"2026-01-02T00:00:0{n}.000000Z") for n in range(9)),
    ):
        await usage.insert_one({"_id": path, "kind": "value", "uses": uses, "last": last})
    await make_advisor(uses=3, learned=0).learn("")
    kept = [document["_id"] async for document in usage.find().sort("_id")]
    assert kept == ["a.often.value", *(f"a.once{n}.value" for n in (5, 6, 7, 8))]


async def test_what_an_index_is_used_for_is_not_forgotten(collection, make_advisor, monkeypatch):
    advisor, query = make_advisor(uses=1), q("size==7")
    advisor.observe("", query)
    (built,) = (await advisor.learn("")).build
    monkeypatch.setattr(index_advisor, "_MOST_KNOWN", 1)
    for number in range(3):
        advisor.observe("", q(f"other{number}==7"))
    await advisor.learn("")
    usage = collection.database[index_advisor.USAGE]
    assert built.path in {document["_id"] async for document in usage.find()}


async def test_a_geometry_gets_its_index_at_the_first_question(collection, make_advisor):
    advisor = make_advisor()
    geo = parse_geo_query(
        georel="near;maxDistance==1000",
        geometry="Point",
        coordinates=[1, 1],
        geoproperty="place",
        terms=TERMS,
    )
    advisor.observe("", EntityQuery(geo=geo))
    (built,) = (await advisor.learn("")).build
    assert built.kind == "geometry"
    assert await _examined(collection, EntityQuery(geo=geo)) <= 3


@pytest.mark.parametrize("text", ["/Town/#", "Town", "/Town,/Other"])
async def test_scopes_get_an_index_at_the_first_question(collection, make_advisor, text):
    scoped = Entity("urn:x:scoped", (TYPE,), {}, ("/Town/Park",), NOW, NOW, None, 1)
    await collection.insert_one(encode_entity(scoped))
    advisor, query = make_advisor(uses=99), EntityQuery(scope=parse_scopes(text))
    assert await _examined(collection, query) == 301
    advisor.observe("", query)
    (built,) = (await advisor.learn("")).build
    assert built.kind == "scopes"
    assert await _examined(collection, query) <= 1
    assert await advisor.learn("") == Advice()


async def test_names_of_attributes_get_an_index_when_nothing_else_narrows_a_query(
    collection, make_advisor
):
    rare = Entity("urn:x:rare", (TYPE,), {f"{NAMESPACE}rare": SIZE}, (), NOW, NOW, None, 1)
    await collection.insert_one(encode_entity(rare))
    query = EntityQuery(attributes=(f"{NAMESPACE}rare",))
    advisor = make_advisor(uses=99)
    assert await _examined(collection, query) == 301
    advisor.observe("", query)
    await advisor.learn("")
    assert await _examined(collection, query) == 1


@pytest.mark.parametrize(
    "selector", [EntitySelector(types=((TYPE,),)), EntitySelector(ids=("urn:x:1",))]
)
async def test_names_of_attributes_need_no_index_where_types_or_ids_narrow_a_query(
    collection, make_advisor, selector
):
    advisor = make_advisor(uses=1)
    advisor.observe("", EntityQuery((selector,), (f"{NAMESPACE}size",)))
    assert await advisor.learn("") == Advice()


async def test_what_has_an_index_already_gets_no_other(collection, make_advisor):
    advisor = make_advisor(uses=1)
    await collection.create_index("a.https://e%2Eorg/size.value", name="by_hand")
    advisor.observe("", q("size==7"))
    assert (await advisor.learn("")).build == ()


async def test_the_limit_holds_and_an_idle_index_makes_room(collection, make_advisor, databases):
    advisor = make_advisor(uses=1, learned=1)
    advisor.observe("", q("size==7"))
    assert len((await advisor.learn("")).build) == 1
    advisor.observe("", q('owner=="urn:p:7"'))
    assert (await advisor.learn("")).build == ()
    long_ago = {"$set": {"last": "2020-01-01T00:00:00.000000Z"}}
    await databases.of("")["index_usage"].update_one({"_id": {"$regex": "size"}}, long_ago)
    advice = await advisor.learn("")
    assert [usage.path for usage in advice.build] == ["a.https://e%2Eorg/owner.value"]
    assert advice.drop == ("a.https://e%2Eorg/size.value",)
    names = [index["name"] async for index in await collection.list_indexes()]
    assert len([name for name in names if name.startswith("learned_")]) == 1


async def test_observing_builds_in_the_background(collection, make_advisor):
    advisor = make_advisor(uses=1)
    advisor.observe("", q("size==7"))
    assert await _learns(collection)


async def test_what_becomes_frequent_waits_for_no_pause(collection, make_advisor, monkeypatch):
    monkeypatch.setattr(index_advisor, "_PAUSE", 3_600)
    advisor, query = make_advisor(uses=3), q("size==7")
    advisor.observe("", query)  # what begins the pause
    await asyncio.sleep(0)
    for _ in range(3):
        advisor.observe("", query)
    assert await _learns(collection)


async def test_what_is_frequent_for_long_is_looked_at_in_pauses(collection, make_advisor):
    advisor, query = make_advisor(uses=3), q("size==7")
    looks = []
    advisor._learn_quietly = lambda tenant: _noted(looks, tenant)
    for _ in range(50):
        advisor.observe("", query)
    await asyncio.sleep(0)
    assert len(looks) == 2


async def _noted(looks, tenant):
    looks.append(tenant)


async def _learns(collection):
    async with asyncio.timeout(PATIENCE):
        while not await _has_learned(collection):
            await asyncio.sleep(0.02)
    return True


async def _has_learned(collection):
    names = [index["name"] async for index in await collection.list_indexes()]
    return any(name.startswith("learned_") for name in names)


def test_what_nobody_asks_for_any_more_gets_no_index():
    early, late = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    usages = [Usage("a.old.value", "value", 900, early), Usage("a.new.value", "value", 90, late)]
    advice = advise(usages, {}, IndexLimits(), idle_since=late)
    assert [usage.path for usage in advice.build] == ["a.new.value"]
