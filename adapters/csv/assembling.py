"""From mapped rows to entities: ids, groups of rows, series, and rows that repeat others. Pure."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from adapters.csv.cells import Attributes
from adapters.csv.findings import Finding
from adapters.csv.identity import (
    Naming,
    RowKeys,
    entity_id,
    further_texts,
    is_mangled_id,
    name_rows,
    row_keys,
    stated_id,
)
from adapters.csv.layout import Layout
from adapters.csv.table import Row
from adapters.csv.values import dates
from adapters.csv.wording import counted


@dataclass(slots=True)
class MappedEntity:
    """An entity, the rows it comes from and whether its id had to be derived."""

    entity: dict[str, Any]
    rows: list[int]
    derived_id: bool
    observed_at: str = ""


@dataclass(slots=True)
class MappedFile:
    """All entities of a file in the order of its rows, and everything worth telling."""

    entities: list[MappedEntity] = field(default_factory=list)
    rejected: list[Finding] = field(default_factory=list)
    repairs: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MappedRow:
    """A row that was read: its attributes in normalized form, type and municipality."""

    row: Row
    type: str
    municipality: str
    attributes: Attributes


def observation_time(attribute: Any) -> str:
    """The observation time of a date (its midnight in Japan) or date-time attribute."""
    if attribute is None:
        return ""
    value = attribute["value"]
    return dates.midnight_utc(value["@value"]) if value["@type"] == "Date" else str(value["@value"])


def name_all(rows: list[MappedRow], layout: Layout, scope: str, result: MappedFile) -> None:
    """Name the rows of a file, join those of one group, reject those that cannot be told apart.

    `scope` stands for the municipality where it is not known (see `identity.file_scope`).
    """
    namings = _namings(rows, layout, scope, result)
    found: dict[tuple[str, str], MappedEntity] = {}
    for row, naming in zip(rows, namings, strict=True):
        _add(row, naming, layout, found, result)
    derived = sum(entity.derived_id for entity in result.entities)
    if derived:
        names = ", ".join(layout.identity.key)
        result.remarks.append(
            f"{counted(derived, 'entity has', 'entities have')} an id derived from {names}: "
            "the file states none that holds"
        )
    if not all(row.municipality for row in rows):
        result.remarks.append(
            "the file does not say which municipality it is of: ids are qualified by the name of "
            "the file; give --municipality CODE so that they are those of the city"
        )
    if layout.observed:
        result.entities.sort(key=lambda one: one.observed_at)


def _doubt_id(row: MappedRow, stated: str, result: MappedFile) -> None:
    if not stated.isdigit() and is_mangled_id(stated):
        remedy = "format the column as text in the spreadsheet, correct it and export it again"
        reason = "the id looks as if a spreadsheet had made a date or a power of ten of it"
        result.warnings.append(Finding(row.row.number, None, unquote(stated), reason, remedy))


def _namings(rows: list[MappedRow], layout: Layout, scope: str, result: MappedFile) -> list[Naming]:
    """Names within each municipality and type: an id counts as repeated only there."""
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row.municipality, row.type].append(place)
    namings: dict[int, Naming] = {}
    for (municipality, _), places in groups.items():
        keys = _keys([rows[place] for place in places], layout, result)
        within = "" if municipality else scope or "unknown"
        namings.update(zip(places, name_rows(keys, scope=within), strict=True))
    return [namings[place] for place in range(len(rows))]


def _keys(rows: list[MappedRow], layout: Layout, result: MappedFile) -> list[RowKeys]:
    """Keys of all rows; those a stated id names by itself need no more than that.

    Rows of series and groups belong together: they have no tie-breakers.
    """
    stated = [stated_id(row.attributes, layout.identity) for row in rows]
    times = Counter(stated)
    keys: list[RowKeys] = []
    for row, one in zip(rows, stated, strict=True):
        _doubt_id(row, one, result)
        if one and row.municipality and times[one] == 1:
            keys.append(RowKeys(one, (), ()))
            continue
        found = row_keys(row.attributes, layout.identity)
        together = layout.observed or layout.group
        keys.append(RowKeys(one, found.key, () if together else found.tiebreak))
    return keys if layout.observed or layout.group else _told_apart(rows, keys, result)


def _told_apart(rows: list[MappedRow], keys: list[RowKeys], result: MappedFile) -> list[RowKeys]:
    """Add, for rows that nothing else tells apart, what stands in columns no attribute knows."""
    times = Counter(keys)
    alike = [place for place, key in enumerate(keys) if times[key] > 1 and (key.stated or key.key)]
    told = list(keys)
    for place in alike:
        further = further_texts(rows[place].attributes)
        told[place] = keys[place]._replace(tiebreak=(*keys[place].tiebreak, *further))
    count = sum(told[place] != keys[place] for place in alike)
    if count:
        first = rows[alike[0]].row.number
        result.remarks.append(
            f"{counted(count, 'row is', 'rows are')} told apart by other columns only "
            f"(first: row {first}): when one of these is corrected, the row becomes another "
            "entity; give each row an id of its own"
        )
    return told


def _add(
    row: MappedRow,
    naming: Naming,
    layout: Layout,
    found: dict[tuple[str, str], MappedEntity],
    result: MappedFile,
) -> None:
    number = row.row.number
    if not naming.local_id:
        names = ", ".join((*layout.identity.stated, *layout.identity.key))
        remedy = f"fill one of {names}"
        result.rejected.append(Finding(number, None, "", naming.remark, remedy))
        return
    identifier = entity_id(row.type, row.municipality, naming)
    observed_at = _observed_at(row.attributes, layout)
    entity = {"id": identifier, "type": row.type, **row.attributes}
    earlier = found.get((identifier, observed_at))
    if earlier is None:
        mapped = MappedEntity(entity, [number], naming.derived, observed_at)
        found[identifier, observed_at] = mapped
        result.entities.append(mapped)
    elif layout.group:
        _join(earlier, entity, layout.group)
        earlier.rows.append(number)
    else:
        same = earlier.entity == entity
        reason = (
            f"repeats row {earlier.rows[0]}"
            if same
            else f"cannot be told apart from row {earlier.rows[0]}"
        )
        remedy = "delete the row" if same else "give each row an id of its own"
        result.rejected.append(Finding(number, None, identifier, reason, remedy))


def _observed_at(attributes: Attributes, layout: Layout) -> str:
    return observation_time(attributes.get(layout.observed.at)) if layout.observed else ""


def _join(earlier: MappedEntity, entity: dict[str, Any], group: str) -> None:
    """Add the records of a further row of the group."""
    more = entity.get(group)
    if more is None:
        return
    held = earlier.entity.get(group)
    if held is None:
        earlier.entity[group] = more
    else:
        earlier.entity[group] = {**held, "value": [*held["value"], *more["value"]]}
