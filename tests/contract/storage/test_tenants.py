"""Which collections a tenant has, and when they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.tenants import COLLECTIONS, Part, Tenants


@pytest.fixture
async def databases(mongodb_uri: str, database_prefix: str) -> AsyncIterator[Databases]:
    client = connect(mongodb_uri)
    yield Databases(client, prefix=database_prefix)
    await client.close()


async def collections(databases: Databases, tenant: str) -> set[str]:
    return set(await databases.of(tenant).list_collection_names())


async def test_a_new_tenant_has_only_what_its_entities_need(databases: Databases) -> None:
    tenants = Tenants(databases)
    assert not await tenants.exists("town")
    await tenants.ensure("town")
    assert await tenants.exists("town")
    assert await collections(databases, "town") == set(COLLECTIONS["entities"])


@pytest.mark.parametrize("part", COLLECTIONS)
async def test_a_part_comes_with_its_indexes_and_makes_the_tenant(
    databases: Databases, part: Part
) -> None:
    await Tenants(databases).ensure("town", part)
    assert await collections(databases, "town") == {*COLLECTIONS["entities"], *COLLECTIONS[part]}
    for name, indexes in COLLECTIONS[part].items():
        there = await databases.of("town")[name].index_information()
        assert set(there) == {"_id_", *(index.document["name"] for index in indexes)}
    assert await Tenants(databases).exists("town")


async def test_several_processes_may_make_the_same_tenant_at_once(databases: Databases) -> None:
    await asyncio.gather(*[Tenants(databases).ensure("town", part) for part in COLLECTIONS])
    every = {name for part in COLLECTIONS.values() for name in part}
    assert await collections(databases, "town") == every


async def test_what_was_dropped_from_outside_is_made_again(databases: Databases) -> None:
    tenants = Tenants(databases)
    await tenants.ensure("town", "snapshots")
    await databases.client.drop_database(databases.name_of("town"))
    tenants.forget_one("town")
    assert not await tenants.exists("town")
    await tenants.ensure("town")
    assert await collections(databases, "town") == set(COLLECTIONS["entities"])
