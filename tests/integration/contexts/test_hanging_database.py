"""A database that accepts connections and says nothing is known as such."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from broker.embedded.mongod import EmbeddedMongod
from broker.model.clock import system_clock
from broker.model.errors import DatabaseUnavailable
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.contexts import MongoContextStore
from tests.servers import own_mongod


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    with own_mongod(tmp_path / "mongodb") as server:
        yield server


@pytest.fixture
def processes(mongod: EmbeddedMongod) -> list[psutil.Process]:
    assert mongod.pid is not None
    one = psutil.Process(mongod.pid)
    return [one, *one.children(recursive=True)]


async def test_a_look_up_ends_though_the_database_hangs(
    mongod: EmbeddedMongod, processes: list[psutil.Process]
) -> None:
    client = connect(mongod.uri)
    store = MongoContextStore(Databases(client, prefix="hang"), clock=system_clock, patience=0.5)
    assert await store.fetch("", "any") is None
    try:
        for process in processes:
            await asyncio.to_thread(process.suspend)
        with pytest.raises(DatabaseUnavailable):
            await store.fetch("", "any")
    finally:
        for process in processes:
            await asyncio.to_thread(process.resume)
        await client.close()
