"""Uplinks that come again are stored once, also over restarts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from adapters.mqtt.ledger import Ledger, Stored, digest_of
from adapters.mqtt.settings import Settings
from adapters.runtime.testing import TestBroker
from tests.integration.adapters.mqtt_publisher import publish
from tests.integration.adapters.test_mqtt_delivery import adapter, broker, until
from tests.samples import SAMPLES, needs_samples
from tests.servers import Mosquitto

__all__ = ["broker"]
EUI = "a81758fffe04b1c1"


def settings(mosquitto: Mosquitto, *families: str) -> Settings:
    return Settings(url=mosquitto.url, families=list(families), iot_agent=False)


def uplink(counter: int) -> dict[str, Any]:
    values = {"temperature": counter % 30, "humidity": 80}
    return {"dev_eui": EUI, "devaddr": "07", "fcnt": counter, "decoded": {"payload": values}}


def writes(broker: TestBroker) -> int:
    return sum(len(batch) for batch in broker.batches)


async def test_repeated_uplinks_are_stored_once(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = settings(mosquitto, "helium")
    counters = [0, 1, 1, 1, 2, 3, 2, 4, 4, 5]
    messages = [(f"helium/{EUI}/rx", orjson.dumps(uplink(counter))) for counter in counters]
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, messages)
        await until(lambda: context.health.counters["measures"] == 6)
        await until(lambda: context.health.counters["repeated"] == 4)
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, [*messages, (messages[0][0], orjson.dumps(uplink(6)))])
        await until(lambda: context.health.counters["measures"] == 1)
        assert context.health.counters["repeated"] == 10
    assert writes(broker) == 7


async def test_another_service_has_the_same_uplink_for_its_own(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    message = (f"helium/{EUI}/rx", orjson.dumps(uplink(1)))
    for service in ("city", "town"):
        chosen = replace(settings(mosquitto, "helium"), service=service)
        async with adapter(chosen, broker, tmp_path / "data") as context:
            await publish(mosquitto, [message, message])
            await until(lambda: context.health.counters["measures"] == 1)
            await until(lambda: context.health.counters["repeated"] == 1)
    assert writes(broker) == 2


@needs_samples
async def test_a_real_radio_log_with_73_repetitions(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    lines = (SAMPLES / "sensor" / "lorawan_helium_ems.ndjson").read_bytes().splitlines()
    async with adapter(settings(mosquitto, "helium"), broker, tmp_path / "data") as context:
        await publish(mosquitto, [(f"helium/{EUI}/rx", line) for line in lines])
        await until(lambda: context.health.counters["messages"] == 300)
        await until(lambda: writes(broker) == 227)
        assert context.health.counters["repeated"] == 73
        assert await context.dead_letters.count() == 0
    (entity,) = broker.entities.values()
    assert entity["id"] == f"urn:ngsi-ld:Device:{EUI}"
    assert entity["relativeHumidity"]["value"] <= 1
    assert {"rssi", "snr", "observedAt", "unitCode"} <= set(entity["temperature"])


@needs_samples
async def test_a_real_stream_of_uplinks_and_status_messages(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    lines = (SAMPLES / "sensor" / "lorawan_chirpstack_wyres.ndjson").read_bytes().splitlines()
    topic = "application/1/device/d1d1e80000000032/rx"
    async with adapter(settings(mosquitto, "chirpstack"), broker, tmp_path / "data") as context:
        await publish(mosquitto, [(topic, line) for line in lines])
        await until(lambda: context.health.counters["messages"] == 300)
        await until(lambda: not any(one.pending for one in context.writers.states()))
        assert await context.dead_letters.count() == 0
        assert context.health.counters["measures"] == 300
    (entity,) = broker.entities.values()
    assert entity["margin"]["value"] < 0
    assert entity["temperature"]["unitCode"] == "CEL"


async def test_the_ledger_survives_a_restart_and_forgets_in_time(tmp_path: Path) -> None:
    digest = digest_of("topic", b"payload")
    async with Ledger(tmp_path / "ledger.sqlite3", "one", key_limit=3) as ledger:
        for number in range(5):
            await ledger.add([Stored((f"key{number}",), packet_id=number, digest=digest)])
        assert not ledger.knows("key0")
        await ledger.remember("filters", "a")
    async with Ledger(tmp_path / "ledger.sqlite3", "one") as ledger:
        assert [number for number in range(5) if ledger.knows(f"key{number}")] == [2, 3, 4]
        assert ledger.was_delivered(4, digest)
        assert not ledger.was_delivered(4, digest_of("topic", b"other"))
        assert ledger.value("filters") == "a"
    async with Ledger(tmp_path / "ledger.sqlite3", "one", keep_seconds=0) as ledger:
        assert not ledger.knows("key4")


async def test_a_new_session_has_no_deliveries(tmp_path: Path) -> None:
    digest = digest_of("topic", b"payload")
    async with Ledger(tmp_path / "ledger.sqlite3", "one") as ledger:
        await ledger.add([Stored((), packet_id=7, digest=digest)])
        ledger.forget_deliveries()
        assert not ledger.was_delivered(7, digest)
        await ledger.add([Stored((), packet_id=8, digest=digest)])
    async with Ledger(tmp_path / "ledger.sqlite3", "one") as ledger:
        assert not ledger.was_delivered(7, digest)
        assert ledger.was_delivered(8, digest)
    async with Ledger(tmp_path / "ledger.sqlite3", "another session") as ledger:
        assert not ledger.was_delivered(8, digest)
