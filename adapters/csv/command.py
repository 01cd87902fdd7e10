"""`mutsura import FILE…`: the csv adapter for a person at a terminal.

Exit status: 0 when every file was imported, 1 when a file was refused or the broker is not there,
2 for a wrong command line. Rejected rows do not change it unless `--strict` is given.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import uvloop

from adapters.csv.decoding import MAX_BYTES, UnreadableFile
from adapters.csv.delivery import Destination, deliver
from adapters.csv.files import FoundFile, fetch, read_path
from adapters.csv.importing import ImportOptions, ReadFile, read_file, shipped_types
from adapters.csv.progress import Advance, progress_bar
from adapters.csv.proposal import propose_mapping
from adapters.csv.rendering import lines_of, render_totals
from adapters.csv.report import FileReport, ReportFile, totals_of
from adapters.csv.source import note_vanished, read_mapping
from adapters.csv.values.codes import is_municipality_code
from adapters.csv.vocabulary import CONTEXT_URL
from adapters.runtime.broker_client import BrokerAddress, BrokerClient
from adapters.runtime.errors import AdapterError, BrokerUnavailable, Misconfigured
from adapters.runtime.http_client import http_client
from adapters.runtime.schemas import Schemas
from adapters.runtime.session import broker_session
from adapters.runtime.validation import Validation
from adapters.runtime.writer import Writer
from broker.model.clock import system_clock
from broker.observability.memory import settle_memory


def main(argv: list[str]) -> int:
    """Carry out the command; see the module for the exit status."""
    arguments = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mutsura import", description="Import municipal open data (CSV, TSV) into the broker."
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, folders or URLs")
    parser.add_argument(
        "--broker",
        type=_url,
        default="http://127.0.0.1:1026",
        help="base URL (default: %(default)s)",
    )
    parser.add_argument("--tenant", help="tenant the entities belong to")
    parser.add_argument(
        "--context", default=CONTEXT_URL, help="@context of the names (default: %(default)s)"
    )
    parser.add_argument("--token-file", type=Path, help="file with a bearer token")
    parser.add_argument(
        "--municipality",
        type=_code,
        metavar="CODE",
        help="six-digit code of the publisher",
    )
    parser.add_argument(
        "--mapping", type=Path, metavar="TOML", help="mapping file for a layout of your own"
    )
    parser.add_argument(
        "--type", default="", help="entity type, when the columns do not tell (see --list-types)"
    )
    parser.add_argument("--license", default="", help="licence, kept with every entity")
    parser.add_argument("--attribution", default="", help="who is named as provider of the data")
    parser.add_argument("--dry-run", action="store_true", help="read and report, write nothing")
    parser.add_argument(
        "--complete",
        choices=("report", "end"),
        help="the file is the complete list: report, or mark as ended, what is not in it",
    )
    parser.add_argument(
        "--most-rejected",
        type=_share,
        default=0.5,
        metavar="SHARE",
        help="share of rejected rows from which a file is refused (default: 0.5)",
    )
    parser.add_argument("--max-bytes", type=int, default=MAX_BYTES, help=argparse.SUPPRESS)
    parser.add_argument(
        "--private-addresses", action="store_true", help="URLs may lead into the private network"
    )
    _add_reporting(parser)
    return parser


def _add_reporting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report", type=_new_file, metavar="JSON", help="write the full report to this file"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show every finding, not only the first ones"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 when any row was rejected"
    )
    parser.add_argument(
        "--propose-mapping",
        action="store_true",
        help="print a mapping file for FILE instead of importing it",
    )
    parser.add_argument(
        "--list-types", action="store_true", help="print the entity types that are known"
    )


def _code(plain: str) -> str:
    if not is_municipality_code(plain):
        raise argparse.ArgumentTypeError(
            f"{plain} is not a municipality code (six digits, the last a check digit)"
        )
    return plain


def _url(plain: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+.*", plain):
        raise argparse.ArgumentTypeError(f"{plain} is no address such as http://127.0.0.1:1026")
    return plain


def _new_file(plain: str) -> Path:
    """A file that can be written, which is better known before an import than after it."""
    path = Path(plain)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{plain} cannot be written: check the folder")
    return path


def _share(plain: str) -> float:
    if not re.fullmatch(r"0(\.\d+)?|1(\.0+)?", plain):
        raise argparse.ArgumentTypeError("a share between 0 and 1 is expected, such as 0.2")
    return float(plain)


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
    refused = any(report.outcome == "refused" for report in summaries)
    rejected = totals_of(summaries)["rejected"] > 0
    return 1 if refused or (arguments.strict and rejected) else 0


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
    """Say at once, and not after retries, that the broker is not there."""
    try:
        await client.send("GET", "/types", params={"limit": "1"})
    except BrokerUnavailable as error:
        raise BrokerUnavailable(
            f"{error.detail}; start it with 'mutsura serve', or name another with --broker URL"
        ) from error


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
        elif scheme := re.match(r"(\w{2,}):/", name):
            raise Misconfigured(f"{name}: {scheme[1]} is no http:// or https:// address")
        elif Path(name).is_dir():
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
