"""An MQTT broker on 127.0.0.1 for trying things out.

It is the machine's mosquitto when that is installed, with its sessions and queued messages written
to disk every second: to write them at every change, mosquitto writes the whole file for each
message, and takes a tenth of the messages a second. Otherwise it is amqtt (MQTT 3.1.1 in Python),
which keeps nothing for clients that are not connected. For anything but a trial run a broker of
your own and set `mqtt.url`.
"""

from __future__ import annotations

import asyncio
import getpass
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError

from broker.embedded.errors import PortTaken

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/
autosave_interval 1
max_queued_messages 100000
max_inflight_messages 1000
user {user}
log_type error
log_type warning
log_dest stderr
"""


@dataclass(frozen=True, slots=True)
class TrialBroker:
    """How to start the broker, and what to call it."""

    command: list[str]
    description: str


def trial_broker(directory: Path, port: int) -> TrialBroker:
    """Return the command of the best broker this machine has; it keeps its data in `directory`."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto is None:
        return TrialBroker(
            [sys.executable, "-m", "broker", "mqtt", "--port", str(port)],
            "amqtt for trying out: it keeps nothing for clients that are not connected",
        )
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "mosquitto.conf"
    config.write_text(
        _MOSQUITTO.format(port=port, directory=directory.resolve(), user=getpass.getuser())
    )
    return TrialBroker([mosquitto, "-c", str(config)], "mosquitto of this machine")


def run_amqtt(port: int) -> int:
    """Serve MQTT until SIGTERM or SIGINT; return the exit code.

    Raises:
        PortTaken: the port cannot be had.
    """
    return asyncio.run(_serve(port))


async def _serve(port: int) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    broker = Broker(
        BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
    )
    try:
        await broker.start()
    except BrokerError as error:
        raise PortTaken(f"port {port} cannot be had. Choose another with --port") from error
    await stop.wait()
    await broker.shutdown()
    return 0
