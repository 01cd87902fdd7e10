"""A broker with an engine, for the conformance tests of snapshots."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager

import pytest_asyncio

from broker.app import build_engine
from broker.config import load_settings
from tests.api import build, drop_databases, serving
from tests.receivers import receiving
from tests.snapshots import urn


@asynccontextmanager
async def engine_of(uri, prefix):
    """Run the engine of an installation while the context lasts."""
    settings = {
        "MUTSURA_MONGODB_URI": uri,
        "MUTSURA_MONGODB_DATABASE_PREFIX": prefix,
        "MUTSURA_OUTBOUND_ALLOW_PRIVATE": "true",
    }
    engine = await asyncio.to_thread(lambda: build_engine(load_settings(settings)))
    stop = asyncio.Event()
    running = asyncio.get_running_loop().create_task(engine.run(stop))
    yield
    stop.set()
    await running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(mongodb_uri):
    """A client of a broker with an engine, which the tests of this module share."""
    prefix = f"test_{secrets.token_hex(4)}"
    application = await asyncio.to_thread(build, mongodb_uri, prefix)
    async with serving(application) as client, engine_of(mongodb_uri, prefix):
        yield client
    await asyncio.to_thread(drop_databases, mongodb_uri, prefix)


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def without_snapshots(broker):
    """Remove what a test leaves behind."""
    yield
    await broker.delete("/snapshots?q=snapshotPriority%3E0")


@pytest_asyncio.fixture(loop_scope="module")
async def receiver():
    async with receiving() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def three(broker, kind):
    """Three entities with p from 0 to 2 and q 0; returns their ids in order."""
    bodies = [{"id": urn(kind, n), "type": kind, "p": n, "q": 0, "scope": "/a"} for n in range(3)]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201
    return [body["id"] for body in bodies]
