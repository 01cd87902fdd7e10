"""The connection to a real mosquitto: users, TLS, MQTT 5, sharing, silence, retained messages."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.mqtt.connection import Connection, ConnectionLost, Delivery, ServerOptions
from adapters.mqtt.settings import Settings
from adapters.mqtt.source import check
from adapters.runtime.errors import Misconfigured
from adapters.runtime.testing import TestBroker
from broker.embedded.ports import free_port
from tests.integration.adapters.mqtt_publisher import publish
from tests.integration.adapters.test_mqtt_delivery import adapter, settings, until
from tests.patience import PATIENCE
from tests.servers import Mosquitto, halted


class Taken:
    """Takes what a connection delivers."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.resumed: list[bool] = []

    def connected(self, _connection: Connection, *, is_resumed: bool) -> None:
        self.resumed.append(is_resumed)

    def receive(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    @property
    def payloads(self) -> list[bytes]:
        return [one.payload for one in self.deliveries]


def options(port: int, **more: Any) -> ServerOptions:
    return ServerOptions(host="127.0.0.1", port=port, client_id="test", timeout=3, **more)


@pytest.fixture
async def broker() -> AsyncIterator[TestBroker]:
    async with TestBroker().running() as running:
        yield running


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_messages_that_are_not_acknowledged_come_again(
    mosquitto: Mosquitto, protocol: Any
) -> None:
    taken = Taken()
    first = Connection(options(mosquitto.port, protocol=protocol), taken)
    assert await first.open() is False
    await first.subscribe(["a/#"])
    await publish(mosquitto, [("a/1", b"one"), ("a/2", b"two"), ("a/3", b"three")])
    await until(lambda: len(taken.deliveries) == 3)
    first.acknowledge([taken.deliveries[0].packet_id])
    await asyncio.sleep(0.1)
    await first.close()
    again = Taken()
    second = Connection(options(mosquitto.port, protocol=protocol), again)
    assert await second.open() is True
    await until(lambda: len(again.deliveries) == 2)
    assert again.payloads == [b"two", b"three"]
    assert [one.is_duplicate for one in again.deliveries] == [True, True]
    assert [one.packet_id for one in again.deliveries] == [
        one.packet_id for one in taken.deliveries[1:]
    ]
    second.acknowledge([one.packet_id for one in again.deliveries])
    await second.close()


async def test_a_burst_is_acknowledged_in_one_go(mosquitto: Mosquitto) -> None:
    taken = Taken()
    connection = Connection(options(mosquitto.port, protocol="5"), taken)
    await connection.open()
    await connection.subscribe(["a"])
    await publish(mosquitto, [("a", b"x" * size) for size in (0, 1, 127, 128, 20_000, 300_000)])
    await until(lambda: len(taken.deliveries) == 6)
    assert [len(one) for one in taken.payloads] == [0, 1, 127, 128, 20_000, 300_000]
    connection.acknowledge([one.packet_id for one in taken.deliveries])
    await asyncio.sleep(0.1)
    await connection.close()
    again = Taken()
    connection = Connection(options(mosquitto.port, protocol="5"), again)
    await connection.open()
    await asyncio.sleep(0.3)
    assert again.deliveries == []
    await connection.close()


async def test_a_paused_connection_holds_back_and_goes_on(mosquitto: Mosquitto) -> None:
    taken = Taken()
    connection = Connection(options(mosquitto.port), taken)
    await connection.open()
    await connection.subscribe(["a"])
    connection.pause()
    await publish(mosquitto, [("a", b"1")] * 15)
    await asyncio.sleep(0.3)
    assert len(taken.deliveries) < 15
    connection.resume()
    await until(lambda: len(taken.deliveries) == 15)
    await connection.close()


async def test_nobody_listens() -> None:
    with pytest.raises(ConnectionLost, match="cannot connect to the MQTT server"):
        await Connection(options(free_port()), Taken()).open()


async def test_a_server_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        chosen = ServerOptions(host="127.0.0.1", port=port, client_id="test", timeout=0.5)
        with pytest.raises(ConnectionLost, match="no answer in time"):
            await Connection(chosen, Taken()).open()


USERS = "allow_anonymous false\npassword_file {directory}/users\nacl_file {directory}/acl\n"


@pytest.fixture
def guarded(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A mosquitto that wants a user and lets it read some topics."""
    server = Mosquitto(tmp_path / "guarded")
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    users = server.directory / "users"
    subprocess.run([tool, "-b", "-c", users, "adapter", "secret"], check=True)
    (server.directory / "acl").write_text("user adapter\ntopic readwrite allowed/#\n")
    text = server.config.read_text().replace("allow_anonymous true\n", "")
    server.config.write_text(text + USERS.format(directory=server.directory))
    server.start()
    yield server
    server.stop()


async def test_users_and_passwords(guarded: Mosquitto) -> None:
    for wrong in ({}, {"username": "adapter", "password": "wrong"}):
        with pytest.raises(ConnectionLost, match="refuses the connection: Not authorized"):
            await Connection(options(guarded.port, **wrong), Taken()).open()
    right = options(guarded.port, username="adapter", password="secret")
    connection = Connection(right, Taken())
    await connection.open()
    await connection.subscribe(["allowed/x"])
    await connection.close()


async def test_silence_is_noticed(mosquitto: Mosquitto) -> None:
    connection = Connection(options(mosquitto.port, keepalive=1), Taken())
    await connection.open()
    process = mosquitto._process
    assert process is not None
    with halted(process.pid):
        async with asyncio.timeout(PATIENCE):
            assert await connection.wait_closed()
    await connection.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho's socket
async def test_tls(tmp_path: Path, self_signed: Path) -> None:
    server = Mosquitto(
        tmp_path / "tls", f"certfile {self_signed}/cert\nkeyfile {self_signed}/key\n"
    )
    server.start()
    try:
        with pytest.raises(ConnectionLost, match="certificate"):
            await Connection(options(server.port, tls=True), Taken()).open()
        bad = options(server.port, tls=True, ca_file=tmp_path / "none")
        with pytest.raises(Misconfigured, match="TLS files"):
            await Connection(bad, Taken()).open()
        taken = Taken()
        trusted = options(server.port, tls=True, ca_file=self_signed / "cert")
        connection = Connection(trusted, taken)
        await connection.open()
        await connection.subscribe(["a"])
        for size in (1, 20_000, 40_000):
            connection._client.publish("a", b"x" * size, qos=1)
        await until(lambda: len(taken.deliveries) == 3)
        assert [len(one) for one in taken.payloads] == [1, 20_000, 40_000]
        await connection.close()
    finally:
        server.stop()


async def test_adapters_share_the_load(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    one = settings(mosquitto, share="json", client_id="one")
    two = settings(mosquitto, share="json", client_id="two")
    async with (
        adapter(one, broker, tmp_path / "one") as first,
        adapter(two, broker, tmp_path / "two") as second,
    ):
        await publish(mosquitto, [(f"/json/key/d{n}/attrs/t", b"1") for n in range(40)])
        await until(lambda: len(broker.entities) == 40)
        counts = [one.health.counters["measures"] for one in (first, second)]
    assert sum(counts) == 40
    assert all(counts)


async def test_a_retained_message_is_not_taken_again_at_every_connection(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    chosen = settings(mosquitto)
    await publish(mosquitto, [("/json/key/d1/attrs/t", b"1")], retain=True)
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await until(lambda: context.health.counters["measures"] == 1)
    async with adapter(chosen, broker, tmp_path / "data") as context:
        await publish(mosquitto, [("/json/key/d2/attrs/t", b"1")])
        await until(lambda: context.health.counters["measures"] == 1)
        await asyncio.sleep(0.2)
        assert context.health.counters["measures"] == 1


async def test_topics_that_are_configured_no_more_are_given_up(
    mosquitto: Mosquitto, broker: TestBroker, tmp_path: Path
) -> None:
    async with adapter(settings(mosquitto, families=["helium"]), broker, tmp_path / "data"):
        pass
    async with adapter(settings(mosquitto), broker, tmp_path / "data") as context:
        await publish(mosquitto, [("helium/d1/rx", b"{}"), ("/json/key/d1/attrs/t", b"1")])
        await until(lambda: broker.entities)
        assert context.health.counters["messages"] == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"url": "http://localhost"}, "mqtt://host:port"),
        ({"client_id": ""}, "client_id is empty"),
        ({"window": 0}, "between 1 and 65535"),
        ({"keepalive": 0}, "between 1 and 65535 seconds"),
        ({"families": ["tasmotta"]}, "did you mean 'tasmota'"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Settings(**given)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(Misconfigured, match="'Asia/Tokio' is not known; write it as in Asia/Tokyo"):
        check(Settings(families=["tasmota"], timezone="Asia/Tokio"))


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    chosen = Settings(username="adapter", password_file=tmp_path / "password")
    assert chosen.server().password == "secret"
    with pytest.raises(Misconfigured, match="cannot read"):
        Settings(password_file=tmp_path / "none").server()
    assert Settings(url="mqtt://u%40x:p@h").server().username == "u@x"
