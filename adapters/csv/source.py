"""The csv adapter: files and URLs, looked at on a schedule and imported when they have changed."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from adapters.csv.delivery import Destination, deliver, end_vanished, find_vanished
from adapters.csv.importing import ImportOptions, ReadFile, read_file
from adapters.csv.layout import Layout, LayoutError, parse_layout
from adapters.csv.report import FileReport
from adapters.csv.settings import Settings, SourceSettings
from adapters.runtime.errors import Misconfigured, RetryLater
from adapters.runtime.http_client import HttpClient, HttpLimits

if TYPE_CHECKING:  # it brings a web server with it, which `mutsura import` has no use for
    from adapters.runtime.context import AdapterContext

_SUFFIXES: Final = (".csv", ".tsv", ".txt")
_NAME_OF_DISPOSITION: Final = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """The bytes of a file and the name it goes by; `validators` are those of HTTP caching."""

    name: str
    data: bytes
    validators: dict[str, str]
    facilities: bytes | None = None


async def run(context: AdapterContext[Settings]) -> None:
    """Import all sources, then again every `every` seconds."""
    while True:
        for source in context.settings.sources:
            await _import_source(source, context)
        if not context.settings.every:
            return
        await asyncio.sleep(context.settings.every)


def check(settings: Settings) -> None:
    """Check the mapping files of the sources; raises `Misconfigured`."""
    for source in settings.sources:
        options_of(source, settings)


async def _import_source(source: SourceSettings, context: AdapterContext[Settings]) -> None:
    paths = await asyncio.to_thread(list, _paths(source)) if source.path else [None]
    for path in paths:
        key = str(path) if path else source.url
        known: dict[str, Any] = await context.checkpoints.get(key) or {}
        found = (
            await asyncio.to_thread(read_path, path, context.settings.max_bytes)
            if path
            else await fetch(
                source.url, context.http, known.get("validators", {}), context.settings.max_bytes
            )
        )
        if found is None:
            context.health.count("not modified")
            continue
        digest = hashlib.sha256(found.data).hexdigest()
        if digest == known.get("digest"):
            context.health.count("not modified")
            continue
        report = await _import_file(found, source, known.get("header", []), context)
        context.health.count(report.outcome)
        if report.outcome == "imported":
            checkpoint = {"digest": digest, "validators": found.validators, "header": report.header}
            await context.checkpoints.set(key, checkpoint)


async def _import_file(
    found: FoundFile,
    source: SourceSettings,
    last_header: list[str],
    context: AdapterContext[Settings],
) -> FileReport:
    options = await asyncio.to_thread(options_of, source, context.settings)
    options = replace(options, facilities=found.facilities)
    read = await asyncio.to_thread(read_file, found.data, found.name, options)
    read.report.remarks += _drift(last_header, read.report.header)
    destination = Destination(
        context.broker, context.writers.writer(skip_unchanged=True), context.validation
    )
    await deliver(read, destination, lambda _: None)
    if source.vanished != "ignore" and read.report.outcome == "imported":
        await note_vanished(read, destination, end=source.vanished == "end", now=context.clock())
    await asyncio.to_thread(
        _save, read.report, context.settings.reports or context.data / "reports"
    )
    for outcome, count in read.report.entities.items():
        context.health.count(outcome, count)
    return read.report


async def note_vanished(read: ReadFile, destination: Destination, *, end: bool, now: str) -> None:
    """List entities that are no longer in a complete file and, if wanted, mark them as ended."""
    if read.mapped is None:
        return
    vanished = await find_vanished(read.mapped, read.report.municipality, destination.client)
    read.report.vanished = sorted(vanished)
    if end:
        await end_vanished(vanished, destination.writer, now)


def options_of(source: SourceSettings, settings: Settings) -> ImportOptions:
    """The options of a source. Raises `Misconfigured` for a mapping file that is wrong."""
    return ImportOptions(
        mapping=read_mapping(source.mapping) if source.mapping else None,
        entity_type=source.type,
        municipality=source.municipality,
        license=source.license,
        attribution=source.attribution,
        source=source.url,
        most_rejected=settings.most_rejected,
        max_bytes=settings.max_bytes,
    )


def read_mapping(path: Path) -> Layout:
    """Read a mapping file. Raises `Misconfigured` with the place of what is wrong."""
    try:
        return parse_layout(path.read_text("utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot read the mapping file {path}: {error}") from error
    except LayoutError as error:
        raise Misconfigured(str(error)) from error


_ADVICE: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((404, 410), "look for the file's new address on the publisher's page")
    | dict.fromkeys((401, 403, 407), "fetch it with a browser and import the file")
)


async def fetch(
    url: str, http: HttpClient, validators: dict[str, str], max_bytes: int
) -> FoundFile | None:
    """Fetch a file, None when it is not modified. Raises `RetryLater` for a server error."""
    headers = {
        header: value
        for header, member in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
        if (value := validators.get(member))
    }
    answer = await http.fetch(
        url, headers=headers, limits=HttpLimits(timeout=120, body_bytes=max_bytes)
    )
    if answer.status == 304:
        return None
    if answer.status != 200:
        advice = _ADVICE.get(answer.status, "try again later")
        raise RetryLater(f"{url} answered {answer.status}; {advice}", after=answer.retry_after)
    kept = {
        name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers
    }
    return FoundFile(
        _name_of(answer.url, answer.headers.get("content-disposition", "")), answer.body, kept
    )


def _name_of(url: str, disposition: str) -> str:
    if stated := _NAME_OF_DISPOSITION.search(disposition):
        return unquote(stated[1]).strip()
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or url


def _paths(source: SourceSettings) -> Iterator[Path]:
    if source.path is None:
        return
    if source.path.is_dir():
        yield from sorted(p for p in source.path.iterdir() if p.suffix.lower() in _SUFFIXES)
    else:
        yield source.path


def read_path(path: Path, max_bytes: int) -> FoundFile:
    """Read a file, and the list of facilities beside it. Raises `RetryLater` if that fails."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
        return FoundFile(path.name, data, {}, _facilities_beside(path, max_bytes))
    except OSError as error:
        raise RetryLater(f"cannot read {path}: {error.strerror}") from error


def _facilities_beside(path: Path, max_bytes: int) -> bytes | None:
    """The list of facilities in the same folder, `{code}_facility.csv`."""
    code = path.name[:6]
    beside = path.with_name(f"{code}_facility.csv")
    if not code.isdigit() or beside == path or not beside.is_file():
        return None
    with beside.open("rb") as file:
        return file.read(max_bytes)


def _drift(before: list[str], now: list[str]) -> list[str]:
    """What has changed in the header since the last import."""
    if not before or before == now:
        return []
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    changes = [f"gone: {', '.join(gone)}"] if gone else []
    changes += [f"new: {', '.join(new)}"] if new else []
    return [
        f"the columns differ from those of the last import ({'; '.join(changes) or 'other order'})"
    ]


def _save(report: FileReport, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", report.file) + ".report.json"
    (folder / name).write_bytes(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))
