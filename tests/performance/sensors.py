"""Measures over MQTT: from the publisher at QoS 1 to the broker's commit.

A mosquitto, the adapters' host and the publisher are processes of their own, as in an installation.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker.embedded.ports import free_port
from tests.performance.load import Measured
from tests.servers import Mosquitto

DEVICES = 1000
WINDOW = 1000
LONGEST = 120
LIMITS = """
max_queued_messages 0
max_inflight_messages {window}
autosave_on_changes false
autosave_interval 1
"""
GROUP = {
    "resource": "/iot/json",
    "apikey": "bench",
    "entity_type": "Sensor",
    "attributes": [
        {
            "object_id": "t",
            "name": "temperature",
            "type": "Number",
            "metadata": {"unitCode": "CEL"},
        },
        {"object_id": "h", "name": "relativeHumidity", "type": "Number", "expression": "h / 100"},
    ],
}


def measure(broker_port: int, count: int) -> Measured:
    """Publish `count` measures of 1,000 devices and wait until the last is committed."""
    with tempfile.TemporaryDirectory(prefix="mutsura-bench-") as name:
        directory = Path(name)
        limits = LIMITS.format(window=WINDOW)
        mosquitto = Mosquitto(directory / "mosquitto", limits)
        mosquitto.start()
        try:
            with _adapters(directory, mosquitto.url, broker_port) as health:
                _until(lambda: "connected to" in _adapter(health)["detail"])
                started = time.perf_counter()
                _publish(mosquitto.port, count)
                _until(lambda: _is_done(_adapter(health), count))
                seconds = time.perf_counter() - started
                dead = _adapter(health)["counters"].get("dead-letter", 0)
        finally:
            mosquitto.stop()
    return Measured(count, seconds, p50=0, p99=0, failures=dead)


@contextlib.contextmanager
def _adapters(directory: Path, url: str, broker_port: int) -> Iterator[int]:
    """Run the adapters' host; give the port of its health."""
    health = free_port()
    settings = {"url": url, "client_id": "bench", "window": WINDOW, "groups": [GROUP]}
    configuration = {
        "broker": {"url": f"http://127.0.0.1:{broker_port}"},
        "data": str(directory / "adapters"),
        "health": {"port": health},
        "adapters": [{"adapter": "mqtt", "settings": settings}],
    }
    file = directory / "adapters.yaml"
    file.write_text(json.dumps(configuration))
    process = subprocess.Popen(
        [sys.executable, "-m", "adapters.runtime", "run", "--config", str(file)],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield health
    finally:
        process.terminate()
        process.wait(30)


def _adapter(health: int) -> dict[str, Any]:
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{health}/health", timeout=5) as answer,
    ):
        for adapter in json.load(answer)["adapters"]:
            return dict(adapter)
    return {"detail": "", "counters": {}}


def _is_done(adapter: dict[str, Any], count: int) -> bool:
    return adapter["counters"].get("measures", 0) >= count and not adapter["writers"]["pending"]


def _until(condition: Any) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the measures did not arrive")
        time.sleep(0.05)


def _publish(port: int, count: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.performance.sensors", str(port), str(count)], check=True
    )


def publish(port: int, count: int) -> None:
    """Publish at QoS 1, 200 messages under way; all are taken when this returns."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="publisher")
    client.max_inflight_messages_set(200)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(count):
        body = {"t": number % 400 / 10, "h": number % 100}
        topic = f"/json/bench/{number % DEVICES}/attrs"
        sent = client.publish(topic, json.dumps(body), qos=1)
        if number % 500 == 499 or number == count - 1:
            sent.wait_for_publish(LONGEST)
    client.disconnect()


if __name__ == "__main__":
    publish(int(sys.argv[1]), int(sys.argv[2]))
