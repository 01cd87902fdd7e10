"""The engine is killed again and again while entities change: every change is told, in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from pymongo import AsyncMongoClient

from broker.embedded.mongod import EmbeddedMongod
from broker.storage.mongo.connection import Document, connect
from tests.integration.subscriptions.city import City, Receiver, city, until
from tests.patience import PATIENCE
from tests.servers import own_mongod

ROOT = Path(__file__).parents[2]
ROUNDS = 20 if os.environ.get("MUTSURA_TEST_LONG") == "1" else 4
ENTITIES = [f"urn:ngsi-ld:Sensor:{number}" for number in range(10)]


class EngineOfItsOwn:
    """`mutsura engine` in a process of its own.

    It has a third of its `lease` (seconds) to end in order when it is asked to.
    """

    def __init__(self, uri: str, prefix: str, output: Path, *, lease: int = 1) -> None:
        self._environment = os.environ | {
            "MUTSURA_MONGODB_URI": uri,
            "MUTSURA_MONGODB_DATABASE_PREFIX": prefix,
            "MUTSURA_OUTBOUND_ALLOW_PRIVATE": "true",
            "MUTSURA_NOTIFICATIONS_RETRY_FIRST": "0.1",
            "MUTSURA_NOTIFICATIONS_RETRY_LONGEST": "0.5",
            "MUTSURA_ENGINE_LEASE": str(lease),
        }
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; does not wait until it leads."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "broker", "engine"],
                cwd=ROOT,
                env=self._environment,
                stderr=output,
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=PATIENCE)
            self._process = None


@pytest.fixture
def client(mongodb_uri: str) -> AsyncMongoClient[Document]:
    return connect(mongodb_uri)


@pytest.fixture
async def town(client: AsyncMongoClient[Document], database_prefix: str) -> AsyncIterator[City]:
    await client.admin.command("ping")
    async with city(client, database_prefix) as made:
        yield made


async def write(town: City, entity_id: str, acknowledged: list[int], stop: asyncio.Event) -> None:
    """Count an attribute up, noting what was acknowledged."""
    while not stop.is_set():
        number = len(acknowledged) + 1
        await town.update(entity_id, count=number)
        acknowledged.append(number)
        await asyncio.sleep(random.uniform(0.01, 0.05))


def first_told(receiver: Receiver, entity_id: str) -> list[int]:
    """Return the values of an entity in the order in which each was told first."""
    return list(dict.fromkeys(receiver.values("count", entity_id)))


async def test_nothing_is_lost_when_the_engine_is_killed(
    town: City, mongodb_uri: str, tmp_path: Path
) -> None:
    receiver = await town.receiver()
    for entity_id in ENTITIES:
        await town.create(entity_id, count=0)
    await town.subscribe(receiver, notificationTrigger=["attributeUpdated"])
    engine = EngineOfItsOwn(mongodb_uri, town.databases.prefix, tmp_path / "engine.err")
    stop = asyncio.Event()
    acknowledged: dict[str, list[int]] = {entity_id: [] for entity_id in ENTITIES}
    writers = [
        asyncio.ensure_future(write(town, entity_id, numbers, stop))
        for entity_id, numbers in acknowledged.items()
    ]
    try:
        for number in range(ROUNDS):
            engine.start()
            told = receiver.attempts
            await until(lambda seen=told: receiver.attempts > seen + 3)
            if number % 2:  # it dies with notifications that wait for an endpoint
                await receiver.stop()
                await asyncio.sleep(random.uniform(0.1, 1.0))
            await asyncio.sleep(random.uniform(0.0, 0.7))
            engine.kill()
            if number % 2:
                await receiver.start()
        stop.set()
        await asyncio.gather(*writers)
        engine.start()
        await until(
            lambda: all(
                len(first_told(receiver, entity_id)) >= len(numbers)
                for entity_id, numbers in acknowledged.items()
            )
        )
    finally:
        stop.set()
        engine.kill()
    for entity_id, numbers in acknowledged.items():
        assert first_told(receiver, entity_id) == numbers


async def test_an_engine_that_is_asked_to_stop_tells_nothing_twice(
    town: City, mongodb_uri: str, tmp_path: Path
) -> None:
    receiver = await town.receiver()
    await town.create(ENTITIES[0], count=0)
    await town.subscribe(receiver, notificationTrigger=["attributeUpdated"])
    output = tmp_path / "engine.err"
    engine = EngineOfItsOwn(mongodb_uri, town.databases.prefix, output, lease=60)
    try:
        for number in (1, 2):
            engine.start()
            await town.update(ENTITIES[0], count=number)
            await until(lambda n=number: receiver.values("count")[-1:] == [n])
            engine.kill(signal.SIGTERM)
    finally:
        engine.kill()
    assert receiver.values("count") == [1, 2]


def kill_and_restart(mongod: EmbeddedMongod) -> None:
    """Kill the server, whatever it is doing, and start it again on its data."""
    root = psutil.Process(mongod.pid)
    for process in (*root.children(recursive=True), root):
        process.kill()
    mongod.stop()
    mongod.start(port=mongod.port)


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    with own_mongod(tmp_path / "mongodb") as server:
        yield server


@pytest.fixture
def own_client(mongod: EmbeddedMongod) -> AsyncMongoClient[Document]:
    return connect(mongod.uri)


async def test_a_database_that_is_killed_takes_no_notification_with_it(
    mongod: EmbeddedMongod, own_client: AsyncMongoClient[Document], tmp_path: Path
) -> None:
    await own_client.admin.command("ping")
    engine = EngineOfItsOwn(mongod.uri, "town", tmp_path / "engine.err")
    try:
        async with city(own_client, "town") as town:
            receiver = await town.receiver()
            await town.create(ENTITIES[0], count=0)
            await town.subscribe(receiver, notificationTrigger=["attributeUpdated"])
            engine.start()
            for number in range(1, 31):
                await town.update(ENTITIES[0], count=number)
                if number % 10 == 0:
                    await asyncio.to_thread(kill_and_restart, mongod)
            await until(lambda: receiver.values("count")[-1:] == [30])
        assert first_told(receiver, ENTITIES[0]) == list(range(1, 31))
    finally:
        engine.kill()
