"""What `broker.storage.contexts.ContextStore` promises, on a real MongoDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.storage.contexts import StoredContext, cached_id, implicit_id
from broker.storage.mongo.contexts import MongoContextStore

URL = "https://example.org/context.jsonld"
CONTENT = '{"@context":{"$a.b":"https://example.org/a"}}'
TENANTS = ["", "town"]


class Clock:
    def __init__(self):
        self.now = "2026-11-22T04:00:00.000000Z"

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def store(databases, clock):
    made = MongoContextStore(databases, clock=clock)
    await made.prepare()
    return made


def hosted(tenant="", identifier="5d2f5e0c-0000-4000-8000-000000000001", **members):
    return StoredContext(
        identifier, tenant, "Hosted", CONTENT, "2026-11-22T04:00:00.000000Z", **members
    )


def cached(tenant="", **members):
    values = {"url": URL, "expires_at": "2026-11-23T04:00:00.000000Z", "etag": '"1"', **members}
    return StoredContext(
        cached_id(tenant, URL), tenant, "Cached", CONTENT, "2026-11-22T04:00:01.000000Z", **values
    )


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("make", [hosted, cached])
async def test_what_is_stored_is_fetched(store, tenant, make):
    context = make(tenant)
    await (store.replace if context.kind == "Cached" else store.insert)(context)
    assert await store.fetch(tenant, context.id) == context
    assert await store.find(tenant, None) == [replace(context, content="")]


@pytest.mark.parametrize("make", [hosted, cached])
async def test_no_tenant_sees_those_of_another(store, make):
    context = make("town")
    await (store.replace if context.kind == "Cached" else store.insert)(context)
    for other in ("", "city"):
        assert await store.fetch(other, context.id) is None
        assert await store.find(other, None) == []
        assert not await store.delete(other, context.id)
    assert await store.fetch("town", context.id) == context


async def test_one_that_is_there_already_stays(store):
    await store.insert(hosted())
    await store.insert(replace(hosted(), content='{"@context":{}}'))
    found = await store.fetch("", hosted().id)
    assert found is not None
    assert found.content == CONTENT


async def test_replacing_keeps_the_hits(store):
    await store.replace(cached())
    await store.count_uses({("", cached().id): 3}, "2026-11-22T05:00:00.000000Z")
    await store.replace(cached(etag='"2"'))
    found = await store.fetch("", cached().id)
    assert found is not None
    assert (found.hits, found.etag) == (3, '"2"')
    assert found.last_used_at == "2026-11-22T05:00:00.000000Z"


async def test_uses_are_counted_for_each_kind_and_tenant(store):
    await store.insert(hosted("town"))
    await store.replace(cached(""))
    uses = {("town", hosted().id): 2, ("", cached("").id): 1, ("town", "unknown"): 1}
    await store.count_uses(uses, "2026-11-22T05:00:00.000000Z")
    await store.count_uses({("town", hosted().id): 1}, "2026-11-22T06:00:00.000000Z")
    [of_town] = await store.find("town", None)
    [of_default] = await store.find("", None)
    assert (of_town.hits, of_town.last_used_at) == (3, "2026-11-22T06:00:00.000000Z")
    assert (of_default.hits, of_default.last_used_at) == (1, "2026-11-22T05:00:00.000000Z")


async def test_they_are_listed_by_kind_oldest_first(store):
    implicit = StoredContext(
        implicit_id("", CONTENT), "", "ImplicitlyCreated", CONTENT, "2026-11-22T03:00:00.000000Z"
    )
    for context in (hosted(), implicit):
        await store.insert(context)
    await store.replace(cached())
    assert [found.kind for found in await store.find("", None)] == [
        "ImplicitlyCreated",
        "Hosted",
        "Cached",
    ]
    for kind in ("ImplicitlyCreated", "Hosted", "Cached"):
        assert [found.kind for found in await store.find("", kind)] == [kind]


async def test_an_expiry_is_postponed_by_one_process_only(store):
    await store.replace(cached())
    assert await store.postpone(cached(), "2026-11-24T04:00:00.000000Z")
    assert not await store.postpone(cached(), "2026-11-25T04:00:00.000000Z")
    found = await store.fetch("", cached().id)
    assert found is not None
    assert found.expires_at == "2026-11-24T04:00:00.000000Z"


async def test_other_processes_learn_of_replaced_and_deleted_ones_once(store, databases, clock):
    other = MongoContextStore(databases, clock=clock)
    await store.replace(cached())
    assert await other.changes() == []
    await store.insert(hosted())
    assert await other.changes() == []
    await store.replace(cached())
    assert await other.changes() == [cached().id]
    assert await store.delete("", hosted().id)
    assert await other.changes() == [hosted().id]
    clock.now = "2026-11-22T04:10:00.000000Z"
    assert await other.changes() == []


async def test_the_cache_drops_what_was_used_longest_ago(databases, clock):
    small = MongoContextStore(databases, clock=clock, most_cached=2)
    tenants = ["first", "second", "third"]
    for minute, tenant in enumerate(tenants):
        clock.now = f"2026-11-22T04:0{minute}:00.000000Z"
        await small.replace(cached(tenant))
        clock.now = f"2026-11-22T04:0{minute}:30.000000Z"
        await small.count_uses({("first", cached("first").id): 1}, clock.now)
    found = [await small.fetch(tenant, cached(tenant).id) for tenant in tenants]
    assert [context is not None for context in found] == [True, False, True]


async def test_deleting_says_whether_it_was_there(store):
    await store.insert(hosted())
    assert await store.delete("", hosted().id)
    assert not await store.delete("", hosted().id)
    assert await store.fetch("", hosted().id) is None


async def test_an_unknown_tenant_gets_no_database(store, databases):
    await store.replace(cached("nowhere"))
    await store.count_uses({("nowhere", "x"): 1}, "2026-11-22T05:00:00.000000Z")
    assert await store.fetch("nowhere", "x") is None
    assert databases.name_of("nowhere") not in await databases.client.list_database_names()
