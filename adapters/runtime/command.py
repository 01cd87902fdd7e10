"""`mutsura adapters list | check | run | dead-letters`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from pathlib import Path

import uvloop

from adapters.runtime import dead_letter_command
from adapters.runtime.configuration import Configuration, read_configuration
from adapters.runtime.errors import AdapterError, Misconfigured
from adapters.runtime.host import Host
from adapters.runtime.manifest import installed, read_manifest
from adapters.runtime.quality import RULES
from broker.observability.logs import configure_logging
from broker.observability.signals import stop_signals

log = logging.getLogger(__name__)
SETTLED_SECONDS = 1.0


def main(argv: list[str]) -> int:
    """Carry out a command and return its exit code.

    0 is success, 1 a failure that was reported, 2 a wrong command line, 78 a configuration that
    `run` cannot work with.
    """
    arguments = _parser().parse_args(argv)
    configure_logging(
        os.environ.get("MUTSURA_LOGGING_LEVEL", "info"),
        os.environ.get("MUTSURA_LOGGING_FORMAT", "auto"),
    )
    try:
        return int(arguments.command(arguments))
    except AdapterError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mutsura adapters", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="show the installed adapters")
    listing.add_argument("--quality", action="store_true", help="with every quality rule")
    listing.set_defaults(command=_list)
    for name, command, text in (
        ("check", _check, "check a configuration without running it"),
        ("run", _run, "run the adapters of a configuration"),
    ):
        one = commands.add_parser(name, help=text)
        add_configuration(one)
        one.set_defaults(command=command)
        if name == "run":
            one.add_argument("--once", action="store_true", help="end when all have finished")
            one.add_argument(
                "--patient",
                type=float,
                metavar="SECONDS",
                help="read a wrong configuration again after so long, until it is right",
            )
    dead_letter_command.add_to(commands, add_configuration)
    return parser


def add_configuration(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the options that name a configuration."""
    parser.add_argument("--config", type=Path, required=required, help="YAML or TOML file")
    parser.add_argument("--broker", help="base URL of the broker, instead of the file's")
    parser.add_argument("--data", type=Path, help="data folder, instead of the file's")


def configuration_of(arguments: argparse.Namespace, *, look_further: bool = False) -> Configuration:
    """Read the configuration the arguments name."""
    return read_configuration(
        arguments.config,
        broker_url=arguments.broker,
        data=arguments.data,
        look_further=look_further,
    )


def _list(arguments: argparse.Namespace) -> int:
    for name, package in sorted(installed().items()):
        try:
            manifest = read_manifest(package)
        except Misconfigured as error:
            sys.stdout.write(f"{name:12} cannot be loaded: {error.detail}\n")
            continue
        sys.stdout.write(f"{name:12} {manifest.version:8} {manifest.kind:8} {manifest.summary}\n")
        if arguments.quality:
            for one in manifest.assessment():
                reason = f" ({one.reason})" if one.reason else ""
                sys.stdout.write(f"    {one.status:7} {one.rule}: {RULES[one.rule]}{reason}\n")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    configuration = configuration_of(arguments, look_further=True)
    for one in configuration.adapters:
        tenant = one.broker.tenant or "the default tenant"
        sys.stdout.write(f"{one.name}: {one.manifest.name} into {tenant}\n")
    number = len(configuration.adapters)
    counted = "1 adapter" if number == 1 else f"{number} adapters"
    sys.stdout.write(f"{counted}, broker {configuration.broker.url}\n")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    read = _read_when_right if arguments.patient else configuration_of
    try:
        host = Host(read(arguments))
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        return os.EX_CONFIG
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return 0 if runner.run(_until_stopped(host, once=arguments.once)) else 1


def _read_when_right(arguments: argparse.Namespace) -> Configuration:
    """Read the configuration again and again until it is right; tell of each fault once.

    One that became right is used when nobody has written to it for a moment: the half of a file
    that is being saved may be a right one too, with fewer adapters.
    """
    told = ""
    while True:
        written = _last_written(arguments.config)
        try:
            configuration = configuration_of(arguments)
        except Misconfigured as error:
            if error.detail != told:
                told = error.detail
                log.error(  # noqa: TRY400 - foreseen
                    "no adapter runs: the configuration %s is wrong. It is read again every %g s "
                    "and used as soon as it is right.\n%s",
                    arguments.config,
                    arguments.patient,
                    error.detail,
                )
            time.sleep(arguments.patient)
            continue
        if told:
            time.sleep(min(SETTLED_SECONDS, arguments.patient))
        if not told or _last_written(arguments.config) == written:
            return configuration


def _last_written(path: Path) -> int | None:
    """Return when the file was written, in nanoseconds; None if it is not there."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return None


async def _until_stopped(host: Host, *, once: bool) -> bool:
    """Run the host; SIGTERM, SIGINT and SIGHUP stop it in good order."""
    running = asyncio.ensure_future(host.run(once=once))
    loop = asyncio.get_running_loop()
    for one in stop_signals():
        loop.add_signal_handler(one, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await running
    return True
