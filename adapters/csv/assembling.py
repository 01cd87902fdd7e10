"""From mapped rows to entities: ids, groups of rows, series, and rows that repeat others."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from adapters.csv.cells import Attributes
from adapters.csv.findings import Finding, FindingLog
from adapters.csv.identity import (
    Naming,
    RowKeys,
    entity_id,
    further_texts,
    is_mangled_id,
    name_row,
    row_keys,
    stated_id,
)
from adapters.csv.layout import Layout
from adapters.csv.row_store import RowStore, StoredEntity, StoredRow
from adapters.csv.values import dates
from adapters.csv.wording import counted


@dataclass(slots=True)
class MappedEntity:
    """An entity and the rows it comes from."""

    entity: dict[str, Any]
    rows: list[int]
    observed_at: str = ""


@dataclass(slots=True)
class MappedRow:
    """A row that was read: its attributes in normalized form, type and municipality."""

    number: int
    type: str
    municipality: str
    attributes: Attributes


class Entities:
    """The entities of a file in the order they are to be written, made one by one."""

    def __init__(self, store: RowStore, layout: Layout) -> None:
        self.types: Counter[str] = Counter()
        self._store = store
        self._group = layout.group
        self._by_time = layout.observed is not None

    def __len__(self) -> int:
        return self.types.total()

    def __contains__(self, identifier: str) -> bool:
        return self._store.has_entity(identifier)

    def __iter__(self) -> Iterator[MappedEntity]:
        for stored, number, entity_type in self._store.entities(by_time=self._by_time):
            attributes = self._store.attributes(stored.place)
            rows = [number]
            for place in self._store.members(stored.place) if self._group else ():
                _join(attributes, self._store.attributes(place), str(self._group))
                rows.append(self._store.row(place)[0])
            entity = {"id": stored.id, "type": entity_type, **attributes}
            yield MappedEntity(entity, rows, stored.observed_at)


@dataclass(slots=True)
class MappedFile:
    """All entities of a file, and everything worth telling about its rows."""

    entities: Entities
    rejected: FindingLog = field(default_factory=FindingLog)
    repairs: FindingLog = field(default_factory=FindingLog)
    warnings: FindingLog = field(default_factory=FindingLog)
    remarks: list[str] = field(default_factory=list)


def observation_time(attribute: Any) -> str:
    """The observation time of a date (its midnight in Japan) or date-time attribute."""
    if attribute is None:
        return ""
    value = attribute["value"]
    return dates.midnight_utc(value["@value"]) if value["@type"] == "Date" else str(value["@value"])


class Assembler:
    """Takes the mapped rows of one file one by one, and names them when all are there.

    `scope` stands for the municipality where it is not known (see `identity.file_scope`).
    """

    def __init__(self, layout: Layout, scope: str) -> None:
        self._layout = layout
        self._scope = scope
        self._store = RowStore()
        self._is_of_no_city = False
        self.result = MappedFile(Entities(self._store, layout))

    def add(self, row: MappedRow) -> None:
        """Keep a row; one whose values are no JSON (a number without end) is rejected."""
        keys = RowKeys(stated_id(row.attributes, self._layout.identity), (), ())
        observed_at = _observed_at(row.attributes, self._layout)
        self._is_of_no_city = self._is_of_no_city or not row.municipality
        place = len(self._store)
        stored = StoredRow(place, row.number, row.type, row.municipality, keys, observed_at)
        try:
            self._store.add(stored, row.attributes)
        except orjson.JSONEncodeError as error:
            reason = f"a value cannot be written as JSON: {error}"
            self.result.rejected.append(Finding(row.number, None, "", reason, "correct the row"))

    def name_all(self) -> None:
        """Name the rows, join those of one group, reject those that cannot be told apart."""
        self._find_keys()
        self._store.find_repeated()
        self._store.add_entities(self._named())
        self.result.entities.types.update(self._store.types())
        if not self._layout.group:
            for row, earlier in self._store.repetitions():
                self._reject_repeated(row, earlier)
        if derived := self._store.count_derived():
            names = ", ".join(self._layout.identity.key)
            self.result.remarks.append(
                f"{counted(derived, 'entity has', 'entities have')} an id derived from {names}: "
                "the file states none that holds"
            )
        if self._is_of_no_city:
            self.result.remarks.append(
                "the file does not say which municipality it is of: ids are qualified by the name "
                "of the file; give --municipality CODE so that they are those of the city"
            )

    def _find_keys(self) -> None:
        """Keys of the rows that a stated id does not name by itself.

        Rows of series and groups belong together: they have no tie-breakers.
        """
        together = self._layout.observed or self._layout.group
        for place in self._store.places_to_be_keyed():
            keys = row_keys(self._store.attributes(place), self._layout.identity)
            self._store.set_keys(place, keys._replace(tiebreak=()) if together else keys)
        if not together:
            self._tell_apart()

    def _tell_apart(self) -> None:
        """Tell rows that are alike apart by the columns no attribute knows."""
        first: int | None = None
        count = 0
        for place in self._store.places_alike():
            first = place if first is None else first
            if further := further_texts(self._store.attributes(place)):
                self._store.add_tiebreak(place, further)
                count += 1
        if count and first is not None:
            number, _ = self._store.row(first)
            self.result.remarks.append(
                f"{counted(count, 'row is', 'rows are')} told apart by other columns only "
                f"(first: row {number}): when one of these is corrected, the row becomes another "
                "entity; give each row an id of its own"
            )

    def _doubt_id(self, row: StoredRow) -> None:
        stated = row.keys.stated
        if not stated.isdigit() and is_mangled_id(stated):
            remedy = "format the column as text in the spreadsheet, correct it and export it again"
            reason = "the id looks as if a spreadsheet had made a date or a power of ten of it"
            finding = Finding(row.number, None, unquote(stated), reason, remedy)
            self.result.warnings.append(finding)

    def _named(self) -> Iterator[StoredEntity]:
        """The names of all rows; those that cannot be named are rejected."""
        for row in self._store.rows():
            self._doubt_id(row)
            within = "" if row.municipality else self._scope or "unknown"
            naming = name_row(row.keys, repeated=row.is_repeated, scope=within)
            if naming.local_id:
                identifier = entity_id(row.type, row.municipality, naming)
                yield StoredEntity(row.place, identifier, row.observed_at, naming.derived)
            else:
                self._reject_nameless(row, naming)

    def _reject_nameless(self, row: StoredRow, naming: Naming) -> None:
        names = ", ".join((*self._layout.identity.stated, *self._layout.identity.key))
        finding = Finding(row.number, None, "", naming.remark, f"fill one of {names}")
        self.result.rejected.append(finding)

    def _reject_repeated(self, row: StoredEntity, earlier: int) -> None:
        (first, _), (number, _) = self._store.row(earlier), self._store.row(row.place)
        same = self._store.attributes(earlier) == self._store.attributes(row.place)
        reason = f"repeats row {first}" if same else f"cannot be told apart from row {first}"
        remedy = "delete the row" if same else "give each row an id of its own"
        self.result.rejected.append(Finding(number, None, row.id, reason, remedy))


def _observed_at(attributes: Attributes, layout: Layout) -> str:
    return observation_time(attributes.get(layout.observed.at)) if layout.observed else ""


def _join(attributes: Attributes, further: Attributes, group: str) -> None:
    """Add the records of a further row of the group."""
    more = further.get(group)
    if more is None:
        return
    held = attributes.get(group)
    if held is None:
        attributes[group] = more
    else:
        attributes[group] = {**held, "value": [*held["value"], *more["value"]]}
