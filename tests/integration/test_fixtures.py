"""The servers the tests rely on are what they should be."""

from __future__ import annotations

import asyncio

import aiomqtt
import blockbuster
import pytest
from pymongo import AsyncMongoClient

from broker.observability import tasks
from tests.patience import PATIENCE
from tests.servers import Mosquitto


async def test_the_database_takes_transactions(mongodb_uri: str, database_prefix: str) -> None:
    async with AsyncMongoClient(mongodb_uri) as client:
        notes = client[database_prefix]["notes"]
        async with client.start_session() as session, await session.start_transaction():
            await notes.insert_one({"_id": 1}, session=session)
        assert await notes.count_documents({}) == 1


async def test_mosquitto_keeps_a_persistent_session_over_a_restart(mosquitto: Mosquitto) -> None:
    def client(name: str) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1", port=mosquitto.port, identifier=name, clean_session=False
        )

    async with client("reader") as reader:
        await reader.subscribe("measures/#", qos=1)
    async with client("writer") as writer:
        await writer.publish("measures/1", "21.5", qos=1)
    await asyncio.to_thread(mosquitto.stop)
    await asyncio.to_thread(mosquitto.start)
    async with client("reader") as reader:
        async with asyncio.timeout(PATIENCE):
            message = await anext(reader.messages)
    assert message.payload == b"21.5"


@pytest.mark.parametrize("mosquitto", ["allow_anonymous false"], indirect=True)
async def test_mosquitto_takes_more_configuration(mosquitto: Mosquitto) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", port=mosquitto.port):
            pass


async def test_blocking_calls_of_ours_are_found() -> None:
    ours: dict[str, object] = {}
    exec(compile("import time\ndef nap(): time.sleep(0.001)", tasks.__file__, "exec"), ours)
    with pytest.raises(blockbuster.BlockingError):
        ours["nap"]()
