"""The programs of a node and the environment they get."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from broker.config import Settings, as_environment
from broker.config.load import is_setting_variable
from broker.supervisor.banner import api_url
from broker.supervisor.child import Program
from broker.supervisor.claims import SharedPort


def broker_programs(settings: Settings, port: SharedPort) -> list[Program]:
    """Return the engine and the API workers."""
    grace = settings.server.drain_timeout + 5.0
    programs = [Program("engine", _mutsura("engine"), grace)]
    for number in range(settings.server.worker_count):
        inherits = port.share(number)
        listener, loads, *boxes = map(str, inherits)
        share = ",".join((listener, loads, str(number), *boxes))
        command = _mutsura("worker", "--share", share)
        programs.append(Program(f"worker {number}", command, grace, inherits=inherits))
    return programs


def adapters_program(settings: Settings) -> Program | None:
    """Return the host of the connectors, when there are any."""
    if settings.adapters.file is None:
        return None
    options = (
        "--patient", "15",
        "--config", str(settings.adapters.file),
        "--broker", api_url(settings),
        "--data", str(settings.data_directory / "adapters"),
    )  # fmt: skip
    return Program("adapters", _mutsura("adapters", "run", *options), 15.0, may_finish=True)


def child_environment(settings: Settings, *, mongodb_uri: str, mqtt_url: str) -> Mapping[str, str]:
    """Return the environment of the children: exactly these settings, and the rest as it is."""
    told = replace(
        settings,
        mongodb=replace(settings.mongodb, uri=mongodb_uri),
        mqtt=replace(settings.mqtt, url=mqtt_url),
    )
    rest = {name: text for name, text in os.environ.items() if not is_setting_variable(name)}
    return rest | as_environment(told)


def _mutsura(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "broker", *words)
