"""Publishes the measures, at QoS 1, and connects again when the MQTT server was away."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import unquote, urlsplit

import aiomqtt
import orjson

from adapters.runtime.context import AdapterContext
from adapters.runtime.errors import RetryLater
from adapters.simulator.settings import Settings
from adapters.simulator.signals import measures

MQTT_PORT = 1883


async def run(context: AdapterContext[Settings]) -> None:
    """Publish until cancelled; raises `RetryLater` when the MQTT server goes away."""
    try:
        async with _client(context.settings) as client:
            while not _is_stopping():
                await _publish(client, context)
                await asyncio.sleep(context.settings.every)
    except aiomqtt.MqttError as error:
        raise RetryLater(f"the MQTT server {_place(context.settings)}: {error}") from error


def _is_stopping() -> bool:
    """Tell whether this task was cancelled, even if the client library swallowed it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _publish(client: aiomqtt.Client, context: AdapterContext[Settings]) -> None:
    now = time.time()
    for device in context.settings.devices:
        await client.publish(device.topic, orjson.dumps(measures(device, now)), qos=1)
        context.health.count("measures")


def _client(settings: Settings) -> aiomqtt.Client:
    parts = urlsplit(settings.url)
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or MQTT_PORT,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _place(settings: Settings) -> str:
    parts = urlsplit(settings.url)
    return f"{parts.hostname}:{parts.port or MQTT_PORT}"
