"""A publisher at QoS 1 that knows which of its messages the MQTT server has taken."""

from __future__ import annotations

from collections.abc import Sequence

import aiomqtt

from tests.servers import Mosquitto


async def publish(
    mosquitto: Mosquitto,
    messages: Sequence[tuple[str, bytes]],
    *,
    qos: int = 1,
    retain: bool = False,
) -> None:
    """Publish messages; all are taken when this returns."""
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=qos, retain=retain)
