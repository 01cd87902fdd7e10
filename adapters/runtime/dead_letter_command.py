"""`mutsura adapters dead-letters list | show | replay | purge`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.runtime.configuration import Configuration, read_configuration
from adapters.runtime.dead_letters import DeadLetter, DeadLetters
from adapters.runtime.errors import Misconfigured, SkipRecord
from adapters.runtime.schemas import Schemas
from adapters.runtime.session import broker_session
from adapters.runtime.store import Store
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers

PAGE = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many letters went to the broker, were refused again, or hold no entity to send."""

    written: int = 0
    refused: int = 0
    unmapped: int = 0


def add_to(commands: Any, add_configuration: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the commands to `mutsura adapters`."""
    parser = commands.add_parser("dead-letters", help="records that could not be stored")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, work, text in (
        ("list", _list, "one line for each letter"),
        ("show", _show, "one letter in full"),
        ("replay", _replay, "send entities again that were refused"),
        ("purge", _purge, "throw letters away"),
    ):
        one = actions.add_parser(name, help=text)
        add_configuration(one)
        one.add_argument("--adapter", help="only those of one adapter, by its configured name")
        if name == "show":
            one.add_argument("number", type=int)
        if name == "purge":
            one.add_argument("--yes", action="store_true", help="really do it")
        one.set_defaults(command=_command(work))


def _command(work: Callable[..., Any]) -> Callable[[argparse.Namespace], int]:
    def command(arguments: argparse.Namespace) -> int:
        configuration = read_configuration(
            arguments.config, broker_url=arguments.broker, data=arguments.data
        )
        return asyncio.run(_with_store(work, arguments, configuration))

    return command


async def _with_store(
    work: Callable[..., Any], arguments: argparse.Namespace, configuration: Configuration
) -> int:
    async with Store(configuration.data) as store:
        letters = DeadLetters(store, arguments.adapter)
        return int(await work(letters, arguments, configuration))


async def _list(letters: DeadLetters, _arguments: argparse.Namespace, _c: Configuration) -> int:
    after = 0
    while page := await letters.list(limit=PAGE, after=after):
        for one in page:
            sys.stdout.write(f"{one.number:6} {one.at} {one.adapter}: {one.reason}\n")
        after = page[-1].number
    sys.stdout.write(f"{await letters.count()} dead letters")
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
    letters: DeadLetters, _arguments: argparse.Namespace, configuration: Configuration
) -> int:
    done = await replay(letters, configuration)
    sys.stdout.write(
        f"{done.written} written, {done.refused} refused again, "
        f"{done.unmapped} without an entity (only the adapter can read those)\n"
    )
    return 0 if not done.refused else 1


async def replay(letters: DeadLetters, configuration: Configuration) -> Replayed:
    """Send the entities of letters again, in their order; those written are removed."""
    addresses = {one.name: one.broker for one in configuration.adapters}
    validation = Validation(await asyncio.to_thread(Schemas, configuration.schemas))
    done = Replayed()
    async with broker_session() as session:
        after = 0
        while page := await letters.list(limit=PAGE, after=after):
            after = page[-1].number
            for one in page:
                address = addresses.get(one.adapter, configuration.broker)
                writers = Writers(session, address)
                try:
                    done = await _replay_one(one, writers, validation, letters, done)
                finally:
                    await writers.close()
    return done


async def _replay_one(
    letter: DeadLetter,
    writers: Writers,
    validation: Validation,
    letters: DeadLetters,
    done: Replayed,
) -> Replayed:
    if letter.entity is None:
        return Replayed(done.written, done.refused, done.unmapped + 1)
    try:
        validation.check(letter.entity, partial=True)
        await writers.writer(tenant=letter.tenant).write(letter.entity)
    except SkipRecord as error:
        sys.stdout.write(f"{letter.number}: {error.detail}\n")
        return Replayed(done.written, done.refused + 1, done.unmapped)
    await letters.remove(letter.number)
    return Replayed(done.written + 1, done.refused, done.unmapped)


async def _purge(letters: DeadLetters, arguments: argparse.Namespace, _c: Configuration) -> int:
    if not arguments.yes:
        raise Misconfigured(f"{await letters.count()} letters would go; add --yes to do it")
    sys.stdout.write(f"{await letters.purge()} dead letters thrown away\n")
    return 0
