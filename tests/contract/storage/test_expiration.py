"""What has expired leaves the database, with a record of it, and nothing else does."""

from __future__ import annotations

import asyncio

import pytest

from broker.model import patching
from broker.model.clock import system_clock
from broker.model.datetimes import canonical_time
from broker.model.entity import Entity
from broker.operations.expiry import ExpiryTimer
from broker.storage.mongo.tenants import EXPIRY_INDEX
from tests.patience import PATIENCE

PAST, FUTURE = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
A, B, SUB = (f"https://example.org/{name}" for name in ("a", "b", "sub"))


def prop(**members):
    return {"type": "Property", "value": 1, **members}


@pytest.fixture
async def timer(store, registrations):
    """An expiry timer at work."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(
        ExpiryTimer(
            entities=store, registrations=registrations, clock=system_clock, every=0.05
        ).run(stop)
    )
    yield
    stop.set()
    await running


async def until_nothing_is_due(store):
    async with asyncio.timeout(PATIENCE):
        while await store.find_expired(system_clock(), limit=1):
            await asyncio.sleep(0.02)


@pytest.fixture
def make(store):
    async def make(entity_id, *, tenant="", expires_at=None, **attributes):
        entity = Entity(
            entity_id,
            ("https://example.org/T",),
            attributes={f"https://example.org/{name}": [one] for name, one in attributes.items()},
            expires_at=expires_at,
        )
        await store.apply(tenant, entity_id, patching.create_entity(entity))

    return make


async def stored(databases, tenant=""):
    found = await databases.of(tenant)["entities"].find().to_list()
    return {document["_id"]: document for document in found}


async def changes_of(databases, entity_id, tenant=""):
    cursor = databases.of(tenant)["changes"].find({"e": entity_id}).sort("v", 1)
    return await cursor.to_list()


async def test_expired_entities_of_all_tenants_are_removed(databases, store, timer, make):
    for tenant in ("", "Town"):
        await make("urn:x:gone", tenant=tenant, expires_at=PAST, a=prop())
        await make("urn:x:later", tenant=tenant, expires_at=FUTURE, a=prop())
        await make("urn:x:ever", tenant=tenant, a=prop())
    await until_nothing_is_due(store)
    for tenant in ("", "Town"):
        assert set(await stored(databases, tenant)) == {"urn:x:later", "urn:x:ever"}
        changes = await changes_of(databases, "urn:x:gone", tenant)
        assert [(change["k"], change["v"]) for change in changes] == [
            ("entityCreated", 1),
            ("entityDeleted", 2),
        ]


async def test_expired_attributes_and_sub_attributes_are_removed(databases, store, timer, make):
    await make(
        "urn:x:1",
        a=prop(expiresAt=PAST),
        b=prop(**{SUB: [prop(expiresAt=PAST)]}, expiresAt=FUTURE),
    )
    await until_nothing_is_due(store)
    document = (await stored(databases))["urn:x:1"]
    assert document["n"] == [B]
    assert set(document["a"]) == {"https://example%2Eorg/b"}
    assert "https://example%2Eorg/sub" not in document["a"]["https://example%2Eorg/b"]
    assert document["xa"] == "2999-01-01T00:00:00.000000Z"
    change = (await changes_of(databases, "urn:x:1"))[-1]
    assert (change["k"], change["v"]) == ("entityUpdated", 2)
    assert change["a"]["https://example%2Eorg/a"]["a"] == []


async def test_more_than_one_step_is_removed(databases, store, timer):
    entities = [
        Entity(f"urn:x:{number}", ("https://example.org/T",), expires_at=PAST)
        for number in range(201)
    ]
    await store.apply_many("", [(one.id, patching.create_entity(one)) for one in entities])
    await until_nothing_is_due(store)
    assert await stored(databases) == {}


@pytest.mark.parametrize(
    ("of_entity", "of_attribute", "earliest"),
    [
        (PAST, None, PAST),
        (None, PAST, PAST),
        (FUTURE, PAST, PAST),
        (PAST, FUTURE, PAST),
        (FUTURE, None, FUTURE),
        (None, None, None),
    ],
)
async def test_one_index_has_the_earliest_time_of_all(
    databases, make, of_entity, of_attribute, earliest
):
    expiring = prop(expiresAt=of_attribute) if of_attribute else prop()
    await make("urn:x:1", expires_at=of_entity, a=expiring)
    entities = databases.of("")["entities"]
    cursor = entities.find({"xa": {"$gt": ""}}).hint(EXPIRY_INDEX)
    found = [document["xa"] for document in await cursor.to_list()]
    assert found == ([canonical_time(earliest)] if earliest else [])


async def test_the_earliest_time_follows_what_remains(databases, store, make):
    await make("urn:x:1", expires_at=FUTURE, a=prop(expiresAt="2998-01-01T00:00:00Z"))
    await store.apply("", "urn:x:1", patching.delete_attribute("urn:x:1", A))
    assert (await stored(databases))["urn:x:1"]["xa"] == canonical_time(FUTURE)
