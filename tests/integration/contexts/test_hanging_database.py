"""A database that accepts connections and says nothing is known as such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.embedded.mongod import EmbeddedMongod
from broker.model.clock import system_clock
from broker.model.errors import DatabaseUnavailable
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.contexts import MongoContextStore
from tests.servers import halted, own_mongod


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    with own_mongod(tmp_path / "mongodb") as server:
        yield server


async def test_a_look_up_ends_though_the_database_hangs(mongod: EmbeddedMongod) -> None:
    client = connect(mongod.uri)
    store = MongoContextStore(Databases(client, prefix="hang"), clock=system_clock, patience=0.5)
    assert await store.fetch("", "any") is None
    assert mongod.pid is not None
    with halted(mongod.pid), pytest.raises(DatabaseUnavailable):
        await store.fetch("", "any")
    await client.close()
