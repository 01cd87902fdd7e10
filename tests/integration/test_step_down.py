"""Writers while the primary steps down: everything acknowledged is there, and there once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from pymongo.errors import ConnectionFailure

from broker.embedded.mongod import EmbeddedMongod
from broker.model import patching
from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.model.errors import NgsiLdError
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.tenants import Tenants

STEP_DOWNS = 3


@pytest.fixture
def mongod(tmp_path):
    server = EmbeddedMongod(tmp_path / "mongodb")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def databases(mongod):
    client = connect(mongod.uri)
    yield Databases(client, prefix="step-down")
    await client.close()


async def step_down(databases):
    with suppress(ConnectionFailure):  # the server may close all connections
        await databases.client.admin.command("replSetStepDown", 1, force=True)


def counting(current, now):
    """Give the entity a value it did not have before."""
    value = 0 if current is None else current.version
    attributes = {"urn:a:n": [{"type": "Property", "value": value}]}
    return patching.upsert_entity(Entity("urn:x:1", ("urn:t:1",), attributes), "replace")(
        current, now
    )


async def test_what_is_acknowledged_while_the_primary_steps_down_is_there_once(databases):
    store = MongoEntityStore(
        databases=databases,
        tenants=Tenants(databases),
        clock=system_clock,
        limits=GroupLimits(),
    )
    versions: list[int] = []
    stop = asyncio.Event()

    async def write():
        while not stop.is_set():
            try:
                transition = await store.apply("", "urn:x:1", counting)
            except NgsiLdError:
                continue
            versions.append(transition.entity.version)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(write())
        for _ in range(STEP_DOWNS):
            await asyncio.sleep(1)
            written = len(versions)
            await step_down(databases)
            while len(versions) == written:
                await asyncio.sleep(0.05)
        stop.set()
    changes = databases.of("")["changes"]
    recorded = [record["v"] async for record in changes.find({"e": "urn:x:1"})]
    assert sorted(recorded) == list(range(1, len(recorded) + 1))
    assert len(set(versions)) == len(versions)
    assert set(versions) <= set(recorded)
