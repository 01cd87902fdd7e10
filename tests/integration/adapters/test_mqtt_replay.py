"""Dead letters of the MQTT adapter are read again with the configuration as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.mqtt.configuration import Group
from adapters.mqtt.registry_store import SqliteRegistryStore
from adapters.mqtt.settings import Settings
from adapters.runtime.broker_client import BrokerAddress
from adapters.runtime.configuration import Configuration, ConfiguredAdapter
from adapters.runtime.dead_letters import DeadLetter, DeadLetters
from adapters.runtime.errors import BrokerUnavailable
from adapters.runtime.manifest import find
from adapters.runtime.replay import Replay, Replayed
from adapters.runtime.store import Store
from adapters.runtime.testing import TestBroker
from tests.integration.adapters.mqtt_publisher import publish
from tests.integration.adapters.test_mqtt_delivery import adapter, until
from tests.servers import Mosquitto

MANIFEST = find("mqtt")
D1 = "urn:ngsi-ld:Thermometer:d1"


def group(*attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource": "/iot/json",
        "apikey": "key",
        "entity_type": "Thermometer",
        "explicitAttrs": True,
        "attributes": list(attributes),
    }


def temperature(kind: str = "Number", source: str = "t") -> dict[str, Any]:
    return {"object_id": source, "name": "temperature", "type": kind}


@pytest.fixture
async def broker():
    async with TestBroker().running() as running:
        yield running


async def replay(
    broker_url: str, data: Path, *groups: dict[str, Any], numbers: tuple[int, ...] = ()
) -> tuple[Replayed, list[DeadLetter], list[str]]:
    """Replay with these groups; return what was done, the letters that stay, and what was told."""
    address = BrokerAddress(broker_url, context=None)
    settings = Settings(groups=list(groups))
    configured = ConfiguredAdapter("mqtt", MANIFEST, settings, address)
    told: list[str] = []
    async with Store(data) as store:
        letters = DeadLetters(store, None)
        done = await Replay(letters, Configuration(address, data, (configured,)), told.append).run(
            numbers
        )
        return done, await letters.list(), told


async def add_letter(data: Path, payload: Any, **more: Any) -> None:
    record = {"topic": "/json/key/d1/attrs", "payload": payload}
    async with Store(data) as store:
        await DeadLetters(store, "mqtt").add("why", record=record, **more)


async def test_a_mended_mapping_mends_its_letters(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    wrong = Settings(url=mosquitto.url, groups=[group(temperature(source="temp"))])
    async with adapter(wrong, broker, tmp_path) as context:
        await publish(
            mosquitto, [("/json/key/d1/attrs", b'{"t":21.5}'), ("/json/no/d2/attrs", b'{"t":1}')]
        )
        await until(lambda: context.health.counters["dead-letter"] == 2)
    assert broker.entities == {}
    done, left, told = await replay(broker.url, tmp_path, group(temperature()))
    assert (done.written, done.refused) == (1, 1)
    assert broker.entities[D1]["temperature"]["value"] == 21.5
    assert [one.record["topic"] for one in left] == ["/json/no/d2/attrs"]
    assert "no group has the apikey" in told[0]


async def test_a_provisioned_group_is_used_as_well(broker: TestBroker, tmp_path: Path) -> None:
    await add_letter(tmp_path, '{"t":20}')
    async with Store(tmp_path / "mqtt") as store:
        stored = SqliteRegistryStore(store, "mqtt")
        await stored.load()
        await stored.put([Group("town", "/", "/iot/json", "key", group(temperature()))])
    done, left, _ = await replay(broker.url, tmp_path)
    assert (done.written, left) == (1, [])
    assert D1 in broker.tenants["town"]


async def test_a_measure_older_than_what_is_stored_undoes_nothing(
    broker: TestBroker, tmp_path: Path
) -> None:
    for time, value in (("2026-01-02T00:00:00.5Z", 2), ("2026-01-02T00:00:00Z", 1)):
        await add_letter(tmp_path, orjson.dumps({"t": value, "TimeInstant": time}).decode())
    done, left, _ = await replay(broker.url, tmp_path, group(temperature()))
    assert (done.written, done.outdated, left) == (1, 1, [])
    assert broker.entities[D1]["temperature"]["value"] == 2


async def test_only_the_letters_asked_for_and_only_the_refused_entity(
    broker: TestBroker, tmp_path: Path
) -> None:
    other = {**temperature(source="u"), "entity_name": "urn:ngsi-ld:Room:1", "entity_type": "Room"}
    refused = {"id": "urn:ngsi-ld:Room:1", "type": "Room"}
    await add_letter(tmp_path, '{"t":20,"u":3}', entity=refused)
    await add_letter(tmp_path, '{"t":21}')
    done, left, _ = await replay(broker.url, tmp_path, group(temperature(), other), numbers=(1,))
    assert (done.written, [one.number for one in left]) == (1, [2])
    assert list(broker.entities) == ["urn:ngsi-ld:Room:1"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ('{"t":"warm"}', "temperature"),
        ('{"x":1}', "nothing of this message is stored"),
        ({"hex": "ff"}, "UTF-8"),
        ("a" * 300_000, "too long to be kept whole"),
    ],
)
async def test_what_is_still_wrong_stays_and_is_told(
    broker: TestBroker, tmp_path: Path, payload: Any, reason: str
) -> None:
    await add_letter(tmp_path, payload)
    done, left, told = await replay(broker.url, tmp_path, group(temperature()))
    assert (done.refused, len(left), len(told)) == (1, 1, 1)
    assert reason in told[0]


async def test_a_broker_that_is_away_is_told_at_once(tmp_path: Path, unused_tcp_port: int) -> None:
    await add_letter(tmp_path, '{"t":20}')
    with pytest.raises(BrokerUnavailable, match="no answer from"):
        await replay(f"http://127.0.0.1:{unused_tcp_port}", tmp_path, group(temperature()))
