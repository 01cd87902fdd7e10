"""Messages from a real mosquitto become entities, and are acknowledged once those are stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from adapters.mqtt.registry_store import SqliteRegistryStore
from adapters.mqtt.settings import Listen, Settings
from adapters.mqtt.source import run
from adapters.runtime.broker_client import BrokerAddress
from adapters.runtime.context import AdapterContext
from adapters.runtime.errors import NotWritten
from adapters.runtime.store import Store
from adapters.runtime.testing import TestBroker, adapter_context
from broker.embedded.ports import free_port
from tests.integration.adapters.mqtt_publisher import publish
from tests.patience import PATIENCE
from tests.servers import Mosquitto

GROUP = {
    "resource": "/iot/json",
    "apikey": "key",
    "entity_type": "Thermometer",
    "attributes": [
        {"object_id": "t", "name": "temperature", "type": "Number", "metadata": {"unitCode": "CEL"}}
    ],
    "static_attributes": [{"name": "town", "type": "Text", "value": "Yaizu"}],
}


def settings(mosquitto: Mosquitto, **more: Any) -> Settings:
    return Settings(url=mosquitto.url, groups=[GROUP], keepalive=5, **more)


@asynccontextmanager
async def adapter(
    chosen: Settings, broker: TestBroker, data: Path, *, names: str | None = None
) -> AsyncIterator[AdapterContext[Settings]]:
    """Run the adapter; `names` is the @context of what it writes (default: the core's)."""
    address = BrokerAddress(broker.url, context=names)
    async with adapter_context(chosen, broker=address, data=data, name="mqtt") as context:
        task = asyncio.ensure_future(run(context))
        try:
            await until(lambda: "connected to" in context.health.detail or task.done())
            yield context
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def until_saved(context: AdapterContext[Settings]) -> None:
    """Wait until devices that were discovered are on the disk."""
    async with asyncio.timeout(PATIENCE), Store(context.data) as store:
        known = SqliteRegistryStore(store, context.name)
        while not (await known.load())[1]:
            await asyncio.sleep(0.05)


@pytest.fixture
async def broker() -> AsyncIterator[TestBroker]:
    async with TestBroker().running() as running:
        yield running


async def test_a_measure_becomes_an_entity(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    async with adapter(settings(mosquitto), broker, tmp_path / "data"):
        body = {"t": 21.5, "TimeInstant": "2026-01-01T00:00:00Z"}
        await publish(mosquitto, [("/json/key/d1/attrs", orjson.dumps(body))])
        await until(lambda: broker.entities)
    assert broker.entities["urn:ngsi-ld:Thermometer:d1"] == {
        "id": "urn:ngsi-ld:Thermometer:d1",
        "type": "Thermometer",
        "temperature": {
            "type": "Property",
            "value": 21.5,
            "unitCode": "CEL",
            "observedAt": "2026-01-01T00:00:00Z",
        },
        "town": {"type": "Property", "value": "Yaizu"},
    }


async def test_measures_of_a_device_are_written_in_order(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    async with adapter(settings(mosquitto), broker, tmp_path / "data") as context:
        messages = [(f"/json/key/d{n % 7}/attrs/t", str(n).encode()) for n in range(700)]
        await publish(mosquitto, messages)
        await until(lambda: context.health.counters["measures"] == 700 and idle(context))
    seen: dict[str, list[int]] = {}
    for batch in broker.batches:
        for entity in batch:
            seen.setdefault(entity["id"], []).append(entity["temperature"]["value"])
    assert seen == {
        f"urn:ngsi-ld:Thermometer:d{device}": list(range(device, 700, 7)) for device in range(7)
    }


def idle(context: AdapterContext[Settings]) -> bool:
    return all(not state.pending for state in context.writers.states())


async def test_what_arrives_while_the_adapter_is_away_is_delivered_later(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = settings(mosquitto)
    async with adapter(chosen, broker, tmp_path / "data"):
        pass
    await publish(mosquitto, [(f"/json/key/d{n}/attrs/t", b"1") for n in range(50)])
    assert not broker.entities
    async with adapter(chosen, broker, tmp_path / "data"):
        await until(lambda: len(broker.entities) == 50)
    assert {name.rpartition(":")[2] for name in broker.entities} == {f"d{n}" for n in range(50)}


async def test_a_bad_payload_is_a_dead_letter_and_does_not_come_again(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = settings(mosquitto)
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(
            mosquitto,
            [("/json/key/d1/attrs", b"{broken"), ("/json/key/d1/attrs", b'{"t": 3}')],
        )
        await until(lambda: broker.entities)
        (letter,) = await context.dead_letters.list()
        assert letter.record == {"topic": "/json/key/d1/attrs", "payload": "{broken"}
        assert "is not JSON" in letter.reason
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, [("/json/key/d2/attrs", b'{"t": 3}')])
        await until(lambda: "urn:ngsi-ld:Thermometer:d2" in broker.entities)
        assert await context.dead_letters.count() == 1


async def test_a_refused_entity_is_a_dead_letter(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    broker.refuse("urn:ngsi-ld:Thermometer:d1", "no such thermometer")
    async with adapter(settings(mosquitto), broker, tmp_path / "data") as context:
        await publish(mosquitto, [("/json/key/d1/attrs/t", b"1"), ("/json/key/d2/attrs/t", b"2")])
        await until(lambda: context.health.counters["dead-letter"] == 1 and broker.entities)
        (letter,) = await context.dead_letters.list()
        assert "no such thermometer" in letter.reason
        assert letter.entity is not None
        assert letter.entity["temperature"]["value"] == 1


async def test_nothing_is_acknowledged_before_the_broker_has_it(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = settings(mosquitto)
    broker.be_overloaded(10_000)
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, [(f"/json/key/d{n}/attrs/t", b"1") for n in range(20)])
        await until(lambda: context.health.counters["measures"] == 20)
        assert not broker.entities
    broker.failures.clear()
    async with adapter(chosen, broker, tmp_path / "data"):
        await until(lambda: len(broker.entities) == 20)


async def test_it_connects_again_by_itself_and_loses_nothing(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    async with adapter(settings(mosquitto), broker, tmp_path / "data") as context:
        for round_number in range(3):
            mosquitto.stop()
            mosquitto.start()
            await publish(mosquitto, [(f"/json/key/d{round_number}/attrs/t", b"1")])
            await until(lambda: f"urn:ngsi-ld:Thermometer:d{round_number}" in broker.entities)  # noqa: B023
        assert context.health.counters["reconnects"] >= 3


async def test_a_bad_value_is_told_and_the_others_are_stored(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    async with adapter(settings(mosquitto), broker, tmp_path / "data") as context:
        await publish(mosquitto, [("/json/key/d1/attrs", b'{"t": "warm", "h": 45}')])
        await until(lambda: context.health.counters["dead-letter"] == 1)
        (letter,) = await context.dead_letters.list()
    assert "temperature is 'warm', which is not a number" in letter.reason
    assert broker.entities["urn:ngsi-ld:Thermometer:d1"]["h"]["value"] == 45


async def test_a_value_its_schema_forbids_is_told_and_the_others_are_stored(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    group = {**GROUP, "entity_type": "WeatherObserved"}
    chosen = Settings(url=mosquitto.url, groups=[group])
    async with adapter(chosen, broker, tmp_path / "data") as context:
        for payload in (b'{"t": 1000, "windSpeed": 3}', b'{"t": 1000}'):
            await publish(mosquitto, [("/json/key/d1/attrs", payload)])
        await until(lambda: context.health.counters["dead-letter"] == 2)
        letters = await context.dead_letters.list()
    assert all("temperature" in letter.reason for letter in letters)
    stored = broker.entities["urn:ngsi-ld:WeatherObserved:d1"]
    assert stored["windSpeed"]["value"] == 3
    assert "temperature" not in stored


async def test_static_attributes_come_back_with_an_entity_that_was_deleted(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    name = "urn:ngsi-ld:Thermometer:d1"
    async with adapter(settings(mosquitto), broker, tmp_path / "data"):
        for value in (b"1", b"2"):
            await publish(mosquitto, [("/json/key/d1/attrs/t", value)])
            await until(lambda: broker.entities.get(name, {}).get("town"))
        assert sum("town" in entity for batch in broker.batches for entity in batch) == 1
        broker.entities.clear()
        for value in (b"3", b"4"):
            await publish(mosquitto, [("/json/key/d1/attrs/t", value)])
            await until(lambda: name in broker.entities)
        await until(lambda: "town" in broker.entities[name])


async def test_devices_are_entered_by_their_first_measure(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    port = free_port()
    chosen = settings(mosquitto, service="city", provisioning=Listen(port=port))
    headers = {"fiware-service": "city", "fiware-servicepath": "/"}
    url = f"http://127.0.0.1:{port}/iot/devices"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with adapter(chosen, broker, tmp_path / "data") as context:
            await publish(mosquitto, [("/json/key/d1/attrs/t", b"1")])
            await until(lambda: broker.tenants.get("city"))
            await until_saved(context)
        async with adapter(chosen, broker, tmp_path / "data"), session.get(url) as answer:
            (device,) = (await answer.json())["devices"]
    assert (device["device_id"], device["apikey"]) == ("d1", "key")
    assert device["entity_name"] == "urn:ngsi-ld:Thermometer:d1"


async def test_messages_at_qos_0_are_taken_with_a_warning(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with adapter(settings(mosquitto), broker, tmp_path / "data"):
        messages = [("/json/key/d1/attrs/t", b"1"), ("/json/key/d2/attrs/t", b"2")]
        await publish(mosquitto, messages, qos=0)
        await until(lambda: len(broker.entities) == 2)
    assert [record for record in caplog.messages if "come with QoS 0" in record] != []
    assert sum("come with QoS 0" in record for record in caplog.messages) == 1


@pytest.mark.parametrize("mosquitto", ["max_inflight_messages 0"], indirect=True)
async def test_a_slow_broker_slows_the_messages_down(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    broker.be_overloaded(10_000)
    async with adapter(settings(mosquitto, window=10), broker, tmp_path / "data") as context:
        await publish(mosquitto, [(f"/json/key/d{n}/attrs/t", b"1") for n in range(200)])
        await until(lambda: context.health.counters["messages"] >= 10)
        await asyncio.sleep(0.5)  # in which more could come
        assert context.health.counters["messages"] < 100
        broker.failures.clear()
        await until(lambda: len(broker.entities) == 200)
        assert context.health.counters["messages"] == 200


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_messages_under_way_when_the_connection_ends_are_written_once(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path, protocol: str
) -> None:
    broker.be_overloaded(10_000)
    chosen = settings(mosquitto, protocol=protocol)
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, [(f"/json/key/d{n}/attrs/t", b"1") for n in range(15)])
        await until(lambda: context.health.counters["measures"] == 15)
        mosquitto.stop()
        mosquitto.start()
        await until(lambda: context.health.counters["messages"] == 30)
        broker.failures.clear()
        await until(lambda: len(broker.entities) == 15)
        await until(lambda: idle(context))
        assert context.health.counters["measures"] == 15
    assert sum(len(batch) for batch in broker.batches) == 15
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, [("/json/key/last/attrs/t", b"1")])
        await until(lambda: "urn:ngsi-ld:Thermometer:last" in broker.entities)
        assert context.health.counters["measures"] == 1


async def test_a_writer_that_is_closed_ends_the_adapter_and_leaves_the_message(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = settings(mosquitto)
    async with adapter_context(chosen, broker=broker.url, data=tmp_path, name="mqtt") as context:
        task = asyncio.ensure_future(run(context))
        await until(lambda: "connected to" in context.health.detail)
        await context.writers.writer().close()
        await publish(mosquitto, [("/json/key/d1/attrs/t", b"1")])
        with pytest.raises(NotWritten):
            await task
    async with adapter(chosen, broker, tmp_path):
        await until(lambda: broker.entities)


async def test_a_message_of_which_nothing_is_mapped_is_told_once_for_each_device_and_counted(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = Settings(url=mosquitto.url, groups=[{**GROUP, "explicitAttrs": True}])
    async with adapter(chosen, broker, tmp_path / "data") as context:
        unknown = b'{"wifi": {"rssi": -60}, "up": 5}'
        for device, payload in (("d1", unknown), ("d1", unknown), ("d2", b'{"t": 1}')):
            await publish(mosquitto, [(f"/json/key/{device}/attrs", payload)])
        await publish(mosquitto, [("/json/key/d2/attrs", unknown)])
        await until(lambda: context.health.counters["measures"] == 4 and idle(context))
        (letter,) = await context.dead_letters.list()
        assert context.health.counters["unmapped"] == 3
    assert letter.reason.startswith("/json/key/d1/attrs: nothing of this message is stored")
    assert "no attribute of d1 takes wifi.rssi, up" in letter.reason
    assert list(broker.entities) == ["urn:ngsi-ld:Thermometer:d2"]
