"""kill -9 of adapter and broker, restart of the MQTT server: every measure it took is stored.

Each device sends 0, 1, 2, … ; the journal of the broker must have all of them, in that order, and
again only what was on its way when something was killed.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import pytest
import yaml

from broker.embedded.ports import free_port
from tests.integration.adapters.ngsi_stand_in import read_journal
from tests.patience import PATIENCE
from tests.servers import Mosquitto

DEVICES = 5
ROOT = Path(__file__).parents[3]
# by itself mosquitto drops what waits for a client beyond 1,000 messages
pytestmark = pytest.mark.parametrize("mosquitto", ["max_queued_messages 0"], indirect=True)


@dataclass
class Plant:
    """The processes of one installation."""

    directory: Path
    mosquitto: Mosquitto
    port: int = field(default_factory=free_port)
    adapter: subprocess.Popen[bytes] | None = None
    broker: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        return self.directory / "journal.ndjson"

    def start_broker(self) -> None:
        script = "tests.integration.adapters.ngsi_stand_in"
        self.broker = self._start(script, str(self.port), str(self.journal))

    def start_adapter(self) -> None:
        self.adapter = self._start(
            "adapters.runtime", "run", "--config", str(self._configuration())
        )

    def _configuration(self) -> Path:
        group = {"resource": "/iot/json", "apikey": "key", "entity_type": "Counter"}
        settings = {"url": self.mosquitto.url, "groups": [group], "keepalive": 2, "window": 50}
        path = self.directory / "adapters.yaml"
        document = {
            "broker": {"url": f"http://127.0.0.1:{self.port}"},
            "data": str(self.directory / "data"),
            "adapters": [{"adapter": "mqtt", "settings": settings}],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=log, stderr=log
            )

    def kill_adapter(self) -> None:
        assert self.adapter is not None
        self.adapter.kill()
        self.adapter.wait()
        self.start_adapter()

    def kill_broker(self) -> None:
        assert self.broker is not None
        self.broker.kill()
        self.broker.wait()
        self.start_broker()

    def kill_mosquitto(self) -> None:
        self.mosquitto.kill()
        self.mosquitto.start()

    def restart_mosquitto(self) -> None:
        self.mosquitto.stop()
        self.mosquitto.start()

    def stop(self) -> None:
        for process in (self.adapter, self.broker):
            if process is not None:
                process.kill()
                process.wait()

    def stored(self) -> dict[int, list[int]]:
        """Return the values of each device in the order of their commits."""
        values: dict[int, list[int]] = {}
        for entity in read_journal(self.journal):
            values.setdefault(int(entity["id"].rsplit(":", 1)[1]), []).append(entity["n"]["value"])
        return values

    async def connected(self, device: int = 99) -> None:
        """Wait until a measure of a device used for nothing else goes all the way through."""
        probe = itertools.count()
        async with asyncio.timeout(PATIENCE):
            while device not in self.stored():
                with suppress(aiomqtt.MqttError):
                    async with aiomqtt.Client("127.0.0.1", self.mosquitto.port) as client:
                        await client.publish(f"/json/key/{device}/attrs/n", str(next(probe)), qos=1)
                await asyncio.sleep(0.2)


@pytest.fixture
async def plant(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Plant]:
    one = Plant(tmp_path, mosquitto)
    one.start_broker()
    one.start_adapter()
    try:
        await one.connected()
        yield one
    finally:
        one.stop()


async def publish_until(port: int, stop: asyncio.Event) -> list[int]:
    """Publish at QoS 1 until told to stop; return the last number each device got acknowledged."""
    last = [-1] * DEVICES
    pending: tuple[int, int] | None = None
    while not stop.is_set():
        with suppress(aiomqtt.MqttError, OSError):
            async with aiomqtt.Client("127.0.0.1", port, timeout=3) as client:
                while not stop.is_set():
                    device = random.randrange(DEVICES)
                    device, number = pending or (device, last[device] + 1)
                    pending = (device, number)
                    await client.publish(f"/json/key/{device}/attrs/n", str(number), qos=1)
                    last[device], pending = number, None
        await asyncio.sleep(0.05)
    return last


async def under_load(plant: Plant, trouble: Callable[[], None], rounds: int, gap: float) -> None:
    stop = asyncio.Event()
    load = asyncio.ensure_future(publish_until(plant.mosquitto.port, stop))
    for _ in range(rounds):
        await asyncio.sleep(random.uniform(gap * 0.5, gap * 1.5))
        await asyncio.to_thread(trouble)
    await asyncio.sleep(1.0)
    stop.set()
    await settled(plant, await load)


async def settled(plant: Plant, last: list[int]) -> None:
    """Wait for the last value of every device, then check the whole journal."""
    expected = {device: number for device, number in enumerate(last) if number >= 0}
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        stored = plant.stored()
        if all(number in stored.get(device, ()) for device, number in expected.items()):
            break
        await asyncio.sleep(0.2)
    stored = plant.stored()
    for device, number in expected.items():
        values = stored.get(device, [])
        missing = set(range(number + 1)) - set(values)
        assert not missing, f"device {device}: acknowledged to the publisher, not stored: {missing}"
        in_order(device, values)


def in_order(device: int, values: list[int]) -> None:
    """Check that values came first in their order, and that the last is the newest."""
    first_seen = list(dict.fromkeys(values))
    assert first_seen == sorted(first_seen), f"device {device}: out of order"
    assert values[-1] == max(values), f"device {device}: an old value came last"


async def test_kill_9_of_the_adapter(plant: Plant) -> None:
    await under_load(plant, plant.kill_adapter, rounds=3, gap=2.5)


async def test_kill_9_of_the_broker(plant: Plant) -> None:
    await under_load(plant, plant.kill_broker, rounds=3, gap=1.5)


async def test_restart_of_the_mqtt_server(plant: Plant) -> None:
    await under_load(plant, plant.restart_mosquitto, rounds=3, gap=1.5)


async def test_kill_9_of_the_mqtt_server(plant: Plant) -> None:
    """The adapter comes back by itself, goes on, and keeps the order.

    What the MQTT server had taken and neither passed on nor saved is lost with it, so that not all
    numbers need to be there; those sent after it came back do.
    """
    stop = asyncio.Event()
    load = asyncio.ensure_future(publish_until(plant.mosquitto.port, stop))
    for _ in range(2):
        await asyncio.sleep(random.uniform(2, 4))
        await asyncio.to_thread(plant.kill_mosquitto)
    await asyncio.sleep(1.0)
    stop.set()
    last = await load
    await plant.connected(device=98)
    async with aiomqtt.Client("127.0.0.1", plant.mosquitto.port) as client:
        for device in range(DEVICES):
            await client.publish(f"/json/key/{device}/attrs/n", str(last[device] + 1), qos=1)
    async with asyncio.timeout(PATIENCE):
        while not all(last[one] + 1 in plant.stored().get(one, ()) for one in range(DEVICES)):
            await asyncio.sleep(0.2)
    for device in range(DEVICES):
        in_order(device, plant.stored()[device])
