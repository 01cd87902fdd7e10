"""The broker's own commands: parse arguments, call one function, report errors in one line."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from broker import __version__
from broker.config import ConfigurationError, Settings, load_settings
from broker.config.load import CONFIG_VARIABLE, EXIT_CONFIGURATION, effective, shown
from broker.config.page import settings_page
from broker.contexts.preloaded import load_preloaded
from broker.embedded.data_directory import prepare_data_directory
from broker.embedded.errors import EmbeddedServiceError
from broker.observability.logs import configure_logging
from broker.outbound.addresses import AddressPolicy
from broker.outbound.trust import trusted_certificates

_DESCRIPTION = """\
Mutsura: an NGSI-LD context broker on MongoDB with connectors.

`mutsura serve` without any configuration starts everything on this machine: a private MongoDB
server, the API on http://127.0.0.1:1026 and the engine that notifies subscribers.
"""

_LAST_PORT: Final = 65535

Action = Callable[[argparse.Namespace], int]


def run_own_command(words: Sequence[str], others: Sequence[str]) -> int:
    """Carry out a command of the broker and return its exit code (see `broker.cli.main`).

    `others` are the commands that other packages add; the help names them.
    """
    parser, own = _parser(others)
    if not words:
        parser.print_help(sys.stderr)
        return 2
    if words[0] not in {*own, "-h", "--help", "--version"}:
        _complain(_no_command(words[0], sorted({*own, *others})))
        return 2
    try:
        parsed = parser.parse_args(words)
        action: Action = parsed.action
        return action(parsed)
    except ConfigurationError as error:
        for problem in error.problems:
            _complain(problem)
        return EXIT_CONFIGURATION
    except EmbeddedServiceError as error:
        _complain(str(error))
        return 1


def _no_command(word: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(word, known, n=1)
    meant = f" (was {nearest[0]} meant?)" if nearest else ""
    return f"there is no command {word!r}{meant}; there are: {', '.join(known)}"


def _parser(others: Sequence[str]) -> tuple[argparse.ArgumentParser, Collection[str]]:
    """Return what parses the command line, and the names of the commands it knows."""
    parser = argparse.ArgumentParser(
        prog="mutsura",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"More commands: {', '.join(others)} (each has --help)." if others else None,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_worker(commands)
    for name, action, text in (
        ("engine", _engine, "run the engine: matching, notifications, expiry"),
        ("check-config", _check_config, "print the effective settings, or what is wrong with them"),
        ("doctor", _doctor, "look for what keeps the broker from running, and say what to do"),
    ):
        _add_config(_add_command(commands, name, action, text))
    _add_indexes(commands)
    _add_plain(commands)
    return parser, commands.choices


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = _add_command(commands, "serve", _serve, "run everything on this machine")
    _add_config(serve)
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", help="port of the API (default 1026)")
    serve.add_argument("--workers", help="API processes (default: one a core, at most 8)")
    serve.add_argument("--data", help="data directory (default ./data)")
    serve.add_argument("--adapters", help="file that configures the connectors")


def _add_worker(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "run one API worker (for those who run processes themselves)"
    worker = _add_command(commands, "worker", _worker, text)
    _add_config(worker)
    # by the supervisor only: what the worker shares with the others of its node
    worker.add_argument("--share", help=argparse.SUPPRESS)


def _add_indexes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "list the database's indexes on entities; build and drop one"
    indexes = _add_command(commands, "indexes", _indexes, text)
    _add_config(indexes)
    indexes.add_argument("--tenant", default="", help="tenant (default: the default tenant)")
    indexes.add_argument(
        "--build", metavar="IRI", type=_full_name, help="build one on an attribute (full name)"
    )
    indexes.add_argument(
        "--geometry", action="store_true", help="with --build: the attribute is a GeoProperty"
    )
    indexes.add_argument("--drop", metavar="NAME", help="drop a learned one")
    indexes.add_argument("--data", help="data directory (default ./data)")


def _add_plain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    settings = _add_command(commands, "settings", _settings, "list every setting with its meaning")
    settings.add_argument("--markdown", action="store_true", help="as docs/settings.md has it")
    _add_command(commands, "routes", _routes, "list every operation of the API (Markdown)")
    _add_command(commands, "version", _version, "print the version")
    for name, action, port, text in (
        ("listen", _listen, 9026, "print the notifications that come to a port"),
        ("mqtt", _mqtt, 1883, "run the MQTT broker for trying things out"),
    ):
        listening = _add_command(commands, name, action, text)
        listening.add_argument(
            "--port", type=_port, default=port, help=f"port on 127.0.0.1 (default {port})"
        )


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    action: Action,
    text: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(action=action)
    return command


def _full_name(text: str) -> str:
    if ":" not in text or any(character.isspace() for character in text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a full name, such as https://uri.etsi.org/ngsi-ld/default-context/"
            "speed; the broker's own @context for a name without a definition gives that"
        )
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_LAST_PORT}")
    return int(text)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings file (or {CONFIG_VARIABLE})"
    )


def _settings_of(parsed: argparse.Namespace) -> Settings:
    """Read the settings and set up the logs as they say."""
    keys = {
        "host": "server.host",
        "port": "server.port",
        "workers": "server.workers",
        "data": "data_directory",
        "adapters": "adapters.file",
    }
    given = {key: getattr(parsed, name, None) for name, key in keys.items()}
    settings = load_settings(
        os.environ,
        file=parsed.config,
        overrides={key: text for key, text in given.items() if text is not None},
    )
    configure_logging(settings.logging.level, settings.logging.format)
    _check_values(settings)
    return settings


def _settings_of_node(parsed: argparse.Namespace) -> Settings:
    """Read the settings for a whole node, which needs the connectors' file as well."""
    settings = _settings_of(parsed)
    if settings.adapters.file is not None and not settings.adapters.file.is_file():
        raise ConfigurationError([f"adapters.file {settings.adapters.file} does not exist"])
    return settings


def _check_values(settings: Settings) -> None:
    """Raise ConfigurationError for values that only those who use them can judge."""
    _ = AddressPolicy(allow=settings.outbound.allow)
    _ = load_preloaded(directory=settings.contexts.preload_directory)
    _ = trusted_certificates(settings.outbound.ca_file)
    if settings.mongodb.uri is not None:
        # only here: the driver takes a tenth of a second to import
        from broker.storage.mongo.server import why_unusable  # noqa: PLC0415

        if problem := why_unusable(settings.mongodb.uri):
            raise ConfigurationError([f"mongodb.uri cannot be used: {problem}"])


# Commands import what they need when they run: `mutsura --help` is at once there, and the
# supervisor carries nothing of the API.


def _serve(parsed: argparse.Namespace) -> int:
    from broker.supervisor import Node  # noqa: PLC0415

    settings = _settings_of_node(parsed)
    prepare_data_directory(settings.data_directory.resolve())
    return Node(settings).run()


def _worker(parsed: argparse.Namespace) -> int:
    from broker.process import WorkerShare, run_worker  # noqa: PLC0415

    share = WorkerShare.of(parsed.share) if parsed.share else None
    return run_worker(_with_database(parsed), share)


def _engine(parsed: argparse.Namespace) -> int:
    from broker.process import run_engine  # noqa: PLC0415

    return run_engine(_with_database(parsed))


def _with_database(parsed: argparse.Namespace) -> Settings:
    settings = _settings_of(parsed)
    if settings.mongodb.uri is None:
        raise ConfigurationError(
            ["a process of its own needs MUTSURA_MONGODB_URI; only `mutsura serve` has a database"]
        )
    return settings


def _check_config(parsed: argparse.Namespace) -> int:
    for one, value in effective(_settings_of_node(parsed)):
        sys.stdout.write(f"{one.key} = {shown(one, value) or '(none)'}\n")
    return 0


def _doctor(parsed: argparse.Namespace) -> int:
    from broker.doctor import examine  # noqa: PLC0415

    return examine(_settings_of(parsed))


def _indexes(parsed: argparse.Namespace) -> int:
    from broker.indexes import IndexRequest, manage_indexes  # noqa: PLC0415

    request = IndexRequest(parsed.tenant, parsed.build, parsed.geometry, parsed.drop)
    return manage_indexes(_settings_of(parsed), request)


def _settings(parsed: argparse.Namespace) -> int:
    sys.stdout.write(settings_page(plain=not parsed.markdown))
    return 0


def _routes(_parsed: argparse.Namespace) -> int:
    from broker.api.page import api_page  # noqa: PLC0415

    sys.stdout.write(api_page())
    return 0


def _version(_parsed: argparse.Namespace) -> int:
    sys.stdout.write(f"mutsura {__version__}\n")
    return 0


def _listen(parsed: argparse.Namespace) -> int:
    from broker.listen import listen  # noqa: PLC0415

    return listen(parsed.port)


def _mqtt(parsed: argparse.Namespace) -> int:
    from broker.embedded.mqtt import run_amqtt  # noqa: PLC0415

    return run_amqtt(parsed.port)


def _complain(problem: str) -> None:
    sys.stderr.write(f"mutsura: {problem}\n")
