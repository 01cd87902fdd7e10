"""What the source of the feed promises: in order, complete, silent about unwatched tenants."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from broker.model import patching
from broker.model.entity import Entity
from broker.model.subscription import Subscription
from broker.storage.feed import EntityChanged, SubscriptionRemoved, SubscriptionStored
from broker.storage.mongo.change_stream import MongoChangeLog, MongoChangeSource
from broker.storage.mongo.documents import decode_change
from broker.storage.mongo.subscriptions import MongoSubscriptionStore
from broker.storage.mongo.tenants import Tenants


@pytest.fixture
async def source(databases):
    source = MongoChangeSource(databases)
    yield source
    await source.close()


@pytest.fixture
def subscriptions(databases):
    return MongoSubscriptionStore(databases=databases, tenants=Tenants(databases))


@pytest.fixture
async def watched(source, subscriptions):
    """Have two tenants with a subscription each, and the source opened."""
    await subscriptions.insert(subscription(1))
    await subscriptions.insert(subscription(2, "other"))
    await source.open(None)


def subscription(number, tenant=""):
    return Subscription(
        id=f"urn:s:{number}",
        tenant=tenant,
        definition={
            "id": f"urn:s:{number}",
            "type": "Subscription",
            "notification": {"endpoint": {"uri": "http://127.0.0.1:1/"}},
        },
        context=None,
        query_context=None,
        created_at="2026-01-01T00:00:00Z",
        modified_at="2026-01-01T00:00:00Z",
    )


async def create(store, entity_id, tenant=""):
    entity = Entity(id=entity_id, types=("https://example.org/T",), attributes={})
    await store.apply(tenant, entity_id, patching.create_entity(entity))


def told(event):
    """Return an event as a short text."""
    match event:
        case EntityChanged():
            return event.tenant, event.change.entity_id
        case SubscriptionStored():
            return event.subscription.tenant, event.subscription.id
        case SubscriptionRemoved():
            return event.tenant, event.subscription_id
    return event


async def read_until(source, last, most=50):
    """Return the events up to and including the one told as `last`."""
    events = []
    for _ in range(most):
        events += [told(event) for event in (await source.read()).events]
        if last in events:
            return events
    raise AssertionError(f"{last} never came; these did: {events}")


async def test_changes_of_a_tenant_without_subscriptions_are_left_out(store, source, subscriptions):
    await source.open(None)
    await create(store, "urn:x:1")
    await subscriptions.insert(subscription(1))
    await create(store, "urn:x:2")
    assert await read_until(source, ("", "urn:x:2")) == [("", "urn:s:1"), ("", "urn:x:2")]


async def test_nothing_after_a_first_subscription_is_missed(store, source, subscriptions):
    """Also if all of it lies in the stream before it is read."""
    await source.open(None)
    for number in range(3):
        tenant = f"town{number}"
        await create(store, "urn:x:before", tenant)
        await subscriptions.insert(subscription(number, tenant))
        await create(store, "urn:x:after", tenant)
    await create(store, "urn:x:end", "town0")
    events = await read_until(source, ("town0", "urn:x:end"))
    expected = [
        one
        for number in range(3)
        for one in ((f"town{number}", f"urn:s:{number}"), (f"town{number}", "urn:x:after"))
    ]
    assert events == [*expected, ("town0", "urn:x:end")]


@pytest.mark.usefixtures("watched")
async def test_after_the_last_subscription_is_gone_a_tenant_is_left_out_again(
    store, source, subscriptions
):
    await subscriptions.delete("", "urn:s:1")
    await read_until(source, ("", "urn:s:1"))
    await create(store, "urn:x:1")
    await create(store, "urn:x:2", "other")
    assert await read_until(source, ("other", "urn:x:2")) == [("other", "urn:x:2")]
    await subscriptions.insert(subscription(3))
    await create(store, "urn:x:3")
    assert await read_until(source, ("", "urn:x:3")) == [("", "urn:s:3"), ("", "urn:x:3")]


@pytest.mark.usefixtures("watched")
async def test_it_goes_on_behind_a_change_that_followed_the_last_subscription(
    store, source, subscriptions
):
    """A stream that does not let an event through cannot go on behind it."""
    await subscriptions.delete("", "urn:s:1")
    await create(store, "urn:x:1")
    await read_until(source, ("", "urn:x:1"))
    await create(store, "urn:x:2", "other")
    assert await read_until(source, ("other", "urn:x:2")) == [("other", "urn:x:2")]
    await create(store, "urn:x:3")
    await create(store, "urn:x:4", "other")
    assert await read_until(source, ("other", "urn:x:4")) == [("other", "urn:x:4")]


@pytest.mark.usefixtures("watched")
async def test_it_opens_behind_a_change_of_a_tenant_without_subscriptions(
    databases, store, source, subscriptions
):
    await create(store, "urn:x:1")
    events = []
    while ("", "urn:x:1") not in events:
        batch = await source.read()
        events += [told(event) for event in batch.events]
    await source.close()
    await subscriptions.delete("", "urn:s:1")
    again = MongoChangeSource(databases)
    assert (await again.open(batch.position)).is_complete
    await create(store, "urn:x:2", "other")
    assert await read_until(again, ("other", "urn:x:2")) == [("", "urn:s:1"), ("other", "urn:x:2")]
    await create(store, "urn:x:3")
    await create(store, "urn:x:4", "other")
    assert await read_until(again, ("other", "urn:x:4")) == [("other", "urn:x:4")]
    await again.close()


async def test_a_source_opened_at_an_earlier_position_tells_what_came_since(
    databases, store, source, subscriptions
):
    await create(store, "urn:x:0")
    opened = await source.open(None)
    await source.close()
    await create(store, "urn:x:1")
    await subscriptions.insert(subscription(1))
    await create(store, "urn:x:2")
    again = MongoChangeSource(databases)
    assert (await again.open(opened.position)).is_complete
    # The one before the subscription may be told: whoever matches knows since when it counts.
    events = await read_until(again, ("", "urn:x:2"))
    await again.close()
    early = {("", "urn:x:0"), ("", "urn:x:1")}
    assert [one for one in events if one not in early] == [("", "urn:s:1"), ("", "urn:x:2")]


async def test_the_time_of_a_quiet_position_goes_on(store, source, monkeypatch):
    monkeypatch.setattr("broker.storage.mongo.change_stream._MARGIN", timedelta(0))
    await create(store, "urn:x:1")
    opened = await source.open(None)
    await asyncio.sleep(1.1)  # the clock of operation times counts seconds
    await create(store, "urn:x:2")
    batch = await source.read()
    assert not batch.events
    assert batch.position.at > opened.position.at


async def test_changes_are_replayed_as_they_were_made_wherever_they_lie(store, source, databases):
    entity = Entity(id="urn:e:1", types=("https://example.org/T",), attributes={})
    make, remove = patching.create_entity(entity), patching.delete_entity("urn:e:1")
    made = []
    for group in ([make], [remove, make, remove, make], [remove, make], [remove]):
        outcomes = await store.apply_many("", [("urn:e:1", operation) for operation in group])
        made += [outcome.change for outcome in outcomes]
    changes = databases.of("")["changes"]
    records = await changes.find().to_list()
    await changes.delete_many({})
    await changes.insert_many(records[::2] + records[1::2])  # as after the recovery of a server
    assert [event.change async for event in source.replay("2026")] == made


async def test_the_versions_of_a_former_life_are_left_where_they_are(store, databases):
    """An entity may have had a hundred thousand before it was created again."""
    await create(store, "urn:e:1")
    database = databases.of("")
    own = await database["changes"].find_one({"e": "urn:e:1"})
    former = [
        {
            **own,
            "_id": f"urn:e:1 {version:010d} then",
            "v": version,
            "at": "2025-12-30T00:00:00.000000Z",
        }
        for version in range(2, 50)
    ]
    await database["changes"].insert_many(former)
    await database.command("profile", 2)
    found = await MongoChangeLog(databases).later("", [decode_change(own)])
    await database.command("profile", 0)
    assert found == {"urn:e:1": []}
    read = {"op": "query", "ns": f"{database.name}.changes"}
    asked = await database["system.profile"].find(read).to_list()
    assert [one["nreturned"] for one in asked] == [1]
