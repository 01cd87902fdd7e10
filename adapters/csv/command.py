"""`mutsura import FILE…`: the csv adapter for a person at a terminal.

Exit status: 0 when every file was imported, 1 when one was refused or lost all its rows or the
broker is not there, 2 for a wrong command line. Some rejected rows do not change it unless
`--strict` is given.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import uvloop

from adapters.csv.arguments import parse_arguments
from adapters.csv.delivery import Destination, deliver
from adapters.csv.files import FoundFile, fetch, read_path
from adapters.csv.importing import ImportOptions, ReadFile, read_file, shipped_types
from adapters.csv.progress import Advance, progress_bar
from adapters.csv.proposal import propose_mapping
from adapters.csv.rendering import lines_of, render_totals
from adapters.csv.report import FileReport, ReportFile, totals_of
from adapters.csv.source import note_vanished, read_mapping
from adapters.csv.unreadable import UnreadableFile
from adapters.runtime.broker_client import BrokerAddress, BrokerClient
from adapters.runtime.errors import AdapterError, BrokerUnavailable, Misconfigured
from adapters.runtime.http_client import http_client
from adapters.runtime.schemas import Schemas
from adapters.runtime.session import broker_session
from adapters.runtime.validation import Validation
from adapters.runtime.writer import Writer
from broker.model.clock import system_clock
from broker.observability.memory import settle_memory

_REFUSALS = (
    HTTPStatus.BAD_REQUEST,  # the tenant, or what the @context holds
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.GATEWAY_TIMEOUT,  # the @context cannot be had
)


def main(argv: list[str]) -> int:
    """Carry out the command; see the module for the exit status."""
    arguments = parse_arguments(argv)
    try:
        if arguments.list_types:
            sys.stdout.write("\n".join(shipped_types()) + "\n")
            return 0
        if not arguments.files:
            raise Misconfigured("name at least one file or URL")
        if arguments.propose_mapping:
            return _propose(arguments.files)
        settle_memory()
        files, options = _expanded(arguments.files), _options(arguments)
        with ReportFile(arguments.report) if arguments.report else nullcontext() as written:
            work = _run(files, options, arguments, written)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(work)
    except AdapterError as error:
        sys.stderr.write(f"mutsura import: {error.detail}\n")
        return 2 if isinstance(error, Misconfigured) else 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "mutsura import: interrupted; what was written so far stays, run it again\n"
        )
        return 130


def _propose(files: Sequence[str]) -> int:
    for name in files:
        try:
            with Path(name).open("rb") as file:
                sys.stdout.write(propose_mapping(file, Path(name).name))
        except UnreadableFile as error:
            raise Misconfigured(f"{name}: {error.reason}; {error.remedy}") from error
        except OSError as error:
            raise Misconfigured(f"{name}: {error.strerror}") from error
    return 0


async def _run(
    files: Sequence[str],
    options: ImportOptions,
    arguments: argparse.Namespace,
    written: ReportFile | None,
) -> int:
    summaries: list[FileReport] = []
    async with AsyncExitStack() as stack:
        destination = (
            None if arguments.dry_run else await stack.enter_async_context(_destination(arguments))
        )
        for name in files:
            report = await _import_one(name, options, destination, arguments)
            for line in lines_of(report, shown=0 if arguments.verbose else 5):
                sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            if written:
                await asyncio.to_thread(written.add, report)
            summaries.append(report.summary())
    if len(summaries) > 1:
        sys.stdout.write(render_totals(summaries) + "\n")
    lost = any(report.lost_everything for report in summaries)
    rejected = totals_of(summaries)["rejected"] > 0
    return 1 if lost or (arguments.strict and rejected) else 0


async def _import_one(
    name: str,
    options: ImportOptions,
    destination: Destination | None,
    arguments: argparse.Namespace,
) -> FileReport:
    with progress_bar(sys.stderr, Path(name).name) as advance:
        try:
            found = await _found(name, arguments)
            read = await asyncio.to_thread(_read, found, options, advance)
        except (AdapterError, OSError) as error:
            report = FileReport(name)
            reason, _, remedy = str(error).rpartition("; ")
            report.refuse(reason or remedy, remedy if reason else "check the name or address")
            return report
        if destination is not None and read.mapped is not None:
            total = len(read.mapped.entities)
            await deliver(read, destination, lambda done: advance("writing", done, total))
            if arguments.complete:
                await note_vanished(
                    read, destination, end=arguments.complete == "end", now=system_clock()
                )
    return read.report


def _read(found: FoundFile, options: ImportOptions, advance: Advance) -> ReadFile:
    options = replace(options, facilities=found.facilities)
    return read_file(
        found.content, found.name, options, lambda done, total: advance("reading", done, total)
    )


async def _found(name: str, arguments: argparse.Namespace) -> FoundFile:
    if re.match(r"https?://", name):
        async with http_client(allow_private=arguments.private_addresses) as http:
            fetched = await fetch(name, http, {}, arguments.max_bytes)
        if fetched is None:
            raise Misconfigured(f"{name} has no content")
        return fetched
    return await asyncio.to_thread(read_path, Path(name), arguments.max_bytes)


@asynccontextmanager
async def _destination(arguments: argparse.Namespace) -> AsyncIterator[Destination]:
    address = BrokerAddress(
        arguments.broker, arguments.tenant, arguments.context, arguments.token_file
    )
    async with broker_session() as session:
        client = BrokerClient(session, address)
        await _greet(client)
        async with Writer(client, skip_unchanged=True) as writer:
            yield Destination(client, writer, Validation(await asyncio.to_thread(Schemas)))


async def _greet(client: BrokerClient) -> None:
    """Say at once, and not after retries or for each row, what keeps the broker from answering.

    Raises `BrokerUnavailable` if there is none, and `Misconfigured` if the address is of something
    else, or tenant, @context or token are not taken.
    """
    try:
        answer = await client.send("GET", "/types")
    except BrokerUnavailable as error:
        raise BrokerUnavailable(
            f"{error.detail}; start it with 'mutsura serve', or name another with --broker URL"
        ) from error
    problem = answer.problem()
    if answer.status in _REFUSALS:
        raise Misconfigured(f"{client.address.url} refuses: {problem.get('detail')}")
    is_new_tenant = str(problem.get("type")).endswith("NonexistentTenant")
    if answer.status == HTTPStatus.NOT_FOUND and not is_new_tenant:
        raise Misconfigured(f"{client.address.url} is no NGSI-LD broker")


def _options(arguments: argparse.Namespace) -> ImportOptions:
    return ImportOptions(
        mapping=read_mapping(arguments.mapping) if arguments.mapping else None,
        entity_type=arguments.type,
        municipality=arguments.municipality or "",
        license=arguments.license,
        attribution=arguments.attribution,
        most_rejected=arguments.most_rejected,
        max_bytes=arguments.max_bytes,
    )


def _expanded(names: Sequence[str]) -> list[str]:
    files: list[str] = []
    for name in names:
        if re.match(r"https?://", name):
            files.append(name)
        elif re.match(r"\w{2,}:/", name):
            raise Misconfigured(f"{name}: only http:// and https:// addresses are fetched")
        elif os.path.isdir(name):  # noqa: PTH112 - Path raises for names that are too long
            files += _tables_of(Path(name))
        else:
            files.append(name)
    return files


def _tables_of(folder: Path) -> list[str]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".csv", ".tsv"))
    tables = [str(path) for path in found if path.is_file()]
    if not tables:
        raise Misconfigured(
            f"the folder {folder} holds no .csv or .tsv file (folders within it are not looked at)"
        )
    return tables
