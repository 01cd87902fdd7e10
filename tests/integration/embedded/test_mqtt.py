"""The MQTT broker for trying things out, in both of its forms."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from broker.embedded.mqtt import trial_broker
from broker.embedded.ports import free_port, is_free
from tests.patience import PATIENCE


async def _exchange(port: int) -> bytes:
    async with aiomqtt.Client("127.0.0.1", port=port, identifier="reader") as reader:
        await reader.subscribe("measures/#", qos=1)
        async with aiomqtt.Client("127.0.0.1", port=port) as writer:
            await writer.publish("measures/1", "21.5", qos=1)
        async with asyncio.timeout(PATIENCE):
            message = await anext(reader.messages)
    assert isinstance(message.payload, bytes)
    return message.payload


@pytest.fixture(params=["mosquitto", "amqtt"])
def port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[int]:
    if request.param == "amqtt":
        monkeypatch.setattr("shutil.which", lambda _name, path=None: None)
    port = free_port()
    chosen = trial_broker(tmp_path / "mqtt", port)
    assert (chosen.command[0] == sys.executable) is (request.param == "amqtt")
    with subprocess.Popen(chosen.command) as broker:
        while is_free(port):
            assert broker.poll() is None
            time.sleep(0.05)
        yield port
        broker.terminate()
        assert broker.wait(PATIENCE) == 0


async def test_it_passes_messages_and_stops(port: int) -> None:
    assert await _exchange(port) == b"21.5"


def test_mosquitto_keeps_its_sessions_in_the_data_directory(tmp_path: Path) -> None:
    trial_broker(tmp_path / "mqtt", 1883)
    written = (tmp_path / "mqtt" / "mosquitto.conf").read_text()
    assert f"persistence_location {tmp_path}/mqtt/" in written
    assert "listener 1883 127.0.0.1" in written


async def _publish_for_one_that_is_away(port: int, count: int) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", port=port, identifier="reader", clean_session=False
    ) as reader:
        await reader.subscribe("measures/#", qos=1)
    async with aiomqtt.Client("127.0.0.1", port=port) as writer:
        for number in range(count):
            await writer.publish("measures/1", str(number), qos=1)


async def _received(port: int, count: int) -> list[int]:
    async with (
        aiomqtt.Client("127.0.0.1", port=port, identifier="reader", clean_session=False) as reader,
        asyncio.timeout(PATIENCE),
    ):
        return [int((await anext(reader.messages)).payload) for _ in range(count)]


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command) as broker:
        while is_free(port):
            assert broker.poll() is None
            time.sleep(0.05)
        yield broker
        broker.kill()


def test_messages_that_wait_outlive_a_kill_of_mosquitto(tmp_path: Path) -> None:
    """They do once mosquitto has written its file, which it does every second."""
    port, store = free_port(), tmp_path / "mqtt" / "mosquitto.db"
    command = trial_broker(tmp_path / "mqtt", port).command
    with _running(command, port):
        asyncio.run(_publish_for_one_that_is_away(port, 50))
        published = time.time()
        while not store.exists() or store.stat().st_mtime < published:
            time.sleep(0.05)
    with _running(command, port):
        assert asyncio.run(_received(port, 50)) == list(range(50))
