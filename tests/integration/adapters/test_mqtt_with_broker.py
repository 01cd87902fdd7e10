"""From mosquitto through the adapter into the real broker and its database."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from pymongo import MongoClient

from adapters.mqtt.settings import Settings
from broker.embedded.ports import free_port, is_free
from tests.integration.adapters.mqtt_publisher import publish
from tests.integration.adapters.test_mqtt_delivery import adapter, until
from tests.patience import PATIENCE
from tests.servers import Mosquitto

GROUPS = [
    {
        "resource": "/iot/json",
        "apikey": "key",
        "entity_type": "Thermometer",
        "attributes": [
            {"object_id": "t", "name": "temperature", "metadata": {"unitCode": "CEL"}},
            {"name": "location", "type": "geo:point"},
            {"name": "room", "type": "Relationship"},
            {"name": "label", "type": "LanguageProperty"},
            {"name": "seen", "type": "DateTime"},
        ],
        "static_attributes": [{"name": "town", "type": "Text", "value": "Yaizu"}],
    },
    {"resource": "/iot/json", "apikey": "tenant", "entity_type": "Counter", "service": "town_a"},
]


class RunningBroker:
    """The API of the broker under test."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def entity(
        self, entity_id: str, tenant: str | None = None, *, names: str | None = None
    ) -> dict[str, Any] | None:
        """Return an entity as a client with the @context `names` sees it (default: the core's)."""
        headers = {"NGSILD-Tenant": tenant} if tenant else {}
        if names is not None:
            headers["Link"] = f'<{names}>; rel="http://www.w3.org/ns/json-ld#context"'
        path = f"{self.url}/ngsi-ld/v1/entities/{entity_id}"
        async with aiohttp.ClientSession() as session, session.get(path, headers=headers) as found:
            return dict(await found.json()) if found.status == 200 else None


@pytest.fixture
def broker(mongodb_uri: str, database_prefix: str, tmp_path: Path) -> Iterator[RunningBroker]:
    """An API worker of the broker, as a process of its own."""
    port = free_port()
    environment = {
        **os.environ,
        "MUTSURA_MONGODB_URI": mongodb_uri,
        "MUTSURA_MONGODB_DATABASE_PREFIX": database_prefix,
        "MUTSURA_SERVER_PORT": str(port),
    }
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "broker", "worker"], env=environment, stdout=log, stderr=log
        )
    try:
        while is_free(port) and worker.poll() is None:
            time.sleep(0.05)
        yield RunningBroker(f"http://127.0.0.1:{port}")
    finally:
        worker.terminate()
        worker.wait(PATIENCE)


async def test_every_kind_of_attribute_is_stored(
    mosquitto: Mosquitto, broker: RunningBroker, tmp_path: Path
) -> None:
    measure = {
        "t": 21.5,
        "location": "34.86, 138.32",
        "room": "urn:ngsi-ld:Room:1",
        "label": {"ja": "駅前"},
        "seen": "2026-01-01T09:00:00+09:00",
        "switch:0": {"on": True},
        "TimeInstant": "2026-01-01T00:00:00Z",
    }
    async with adapter(Settings(url=mosquitto.url, groups=GROUPS), broker, tmp_path) as context:
        await publish(mosquitto, [("/json/key/d1/attrs", orjson.dumps(measure))])
        await until(lambda: any(one.created for one in context.writers.states()))
        assert await context.dead_letters.count() == 0
    found = await broker.entity("urn:ngsi-ld:Thermometer:d1")
    assert found is not None
    at = {"observedAt": "2026-01-01T00:00:00Z"}
    assert found == {
        "id": "urn:ngsi-ld:Thermometer:d1",
        "type": "Thermometer",
        "temperature": {"type": "Property", "value": 21.5, "unitCode": "CEL", **at},
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [138.32, 34.86]},
            **at,
        },
        "room": {"type": "Relationship", "object": "urn:ngsi-ld:Room:1", **at},
        "label": {"type": "LanguageProperty", "languageMap": {"ja": "駅前"}, **at},
        "seen": {
            "type": "Property",
            "value": {"@type": "DateTime", "@value": "2026-01-01T00:00:00Z"},
            **at,
        },
        "switch_0": {"type": "Property", "value": {"on": True}, **at},
        "town": {"type": "Property", "value": "Yaizu"},
    }


async def test_each_measure_is_one_committed_change_in_its_order(
    mosquitto: Mosquitto,
    broker: RunningBroker,
    tmp_path: Path,
    mongodb_uri: str,
    database_prefix: str,
) -> None:
    messages = [("/json/tenant/d1/attrs/n", str(number).encode()) for number in range(300)]
    async with adapter(Settings(url=mosquitto.url, groups=GROUPS), broker, tmp_path) as context:
        await publish(mosquitto, messages)
        await until(lambda: context.health.counters["measures"] == 300)
        await until(lambda: not any(one.pending for one in context.writers.states()))
    assert await broker.entity("urn:ngsi-ld:Counter:d1") is None
    found = await broker.entity("urn:ngsi-ld:Counter:d1", tenant="town_a")
    assert found is not None
    assert found["n"]["value"] == 299
    versions = await asyncio.to_thread(_versions, mongodb_uri, f"{database_prefix}-town_a")
    assert versions == list(range(1, 301))


def _versions(uri: str, database: str) -> list[int]:
    with MongoClient[dict[str, Any]](uri) as client:
        return [one["v"] for one in client[database]["changes"].find().sort("v")]
