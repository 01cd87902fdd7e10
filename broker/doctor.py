"""`mutsura doctor`: looks at what the broker needs on this machine and says what to do."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiomqtt

from broker.config import Settings
from broker.config.field import masked
from broker.embedded.binary import missing_libraries, packaged_mongod
from broker.embedded.data_directory import how_to_own, not_ours_in
from broker.embedded.errors import EmbeddedServiceError
from broker.embedded.ports import why_not_free
from broker.model.clock import system_clock
from broker.storage.mongo.server import ServerUnreachable, ServerUnsuitable, inspect_server

_GIGABYTE: Final = 1024**3
_LEAST_SPACE: Final = 1 * _GIGABYTE
_GOOD_SPACE: Final = 5 * _GIGABYTE
_FILES: Final = 4096
_CLOCK_TOLERANCE: Final = timedelta(seconds=5)


class Verdict(StrEnum):
    """How a check came out."""

    GOOD = "ok"
    DOUBTFUL = "warn"
    BAD = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do when it is not good."""

    verdict: Verdict
    subject: str
    found: str
    remedy: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> int:
    """Print the findings of all checks; return 1 when one of them is bad, else 0."""
    findings = [finding for check in CHECKS for finding in check(settings)]
    for one in findings:
        sys.stdout.write(f"{one.verdict:<5} {one.subject:<13} {one.found}\n")
        if one.remedy:
            sys.stdout.write(f"{'':19} -> {one.remedy}\n")
    bad = sum(one.verdict is Verdict.BAD for one in findings)
    sys.stdout.write("everything is ready\n" if not bad else f"{bad} of {len(findings)} failed\n")
    return 1 if bad else 0


def check_network(settings: Settings) -> Iterator[Finding]:
    """Whether the API's port can be had, and who reaches it."""
    host, port = settings.server.host, settings.server.port
    reason = why_not_free(port, host)
    if reason is None:
        yield Finding(Verdict.GOOD, "port", f"{host}:{port} is free")
    else:
        yield Finding(
            Verdict.BAD,
            "port",
            f"{host}:{port} cannot be had: {reason}",
            f"stop what listens there (`ss -ltnp 'sport = :{port}'` shows it; a running Mutsura, "
            "perhaps), or set MUTSURA_SERVER_HOST and MUTSURA_SERVER_PORT",
        )
    if not host.startswith(("127.", "::1", "localhost")):
        yield Finding(
            Verdict.DOUBTFUL,
            "network",
            f"{host} opens the API to the network, without authentication",
            "put a reverse proxy with access control before it, or set MUTSURA_SERVER_HOST="
            "127.0.0.1",
        )


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether the database is one the broker can work with."""
    if settings.mongodb.uri is None:
        yield _embedded_database(settings)
        return
    shown = masked(settings.mongodb.uri)
    try:
        report = inspect_server(settings.mongodb.uri)
    except ServerUnreachable as error:
        yield Finding(
            Verdict.BAD,
            "database",
            f"{shown} does not answer: {error}",
            "start it, or correct MUTSURA_MONGODB_URI",
        )
    except ServerUnsuitable as error:
        yield Finding(Verdict.BAD, "database", shown, str(error))
    else:
        yield Finding(Verdict.GOOD, "database", f"MongoDB {report.version}, {report.topology}")
        yield _write_concern(report.write_concern)
        if report.clock is not None:
            yield _clock(report.clock)


def _embedded_database(settings: Settings) -> Finding:
    try:
        binary = packaged_mongod(settings.data_directory / "mongodb" / "bin")
    except EmbeddedServiceError as error:
        return Finding(Verdict.BAD, "database", "no database is configured", str(error))
    if missing := missing_libraries(binary):
        return Finding(Verdict.BAD, "database", "the embedded MongoDB does not run", missing)
    return Finding(Verdict.GOOD, "database", f"the embedded MongoDB runs ({binary})")


def _write_concern(name: str) -> Finding:
    if name in ("majority", "not known"):
        return Finding(Verdict.GOOD, "durability", f"default write concern: {name}")
    return Finding(
        Verdict.DOUBTFUL,
        "durability",
        f"default write concern: {name}; the broker itself always asks for majority",
        "with an arbiter in the set, writes stop when one data member is down",
    )


def _clock(theirs: datetime) -> Finding:
    ours = datetime.fromisoformat(system_clock())
    apart = abs(ours.replace(tzinfo=None) - theirs.replace(tzinfo=None))
    if apart <= _CLOCK_TOLERANCE:
        return Finding(Verdict.GOOD, "clock", "agrees with the database's")
    return Finding(
        Verdict.DOUBTFUL,
        "clock",
        f"is {apart.total_seconds():.0f} s apart from the database's",
        "run a time service (chrony or systemd-timesyncd) on both machines",
    )


def check_data_directory(settings: Settings) -> Iterator[Finding]:
    """Whether data can be written, and how much."""
    directory = settings.data_directory.resolve()
    place = _existing(directory)
    if not os.access(place, os.W_OK):
        yield Finding(
            Verdict.BAD,
            "data",
            f"{directory} cannot be written",
            f"`sudo install -d -o {os.getuid()} {directory}`, or set MUTSURA_DATA_DIRECTORY",
        )
        return
    strange = not_ours_in(directory)
    if strange is not None:
        found = f"{strange} belongs to another user"
        yield Finding(Verdict.BAD, "data", found, how_to_own(directory))
    free = shutil.disk_usage(place).free
    verdict = Verdict.GOOD if free >= _GOOD_SPACE else Verdict.DOUBTFUL
    verdict = verdict if free >= _LEAST_SPACE else Verdict.BAD
    remedy = "" if verdict is Verdict.GOOD else "free some space; the database stops without it"
    yield Finding(verdict, "disk", f"{free / _GIGABYTE:.1f} GB free for {directory}", remedy)


def _existing(directory: Path) -> Path:
    """Return the directory, or the nearest above it that is there and can be looked at."""
    return next(one for one in (directory, *directory.parents) if os.access(one, os.F_OK))


def check_limits(_settings: Settings) -> Iterator[Finding]:
    """Whether the processes of a node may open enough files: up to the hard limit they do."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard >= _FILES or hard == resource.RLIM_INFINITY:
        shown = "as many as wanted" if hard == resource.RLIM_INFINITY else str(hard)
        yield Finding(Verdict.GOOD, "open files", shown)
    else:
        yield Finding(
            Verdict.DOUBTFUL,
            "open files",
            f"{hard}; the embedded database opens 18 to 48 for each tenant",
            f"`ulimit -n {_FILES}` as root, LimitNOFILE= in the systemd unit",
        )


def check_mqtt(settings: Settings) -> Iterator[Finding]:
    """Whether the MQTT broker lets us in."""
    if settings.mqtt.url is None:
        yield Finding(Verdict.GOOD, "mqtt", "none configured; a trial broker starts when needed")
        return
    url = urlsplit(settings.mqtt.url)
    try:
        asyncio.run(_connect(settings.mqtt.url))
    except (aiomqtt.MqttError, OSError, TimeoutError) as error:
        yield Finding(
            Verdict.BAD,
            "mqtt",
            f"{masked(settings.mqtt.url)} does not let us in: {_words(error)}",
            f"start a broker on {url.hostname}, or correct MUTSURA_MQTT_URL",
        )
    else:
        yield Finding(Verdict.GOOD, "mqtt", f"{masked(settings.mqtt.url)} lets us in")


def _words(error: Exception) -> str:
    """Return what went wrong without the number the system has for it."""
    cause = error.args[0] if error.args else None
    system = cause if isinstance(cause, OSError) else error
    if isinstance(system, OSError) and system.strerror:
        return system.strerror
    return str(error) or "no answer"


async def _connect(given: str) -> None:
    url = urlsplit(given)
    secure = url.scheme == "mqtts"
    client = aiomqtt.Client(
        url.hostname or "127.0.0.1",
        port=url.port or (8883 if secure else 1883),
        username=url.username,
        password=url.password,
        tls_params=aiomqtt.TLSParameters() if secure else None,
        timeout=5,
    )
    async with asyncio.timeout(6), client:
        pass


CHECKS: Final[tuple[Check, ...]] = (
    check_network,
    check_database,
    check_data_directory,
    check_limits,
    check_mqtt,
)
