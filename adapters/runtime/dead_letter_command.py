"""`mutsura adapters dead-letters list | show | replay | purge`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import Any

import orjson

from adapters.runtime.broker_client import BrokerAddress
from adapters.runtime.configuration import Configuration, read_configuration
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.errors import Misconfigured
from adapters.runtime.replay import Replay
from adapters.runtime.settings import nearest
from adapters.runtime.store import FILE, Store

PAGE = 200
_WHERE = "mutsura serve keeps letters in the folder 'adapters' of its data directory (--data)"


def add_to(commands: Any, add_configuration: Callable[..., None]) -> None:
    """Add the commands to `mutsura adapters`."""
    parser = commands.add_parser("dead-letters", help="records that could not be stored")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, work, text in (
        ("list", _list, "one line for each letter"),
        ("show", _show, "one letter in full"),
        ("replay", _replay, "read letters again with the mapping as it is now, and send them"),
        ("purge", _purge, "throw letters away"),
    ):
        one = actions.add_parser(name, help=text)
        add_configuration(one, required=name == "replay")
        one.add_argument("--adapter", help="only those of one adapter, by its configured name")
        if name == "show":
            one.add_argument("number", type=int)
        if name == "replay":
            one.add_argument("numbers", type=int, nargs="*", metavar="number", help="only these")
        if name == "purge":
            one.add_argument("--yes", action="store_true", help="really do it")
        one.set_defaults(command=_command(work))


def _command(work: Callable[..., Any]) -> Callable[[argparse.Namespace], int]:
    def command(arguments: argparse.Namespace) -> int:
        configuration = _configuration(arguments)
        try:
            (configuration.data / FILE).stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Misconfigured(
                f"no adapter has kept anything in {configuration.data}; {_WHERE}"
            ) from error
        except OSError as error:
            raise Misconfigured(
                f"cannot look into {configuration.data}: {error.strerror}"
            ) from error
        return asyncio.run(_with_store(work, arguments, configuration))

    return command


def _configuration(arguments: argparse.Namespace) -> Configuration:
    """Read the configuration; to look at letters their folder is enough."""
    if arguments.config is not None:
        return read_configuration(
            arguments.config, broker_url=arguments.broker, data=arguments.data
        )
    if arguments.data is None:
        raise Misconfigured(f"give --config FILE, or --data FOLDER; {_WHERE}")
    return Configuration(BrokerAddress(arguments.broker or ""), arguments.data, ())


async def _with_store(
    work: Callable[..., Any], arguments: argparse.Namespace, configuration: Configuration
) -> int:
    async with Store(configuration.data) as store:
        known = await DeadLetters(store, None).count_by_adapter()
        names = {*known, *(one.name for one in configuration.adapters)}
        if arguments.adapter is not None and names and arguments.adapter not in names:
            hint = nearest(arguments.adapter, names)
            raise Misconfigured(f"no adapter goes by the name {arguments.adapter!r} here; {hint}")
        letters = DeadLetters(store, arguments.adapter)
        return int(await work(letters, arguments, configuration))


async def _list(letters: DeadLetters, _arguments: argparse.Namespace, _c: Configuration) -> int:
    after = 0
    while page := await letters.list(limit=PAGE, after=after):
        for one in page:
            sys.stdout.write(f"{one.number:6} {one.at} {one.adapter}: {one.reason}\n")
        after = page[-1].number
    sys.stdout.write(_counted(await letters.count()))
    if evicted := await letters.evicted():
        sys.stdout.write(f"; {evicted} older ones went because there were too many")
    sys.stdout.write("\n")
    return 0


async def _show(letters: DeadLetters, arguments: argparse.Namespace, _c: Configuration) -> int:
    one = await letters.get(arguments.number)
    if one is None:
        raise Misconfigured(f"there is no dead letter {arguments.number}")
    shown = {
        "number": one.number,
        "adapter": one.adapter,
        "at": one.at,
        "reason": one.reason,
        "tenant": one.tenant,
        "record": one.record,
        "entity": one.entity,
    }
    sys.stdout.write(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


async def _replay(
    letters: DeadLetters, arguments: argparse.Namespace, configuration: Configuration
) -> int:
    await _require(letters, arguments.numbers)
    replay = Replay(letters, configuration, lambda line: sys.stdout.write(f"{line}\n"))
    done = await replay.run(arguments.numbers)
    parts = [f"{done.written} written", f"{done.refused} refused again"]
    if done.outdated:
        parts.insert(1, f"{done.outdated} removed as older than what the broker holds")
    if done.unreadable:
        parts.append(f"{done.unreadable} without an entity (only the adapter can read those)")
    sys.stdout.write(", ".join(parts) + "\n")
    return 0 if not done.refused else 1


async def _require(letters: DeadLetters, numbers: list[int]) -> None:
    for number in numbers:
        if await letters.get(number) is None:
            raise Misconfigured(f"there is no dead letter {number}")


async def _purge(letters: DeadLetters, arguments: argparse.Namespace, _c: Configuration) -> int:
    if not arguments.yes:
        raise Misconfigured(f"{_counted(await letters.count())} would go; add --yes to do it")
    sys.stdout.write(f"{_counted(await letters.purge())} thrown away\n")
    return 0


def _counted(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number} dead letters"
