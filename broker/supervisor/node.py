"""One node: the loop behind `mutsura serve`.

It starts the embedded database and MQTT broker (unless others are configured), one engine and the
API workers, and, once the API is ready, the connectors. A process that ends is started again.
SIGTERM, SIGINT or the end of its terminal stops everything in the opposite order. When the
supervisor itself is killed, the kernel ends its children (`broker.embedded.tether`).

It is one thread without an event loop: nothing in it is in a hurry, and children are tied to the
life of the thread that starts them.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPException
from typing import Final

from broker.config import Settings
from broker.config.load import EXIT_CONFIGURATION
from broker.embedded.errors import EmbeddedServiceError, PortTaken
from broker.embedded.mongod import EmbeddedMongod, MongodSizes
from broker.embedded.mqtt import TrialBroker, trial_broker
from broker.embedded.ports import free_port
from broker.observability.metrics import forget_process, prepare_directory
from broker.observability.processes import Restarts
from broker.observability.signals import stop_signals
from broker.supervisor.banner import api_url, say, say_that_it_starts, say_what_runs, warn_if_open
from broker.supervisor.child import Child, Program, how_it_ended
from broker.supervisor.claims import SharedPort, claimed_directory, claimed_port
from broker.supervisor.inventory import Inventory
from broker.supervisor.own_api import ask
from broker.supervisor.programs import adapters_program, broker_programs, child_environment

_LOOK: Final = 0.1
_MINUTE: Final = 60.0

log = logging.getLogger(__name__)


class Node:
    """Runs the processes of one node until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = replace(settings, data_directory=settings.data_directory.resolve())
        self._stopping = False
        self._exit_code = 0
        self._ready = False
        self._mongod: EmbeddedMongod | None = None
        self._mqtt: TrialBroker | None = None
        self._mqtt_url = settings.mqtt.url or ""
        self._children: list[Child] = []
        self._inventory: Inventory | None = None
        self._restarts: Restarts | None = None

    def run(self) -> int:
        """Run the node; return the exit code.

        Raises:
            EmbeddedServiceError: the data directory or the port is taken, or the embedded
                database cannot start.
        """
        for number in stop_signals():
            signal.signal(number, self._on_signal)
        server, data = self._settings.server, self._settings.data_directory
        with ExitStack() as held:
            held.enter_context(claimed_directory(data))
            workers = server.worker_count
            claim = claimed_port(server.host, server.port, workers=workers, directory=data)
            port = held.enter_context(claim)
            self._settings = replace(self._settings, server=replace(server, port=port.number))
            warn_if_open(self._settings)
            say_that_it_starts(self._settings)
            metrics = data / "run" / "metrics"
            prepare_directory(metrics)
            self._restarts = Restarts(metrics)
            held.callback(self._stop_mongod)
            self._start_mongod()
            if not self._stopping:
                held.callback(self._stop_children)
                self._start_children(port)
                self._keep_running()
        return self._exit_code

    def _on_signal(self, number: int, _frame: object) -> None:
        if not self._stopping:
            log.info("stopping (%s)", signal.Signals(number).name)
        self._stopping = True

    @property
    def _environment(self) -> Mapping[str, str]:
        uri = self._mongod.uri if self._mongod else self._settings.mongodb.uri or ""
        return child_environment(self._settings, mongodb_uri=uri, mqtt_url=self._mqtt_url)

    def _start_mongod(self) -> None:
        mongodb = self._settings.mongodb
        if mongodb.uri is None:
            sizes = MongodSizes(cache=mongodb.embedded_cache, oplog=mongodb.embedded_oplog)
            directory = self._settings.data_directory / "mongodb"
            self._mongod = EmbeddedMongod(directory, sizes=sizes)
            self._mongod.start(is_wanted=self._is_wanted)

    def _is_wanted(self) -> bool:
        return not self._stopping

    def _start_children(self, port: SharedPort) -> None:
        """Start what the connectors need; they follow when the API is ready."""
        if self._settings.adapters.file is not None and self._settings.mqtt.url is None:
            self._add(self._trial_mqtt())
        for program in broker_programs(self._settings, port):
            self._add(program)

    def _trial_mqtt(self) -> Program:
        port = free_port(self._settings.mqtt.embedded_port)
        self._mqtt = trial_broker(self._settings.data_directory / "mqtt", port)
        self._mqtt_url = f"mqtt://127.0.0.1:{port}"
        return Program("mqtt", tuple(self._mqtt.command))

    def _add(self, program: Program) -> None:
        child = Child(program, self._environment)
        child.start()
        self._children.append(child)

    def _keep_running(self) -> None:
        next_rotation = time.monotonic() + _MINUTE
        while not self._stopping:
            self._tend_mongod()
            self._tend(self._children)
            if not self._ready and self._answers():
                self._become_ready()
            if time.monotonic() >= next_rotation:
                next_rotation += _MINUTE
                if self._mongod is not None:
                    self._mongod.rotate_log()
            if self._inventory is not None:
                say(self._inventory.look(time.monotonic()))
            time.sleep(_LOOK)

    def _tend(self, children: Iterable[Child]) -> None:
        for child in children:
            ended = child.tend()
            if ended is None:
                continue
            forget_process(ended.pid)
            self._count_restart(child.program.name)
            if ended.code == EXIT_CONFIGURATION:
                log.error("%s cannot work with this configuration", child.program.name)
                self._exit_code = EXIT_CONFIGURATION
                self._stopping = True
                return

    def _count_restart(self, name: str) -> None:
        if self._restarts is not None:
            self._restarts.add(name)

    def _tend_mongod(self) -> None:
        if self._mongod is None or self._mongod.pid is not None:
            return
        code = self._mongod.exit_code
        how = "is not there" if code is None else how_it_ended(code)
        log.warning("the embedded database %s and is started again", how)
        self._count_restart("mongod")
        try:
            self._restart(self._mongod)
        except EmbeddedServiceError as error:
            log.warning("%s; trying again", error)
            time.sleep(1.0)

    def _restart(self, mongod: EmbeddedMongod) -> None:
        try:
            mongod.start(port=mongod.port, is_wanted=self._is_wanted)
        except PortTaken:
            mongod.start(is_wanted=self._is_wanted)
            for child in self._children:
                child.use(self._environment)

    def _answers(self) -> bool:
        try:
            with ask(f"{api_url(self._settings)}/ready", timeout=1.0) as answer:
                return answer.status == 200
        except (OSError, HTTPException):
            return False

    def _become_ready(self) -> None:
        self._ready = True
        mqtt = self._mqtt_url or None
        if self._mqtt is not None:
            mqtt = f"{self._mqtt_url} ({self._mqtt.description})"
        elif mqtt is not None:
            mqtt = "as configured"
        say_what_runs(self._settings, database=self._database(), mqtt=mqtt)
        connectors = adapters_program(self._settings)
        if connectors is not None:
            self._add(connectors)
            self._inventory = Inventory(api_url(self._settings))

    def _database(self) -> str:
        if self._mongod is None:
            return self._settings.mongodb.uri or ""
        return f"mongodb://{self._mongod.host} (embedded, in {self._settings.data_directory})"

    def _stop_children(self) -> None:
        """Connectors first, then the API and the engine, then what they all need."""
        last = [child for child in self._children if child.program.name == "mqtt"]
        first = [child for child in self._children if child.program.name == "adapters"]
        rest = [child for child in self._children if child not in first + last]
        for group in (first, rest, last):
            for child in group:
                child.signal()
            now = time.monotonic()
            for child in group:
                child.join(now + child.program.grace)

    def _stop_mongod(self) -> None:
        if self._mongod is not None:
            self._mongod.stop()
