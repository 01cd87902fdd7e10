"""Hands the entities of a file to the runtime's writer and counts what the broker made of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from adapters.csv.assembling import MappedEntity, MappedFile
from adapters.csv.findings import Finding
from adapters.csv.importing import ReadFile
from adapters.csv.layout import Observation
from adapters.csv.report import FileReport
from adapters.csv.scratch import told_when_full
from adapters.runtime.batch import Written
from adapters.runtime.broker_client import BrokerClient
from adapters.runtime.errors import Invalid, SkipRecord
from adapters.runtime.validation import Validation
from adapters.runtime.writer import Writer

_PROGRESS_STEP: Final = 200
_BATCH: Final = 250
_UNDER_WAY: Final = 2_000
_IDENTITY: Final = ("id", "type")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where entities go and by which schemas they are checked first."""

    client: BrokerClient
    writer: Writer
    validation: Validation


async def deliver(
    read: ReadFile, destination: Destination, progress: Callable[[int], None]
) -> None:
    """Write what differs from what the broker holds; fills the counts of the report.

    An entity that its schema or the broker refuses is reported and the others are written.
    Raises `BrokerUnavailable` or `NotWritten` when the writer is closed before all is written.
    """
    if read.mapped is None or read.layout is None:
        return
    entities = iter(read.mapped.entities)
    delivery = _Delivery(destination, read.report, progress)
    while batch := await asyncio.to_thread(_next_of, entities):
        if read.layout.observed is not None:
            batch = await _newer(batch, read.layout.observed, destination.client, read.report)
        await delivery.write(batch)
    await delivery.finish()
    read.report.outcome = "imported"


def _next_of(entities: Iterator[MappedEntity]) -> list[MappedEntity]:
    with told_when_full():
        return list(islice(entities, _BATCH))


class _Delivery:
    """Entities on their way to the broker, no more than a certain number at a time."""

    def __init__(
        self, destination: Destination, report: FileReport, progress: Callable[[int], None]
    ) -> None:
        self._destination = destination
        self._report = report
        self._progress = progress
        self._submitted: deque[tuple[MappedEntity, asyncio.Future[Written]]] = deque()
        self._done = 0

    async def write(self, entities: list[MappedEntity]) -> None:
        """Submit entities, waiting where the writer has no room."""
        for mapped in entities:
            try:
                await _fit(mapped, self._destination.validation, self._report)
                future = await self._destination.writer.submit(mapped.entity)
            except SkipRecord as error:
                _reject(mapped, error, self._report)
            else:
                self._submitted.append((mapped, future))
        while len(self._submitted) > _UNDER_WAY:
            await self._settle_first()

    async def finish(self) -> None:
        """Wait for all that were submitted."""
        while self._submitted:
            await self._settle_first()

    async def _settle_first(self) -> None:
        mapped, future = self._submitted.popleft()
        try:
            written = await future
        except SkipRecord as error:
            _reject(mapped, error, self._report)
        else:
            _count(mapped, written.value, self._report)
        self._done += 1
        if self._done % _PROGRESS_STEP == 0:
            self._progress(self._done)


async def _fit(mapped: MappedEntity, validation: Validation, report: FileReport) -> None:
    """Leave out what the schema forbids, one optional value after the other, and tell of it.

    The value as published stays in a note. Raises `Invalid` when the entity cannot do without it.
    """
    first: Invalid | None = None
    while not validation.is_sure_of(mapped.entity):
        try:
            await asyncio.to_thread(validation.check, mapped.entity)
        except Invalid as error:
            first = first or error
            if error.attribute in (None, *_IDENTITY) or error.attribute not in mapped.entity:
                raise first from error
            _leave_out(mapped, error.attribute, error.detail, report)
        else:
            return


def _leave_out(mapped: MappedEntity, attribute: str, detail: str, report: FileReport) -> None:
    value = _value_of(mapped.entity, attribute)
    rest = {name: one for name, one in mapped.entity.items() if name != attribute}
    mapped.entity = {**rest, f"{attribute}Note": {"type": "Property", "value": value}}
    reason = detail.rpartition(f"{attribute}: ")[2]
    remedy = f"correct {attribute}; the row is imported without it"
    column = _column_of(attribute, report)
    report.warnings += [Finding(row, column, value, reason, remedy) for row in mapped.rows]


def _column_of(attribute: str, report: FileReport) -> int | None:
    """The position of the one column that feeds an attribute."""
    headers = [use.header for use in report.columns if use.attribute == attribute]
    return report.header.index(headers[0]) if len(headers) == 1 else None


def _count(mapped: MappedEntity, outcome: str, report: FileReport) -> None:
    report.entities[outcome] += 1
    setattr(report.rows, outcome, getattr(report.rows, outcome) + len(mapped.rows))


def _reject(mapped: MappedEntity, error: SkipRecord, report: FileReport) -> None:
    attribute = getattr(error, "attribute", None)
    value = _value_of(mapped.entity, attribute)
    remedy = f"correct {attribute}" if attribute else "see the reason"
    for row in mapped.rows:
        report.rejected.append(Finding(row, None, value, error.detail, remedy))
    report.entities["rejected"] += 1
    report.rows.rejected += len(mapped.rows)


def _value_of(entity: dict[str, Any], attribute: str | None) -> str:
    if attribute is None or attribute not in entity:
        return ""
    return str(entity[attribute].get("value", ""))


async def _newer(
    entities: list[MappedEntity], observed: Observation, client: BrokerClient, report: FileReport
) -> list[MappedEntity]:
    """Leave out observations older than what the broker holds: an old edition changes nothing."""
    held: dict[str, str] = {}
    wanted = {mapped.entity["id"]: mapped.entity["type"] for mapped in entities}
    for identifier, entity in (await client.entities(wanted)).items():
        held[identifier] = _latest(entity, observed.attributes)
    kept: list[MappedEntity] = []
    for mapped in entities:
        if mapped.observed_at and mapped.observed_at < held.get(mapped.entity["id"], ""):
            _count(mapped, "superseded", report)
        else:
            kept.append(mapped)
    return kept


def _latest(entity: dict[str, Any], attributes: frozenset[str]) -> str:
    held = (entity.get(name) for name in attributes)
    return max((one.get("observedAt", "") for one in held if isinstance(one, dict)), default="")


async def find_vanished(
    mapped: MappedFile, municipality: str, client: BrokerClient
) -> dict[str, str]:
    """Entities the broker holds for the municipality and types of the file, but not the file.

    By id, with their type; empty when the municipality is not known. Those already ended are left
    out.
    """
    found: dict[str, str] = {}
    for entity_type in sorted(mapped.entities.types) if municipality else ():
        query = f'localGovernmentCode=="{municipality}"'
        held = [
            entity["id"]
            async for entity in client.query(type=entity_type, q=query)
            if "endedAt" not in entity
        ]
        gone = await asyncio.to_thread(_not_in, held, mapped)
        found |= dict.fromkeys(gone, entity_type)
    return found


def _not_in(held: list[str], mapped: MappedFile) -> list[str]:
    return [identifier for identifier in held if identifier not in mapped.entities]


async def end_vanished(vanished: Mapping[str, str], writer: Writer, now: str) -> None:
    """Mark entities with `endedAt`, shelters as closed too; nothing is deleted."""
    moment = {"type": "Property", "value": {"@type": "DateTime", "@value": now}}
    closed = {"openingStatus": {"type": "Property", "value": "closed", "observedAt": now}}
    pending: list[asyncio.Future[Written]] = []
    for identifier, entity_type in vanished.items():
        fragment = {"id": identifier, "type": entity_type, "endedAt": moment}
        pending.append(
            await writer.submit(fragment | (closed if entity_type == "EvacuationShelter" else {}))
        )
    await asyncio.gather(*pending)
