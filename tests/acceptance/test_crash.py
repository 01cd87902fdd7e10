"""Everything is killed under load, at random, again and again: nothing acknowledged is lost.

HTTP clients count attributes up and note what was answered 2xx; MQTT devices publish numbered
measures and note what the MQTT server took (QoS 1). Meanwhile API workers, engine, connectors and
mongod are killed with SIGKILL and come back. At the end every acknowledged write is there with
its change record, every acknowledged measure is stored, and a subscriber was told of every change
at least once, in order for each entity.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import psutil
import pytest
import yaml
from aiohttp import web
from pymongo import AsyncMongoClient

from broker.storage.mongo.documents import escape
from tests.nodes import RunningNode
from tests.patience import PATIENCE
from tests.servers import Mosquitto

pytestmark = [
    pytest.mark.timeout(900),
    # By itself mosquitto drops what waits beyond 1,000 messages while the connector is away.
    pytest.mark.parametrize("mosquitto", ["max_queued_messages 0"], indirect=True),
]

ROUNDS = 20 if os.environ.get("MUTSURA_TEST_LONG") == "1" else 3
COUNT = escape("https://uri.etsi.org/ngsi-ld/default-context/count")
TYPE = "Counter"
WRITERS, DEVICES = 8, 4
VICTIMS = ("worker", "engine", "adapters", "mongod")


class Ledger:
    """What was acknowledged and what was told, by entity, in order."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, list[int]] = defaultdict(list)
        self.told: dict[str, list[int]] = defaultdict(list)


@pytest.fixture
def adapters(tmp_path: Path, mosquitto: Mosquitto) -> Path:
    """Configure one MQTT connector."""
    settings = {
        "url": mosquitto.url,
        "client_id": "crash-test",
        "groups": [
            {
                "apikey": "k",
                "resource": "/iot/json",
                "entity_type": TYPE,
                "attributes": [{"object_id": "n", "name": "count", "type": "Number"}],
            }
        ],
    }
    content = {
        "data": str(tmp_path / "adapters"),
        "adapters": [{"adapter": "mqtt", "name": "devices", "settings": settings}],
    }
    path = tmp_path / "adapters.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def node(tmp_path: Path, adapters: Path, mosquitto: Mosquitto) -> Iterator[RunningNode]:
    """Start a whole node: mongod, two API workers, engine, connectors."""
    with RunningNode(
        tmp_path / "data",
        MUTSURA_ADAPTERS_FILE=str(adapters),
        MUTSURA_MQTT_URL=mosquitto.url,
        MUTSURA_SERVER_WORKERS="2",
        MUTSURA_OUTBOUND_ALLOW_PRIVATE="true",
        MUTSURA_NOTIFICATIONS_RETRY_FIRST="0.1",
        MUTSURA_NOTIFICATIONS_RETRY_LONGEST="0.5",
        MUTSURA_ENGINE_LEASE="1",
    ) as running:
        yield running


@contextlib.asynccontextmanager
async def receiver(ledger: Ledger) -> AsyncIterator[str]:
    """Serve a subscriber's endpoint."""

    async def notify(request: web.Request) -> web.Response:
        for entity in (await request.json())["data"]:
            if "count" in entity:
                ledger.told[entity["id"]].append(entity["count"]["value"])
        return web.Response(status=204)

    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/", notify)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def subscribe(session: aiohttp.ClientSession, url: str, endpoint: str) -> None:
    """Subscribe to every change of the counters."""
    body = {
        "type": "Subscription",
        "entities": [{"type": TYPE}],
        "notification": {"endpoint": {"uri": endpoint, "accept": "application/json"}},
    }
    async with session.post(f"{url}/ngsi-ld/v1/subscriptions", json=body) as answer:
        assert answer.status == 201, await answer.text()


async def write(
    session: aiohttp.ClientSession, url: str, entity_id: str, ledger: Ledger, stop: asyncio.Event
) -> None:
    """Count an entity up; note the numbers that were answered 2xx."""
    number = 0
    while not stop.is_set():
        number += 1
        entity = {"id": entity_id, "type": TYPE, "count": number}
        upsert = f"{url}/ngsi-ld/v1/entityOperations/upsert?options=update"
        try:
            async with session.post(upsert, json=[entity]) as answer:
                if answer.status in {201, 204}:
                    ledger.acknowledged[entity_id].append(number)
                else:
                    assert answer.status in {500, 502, 503, 504}, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.05)
        await asyncio.sleep(random.uniform(0, 0.02))


async def measure(port: int, device: str, ledger: Ledger, stop: asyncio.Event) -> None:
    """Publish numbered measures; note those the MQTT server acknowledged."""
    number = 0
    while not stop.is_set():
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port) as client:
                while not stop.is_set():
                    number += 1
                    payload = f'{{"n": {number}}}'
                    await client.publish(f"/json/k/{device}/attrs", payload, qos=1)
                    ledger.acknowledged[f"urn:ngsi-ld:{TYPE}:{device}"].append(number)
                    await asyncio.sleep(random.uniform(0.005, 0.03))


async def await_connector(uri: str, port: int) -> None:
    """Wait until the connector listens: before its first connection MQTT keeps nothing for it."""
    entity_id = f"urn:ngsi-ld:{TYPE}:probe"
    async with asyncio.timeout(PATIENCE), aiomqtt.Client("127.0.0.1", port) as client:
        while entity_id not in await stored_counts(uri):
            await client.publish("/json/k/probe/attrs", '{"n": 0}', qos=1)
            await asyncio.sleep(0.2)


async def kill_at_random(node: RunningNode, rounds: int) -> list[str]:
    """Kill one process after another and let the node come back each time."""
    killed: list[str] = []
    for number in range(rounds):
        await asyncio.sleep(random.uniform(0.5, 2.0))
        victim = VICTIMS[number] if number < len(VICTIMS) else random.choice(VICTIMS)
        # Whoever was killed again and again is started after a pause.
        while not (found := await asyncio.to_thread(node.processes, victim)):
            await asyncio.sleep(0.05)
        with contextlib.suppress(psutil.NoSuchProcess):
            found[0].kill()
            killed.append(victim)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(node.await_ready)
    return killed


async def stored_counts(uri: str) -> dict[str, list[int]]:
    """Return the numbers in the change records of each entity, in order of commit."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    counts: dict[str, list[int]] = defaultdict(list)
    async for record in client["mutsura"]["changes"].find().sort("v"):
        for instance in record["a"].get(COUNT, {}).get("a", []):
            counts[record["e"]].append(instance["value"])
    await client.close()
    return counts


async def eventually_equal(read: Any, expected: Any) -> Any:
    """Read until the result is as expected or the patience is at an end; return it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while (found := await read()) != expected and loop.time() < deadline:
        await asyncio.sleep(0.5)
    return found


def missing(
    acknowledged: dict[str, list[int]], there: dict[str, list[int]]
) -> dict[str, list[int]]:
    """Return what was acknowledged and is not there."""
    gone = {e: sorted(set(numbers) - set(there.get(e, ()))) for e, numbers in acknowledged.items()}
    return {entity_id: numbers for entity_id, numbers in gone.items() if numbers}


async def test_nothing_acknowledged_is_lost(node: RunningNode, mosquitto: Mosquitto) -> None:
    ledger, stop = Ledger(), asyncio.Event()
    port = await asyncio.to_thread((node.data / "mongodb" / "port").read_text)
    uri = f"mongodb://127.0.0.1:{port.strip()}/?directConnection=true"
    timeout = aiohttp.ClientTimeout(total=30)
    async with receiver(ledger) as endpoint, aiohttp.ClientSession(timeout=timeout) as session:
        await await_connector(uri, mosquitto.port)
        await subscribe(session, node.url, endpoint)
        ids = [f"urn:ngsi-ld:{TYPE}:http{number}" for number in range(WRITERS)]
        async with asyncio.TaskGroup() as load:
            for entity_id in ids:
                load.create_task(write(session, node.url, entity_id, ledger, stop))
            for number in range(DEVICES):
                load.create_task(measure(mosquitto.port, f"mqtt{number}", ledger, stop))
            killed = await kill_at_random(node, ROUNDS)
            await asyncio.sleep(1)
            stop.set()
        assert len(killed) == ROUNDS
        assert sum(map(len, ledger.acknowledged.values())) > 20 * ROUNDS

        async def lost() -> dict[str, list[int]]:
            return missing(ledger.acknowledged, await stored_counts(uri))

        assert await eventually_equal(lost, {}) == {}
        stored = await stored_counts(uri)

        stored.pop(f"urn:ngsi-ld:{TYPE}:probe")

        async def untold() -> dict[str, list[int]]:
            return missing(stored, ledger.told)

        assert await eventually_equal(untold, {}) == {}
    ledger.told.pop(f"urn:ngsi-ld:{TYPE}:probe", None)
    for entity_id, told in ledger.told.items():
        firsts = list(dict.fromkeys(told))
        order = {number: place for place, number in enumerate(dict.fromkeys(stored[entity_id]))}
        assert [order[number] for number in firsts] == sorted(order[number] for number in firsts)
    for entity_id in ids:
        numbers = stored[entity_id]
        assert numbers == sorted(set(numbers)), "a write was carried out twice or out of order"
