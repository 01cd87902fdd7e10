from __future__ import annotations

import asyncio

import aiomqtt
import orjson
import pytest

from adapters.runtime.errors import RetryLater
from adapters.runtime.testing import adapter_context
from adapters.simulator.settings import DeviceSettings, Settings, Signal
from adapters.simulator.source import run
from tests.patience import PATIENCE

TOPIC = "/json/k/harbour/attrs"


def settings(port):
    device = DeviceSettings(topic=TOPIC, values={"t": Signal(mean=17, least=0, most=40)})
    return Settings(url=f"mqtt://127.0.0.1:{port}", every=0.02, devices=[device])


async def first(number, reader):
    found = []
    async for message in reader.messages:
        found.append(orjson.loads(message.payload))
        if len(found) == number:
            break
    return found


async def test_publishes_until_it_is_stopped(mosquitto, tmp_path):
    async with (
        adapter_context(settings(mosquitto.port), broker="http://unused", data=tmp_path) as context,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as reader,
    ):
        await reader.subscribe(TOPIC, qos=1)
        running = asyncio.ensure_future(run(context))
        received = await asyncio.wait_for(first(3, reader), PATIENCE)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert all(0 <= one["t"] <= 40 for one in received)
    assert context.health.counters["measures"] >= 2


async def test_a_server_that_is_away_is_for_later(mosquitto, tmp_path):
    mosquitto.stop()
    where = settings(mosquitto.port)
    async with adapter_context(where, broker="http://unused", data=tmp_path) as context:
        with pytest.raises(RetryLater, match=f"127.0.0.1:{mosquitto.port}"):
            await run(context)
