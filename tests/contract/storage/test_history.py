"""What the server keeps of the past while somebody reads as of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from broker.embedded.mongod import EmbeddedMongod
from broker.model.errors import DatabaseUnavailable
from broker.storage.mongo.connection import Document, connect
from broker.storage.mongo.errors import translate
from broker.storage.mongo.history import History
from tests.servers import own_mongod

WINDOW = "minSnapshotHistoryWindowInSeconds"


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongod]:
    with own_mongod(tmp_path_factory.mktemp("history")) as server:
        yield server


@pytest.fixture
async def client(mongod: EmbeddedMongod) -> AsyncIterator[AsyncMongoClient[Document]]:
    client = connect(mongod.uri)
    yield client
    await set_window(client, 0)
    await client.close()


async def window(client: AsyncMongoClient[Document]) -> int:
    answer = await client.admin.command({"getParameter": 1, WINDOW: 1})
    return int(answer[WINDOW])


async def set_window(client: AsyncMongoClient[Document], seconds: int) -> None:
    await client.admin.command({"setParameter": 1, WINDOW: seconds})


async def read_while_overwritten(client: AsyncMongoClient[Document]) -> list[object]:
    """Return what two readings of one document as of one moment find; it changes in between."""
    things = client["history"]["things"]
    await things.replace_one({"_id": 1}, {"n": 0}, upsert=True)
    found: list[object] = []
    async with client.start_session(snapshot=True) as session:
        for n in range(1, 20):
            document = await things.find_one({"_id": 1}, session=session)
            assert document is not None
            found.append(document["n"])
            await things.replace_one({"_id": 1}, {"n": n})
            await asyncio.sleep(0.1)
    return found


async def test_the_embedded_server_keeps_nothing_of_the_past_by_itself(
    client: AsyncMongoClient[Document],
) -> None:
    assert await window(client) == 0
    with pytest.raises(OperationFailure) as told:
        await read_while_overwritten(client)
    assert isinstance(translate(told.value), DatabaseUnavailable)


async def test_a_moment_stays_while_somebody_reads(client: AsyncMongoClient[Document]) -> None:
    history = History(client)
    async with history.kept():
        async with history.kept():
            assert await window(client) == 300
        assert await read_while_overwritten(client) == [0] * 19
    assert await window(client) == 0


async def test_what_the_operator_lets_the_server_keep_is_left_alone(
    client: AsyncMongoClient[Document],
) -> None:
    await set_window(client, 3600)
    async with History(client).kept():
        assert await window(client) == 3600
    assert await window(client) == 3600


async def test_it_is_shortened_though_the_reader_fails(client: AsyncMongoClient[Document]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with History(client).kept():
            raise ZeroDivisionError
    assert await window(client) == 0
