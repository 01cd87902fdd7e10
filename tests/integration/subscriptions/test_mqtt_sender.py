"""Notifications over a real MQTT broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from broker.model.subscription import Endpoint
from broker.outbound.addresses import AddressPolicy
from broker.subscriptions.senders.mqtt import MqttSender
from broker.subscriptions.senders.sender import DELIVERED, Message
from tests.patience import PATIENCE
from tests.servers import Mosquitto

MESSAGE = Message(b'{"type":"Notification"}', "application/json", "<http://c>", "north")


@pytest.fixture
async def sender() -> AsyncIterator[MqttSender]:
    async with MqttSender(addresses=AddressPolicy(allow_private=True), timeout=5.0) as made:
        yield made


@pytest.mark.parametrize("version", ["mqtt3.1.1", "mqtt5.0"])
@pytest.mark.parametrize("qos", ["0", "1", "2"])
async def test_a_notification_is_published(
    sender: MqttSender, mosquitto: Mosquitto, version: str, qos: str
) -> None:
    endpoint = Endpoint(
        f"mqtt://127.0.0.1:{mosquitto.port}/city/notify",
        receiver_info=(("x-key", "value"),),
        notifier_info=(("MQTT-QoS", qos), ("MQTT-Version", version)),
    )
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe("city/notify", qos=2)
        assert await sender.send(endpoint, MESSAGE) == DELIVERED
        async with asyncio.timeout(PATIENCE):
            received = await anext(aiter(client.messages))
    assert json.loads(bytes(received.payload)) == {
        "metadata": {
            "x-key": "value",
            "Content-Type": "application/json",
            "Link": "<http://c>",
            "NGSILD-Tenant": "north",
        },
        "body": {"type": "Notification"},
    }
    assert received.qos == int(qos)


async def test_a_restarted_mqtt_broker_is_found_again(
    sender: MqttSender, mosquitto: Mosquitto
) -> None:
    endpoint = Endpoint(f"mqtt://127.0.0.1:{mosquitto.port}/t", notifier_info=(("MQTT-QoS", "1"),))
    assert await sender.send(endpoint, MESSAGE) == DELIVERED
    await asyncio.to_thread(mosquitto.stop)
    failed = await sender.send(endpoint, MESSAGE)
    assert failed.verdict == "try again"
    assert failed.reason is not None
    await asyncio.to_thread(mosquitto.start)
    assert await sender.send(endpoint, MESSAGE) == DELIVERED


async def test_the_address_guard_applies(mosquitto: Mosquitto) -> None:
    endpoint = Endpoint(f"mqtt://127.0.0.1:{mosquitto.port}/t")
    async with MqttSender(addresses=AddressPolicy(), timeout=5.0) as guarded:
        refused = await guarded.send(endpoint, MESSAGE)
    assert refused.verdict == "try again"
    assert "MUTSURA_OUTBOUND_ALLOW" in (refused.reason or "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho's socket
async def test_the_operators_certificates_count_for_mqtts(
    tmp_path: Path, self_signed: Path
) -> None:
    server = Mosquitto(
        tmp_path / "tls", f"certfile {self_signed}/cert\nkeyfile {self_signed}/key\n"
    )
    server.start()
    endpoint = Endpoint(f"mqtts://127.0.0.1:{server.port}/t", notifier_info=(("MQTT-QoS", "1"),))
    anywhere = AddressPolicy(allow_private=True)
    try:
        async with MqttSender(addresses=anywhere, timeout=5.0) as trusting_the_system:
            refused = await trusting_the_system.send(endpoint, MESSAGE)
            assert "certificate" in refused.reason
        ca_file = self_signed / "cert"
        async with MqttSender(addresses=anywhere, timeout=5.0, ca_file=ca_file) as trusting:
            assert await trusting.send(endpoint, MESSAGE) == DELIVERED
    finally:
        server.stop()
