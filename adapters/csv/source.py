"""The csv adapter: files and URLs, looked at on a schedule and imported when they have changed."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.csv.delivery import Destination, deliver, end_vanished, find_vanished
from adapters.csv.files import SUFFIXES, FoundFile, fetch, read_path
from adapters.csv.importing import ImportOptions, ReadFile, read_file
from adapters.csv.layout import Layout
from adapters.csv.layout_files import LayoutError, parse_layout
from adapters.csv.report import FileReport
from adapters.csv.settings import Settings, SourceSettings
from adapters.runtime.backoff import Backoff
from adapters.runtime.errors import (
    BrokerUnavailable,
    Misconfigured,
    NotWritten,
    RetryLater,
    SkipRecord,
)
from adapters.runtime.faults import Faults
from adapters.runtime.health import State

if TYPE_CHECKING:  # it brings a web server with it, which `mutsura import` has no use for
    from adapters.runtime.context import AdapterContext

_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or URL that could not be had. `after` is the least pause (seconds) if it was told."""

    reason: str
    after: float | None = None


async def run(context: AdapterContext[Settings]) -> None:
    """Import all sources, then again every `every` seconds.

    A source that cannot be had is told and tried again, with growing pauses; it holds up no other.
    """
    every = context.settings.every
    backoff = Backoff(first=_FIRST_PAUSE, limit=min(_LONGEST_PAUSE, every or _LONGEST_PAUSE))
    due = context.settings.sources
    next_round = time.monotonic() + every
    while True:
        failures = {one.key: failed for one in due if (failed := await _import(one, context))}
        if not (failures or every):
            return
        pause = max(0.0, next_round - time.monotonic()) if every else math.inf
        if failures:
            pause = min(pause, _pause_after(failures, backoff))
            _tell(failures, pause, context)
        else:
            context.health.become(State.RUNNING, f"next look in {pause:.0f} s")
            backoff.reset()
        await asyncio.sleep(pause)
        due = [one for one in due if one.key in failures]
        if every and time.monotonic() >= next_round:
            due, next_round = context.settings.sources, time.monotonic() + every


def _pause_after(failures: Mapping[str, list[Failure]], backoff: Backoff) -> float:
    told = [one.after for several in failures.values() for one in several if one.after]
    return backoff.next_pause(max(told, default=None))


def _tell(
    failures: Mapping[str, list[Failure]], pause: float, context: AdapterContext[Settings]
) -> None:
    reasons = [one.reason for several in failures.values() for one in several]
    said = f"{'; '.join(reasons)}; next attempt in {pause:.0f} s"
    log.warning("%s: %s", context.name, said)
    context.health.become(State.WAITING, said)


def check(settings: Settings) -> None:
    """Check the mapping files of the sources; raises `Misconfigured`."""
    faults = Faults()
    for at, source in enumerate(settings.sources):
        with faults.collected(f"sources[{at}]"):
            options_of(source, settings)
    faults.raise_if_any()


async def _import(source: SourceSettings, context: AdapterContext[Settings]) -> list[Failure]:
    """Import what has changed of a source and return what could not be had."""
    failures: list[Failure] = []
    options = await asyncio.to_thread(options_of, source, context.settings)
    for path in await asyncio.to_thread(list, _paths(source)) if source.path else [None]:
        try:
            await _import_if_changed(source, path, options, context)
        except (BrokerUnavailable, NotWritten):
            raise
        except (RetryLater, SkipRecord) as error:
            failures.append(Failure(error.detail, getattr(error, "after", None)))
    return failures


async def _import_if_changed(
    source: SourceSettings,
    path: Path | None,
    options: ImportOptions,
    context: AdapterContext[Settings],
) -> None:
    """Import a file or URL unless it and its options are those of the last import."""
    key = str(path) if path else source.url
    known: dict[str, Any] = await context.checkpoints.get(key) or {}
    manner = await asyncio.to_thread(_manner, source, context.settings)
    same_manner = known.get("manner") == manner
    validators = known.get("validators", {}) if same_manner else {}
    limit = context.settings.max_bytes
    found = (
        await asyncio.to_thread(read_path, path, limit)
        if path
        else await fetch(source.url, context.http, validators, limit)
    )
    digest = known.get("digest") if found is None else found.digest
    if found is None or (digest == known.get("digest") and same_manner):
        context.health.count("not modified")
        return
    report = await _import_file(found, source, options, known.get("header", []), context)
    folder = context.settings.reports or context.data / "reports"
    await asyncio.to_thread(_save, report, folder, key)
    context.health.count(report.outcome)
    if report.outcome != "imported":
        log.warning("%s: %s was refused: %s", context.name, key, report.reason)
        return
    checkpoint = {
        "digest": digest,
        "manner": manner,
        "validators": found.validators,
        "header": report.header,
    }
    await context.checkpoints.set(key, checkpoint)


async def _import_file(
    found: FoundFile,
    source: SourceSettings,
    options: ImportOptions,
    last_header: list[str],
    context: AdapterContext[Settings],
) -> FileReport:
    options = replace(options, facilities=found.facilities)
    read = await asyncio.to_thread(read_file, found.content, found.name, options)
    read.report.remarks += _drift(last_header, read.report.header)
    destination = Destination(
        context.broker, context.writers.writer(skip_unchanged=True), context.validation
    )
    await deliver(read, destination, lambda _: None)
    if source.vanished != "ignore" and read.report.outcome == "imported":
        await note_vanished(read, destination, end=source.vanished == "end", now=context.clock())
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
    except OSError as error:
        raise Misconfigured(f"cannot read the mapping file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"the mapping file {path} is not text in UTF-8") from error
    except LayoutError as error:
        raise Misconfigured(str(error)) from error


def _manner(source: SourceSettings, settings: Settings) -> str:
    """Return a mark of everything but the data that decides what an import makes of them."""
    mapping = source.mapping.read_bytes() if source.mapping else b""
    told = f"{source!r} {settings.most_rejected} {settings.max_bytes}"
    return hashlib.sha256(told.encode() + mapping).hexdigest()


def _paths(source: SourceSettings) -> Iterator[Path]:
    if source.path is None:
        return
    if source.path.is_dir():
        yield from sorted(p for p in source.path.iterdir() if p.suffix.lower() in SUFFIXES)
    else:
        yield source.path


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


def _save(report: FileReport, folder: Path, place: str) -> None:
    """Write the report; files of one name from two places have two reports."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(place.encode()).hexdigest()[:6]
    name = re.sub(r"[^\w.-]+", "_", report.file)
    path = folder / f"{name}.{mark}.report.json"
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.writelines(report.json_parts())
    part.replace(path)
