"""From the rows of a table to NGSI-LD entities: one pass to read rows, one to name them.

A row becomes an entity in normalized form. Rows that cannot be imported are rejected with row,
column, value, reason and remedy; everything else is imported, what was put right is listed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.csv import blocks
from adapters.csv.assembling import Assembler, MappedFile, MappedRow, observation_time
from adapters.csv.cells import Attributes, RememberingStep, Step, step_for, text_property
from adapters.csv.findings import Finding, RowFindings
from adapters.csv.municipality import Municipality, register
from adapters.csv.publisher import Publisher, row_municipality
from adapters.csv.recognition import Assignment
from adapters.csv.table import Row, Table
from adapters.csv.values import dates

_NEAR_KM: Final = 75
_FAR_KM: Final = 120
_NOTHING_KNOWN: Final[Mapping[str, Attributes]] = {}
_POSITION_KINDS: Final = frozenset(("latitude", "longitude", "position", "dms"))


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known about the file as a whole and goes into every entity; `scope` into ids only.

    `edition` is the day of a series whose columns state none.
    """

    publisher: Publisher
    license: str = ""
    attribution: str = ""
    source: str = ""
    scope: str = ""
    edition: str = ""


def map_table(
    table: Table,
    assignment: Assignment,
    provenance: Provenance,
    progress: Callable[[int], None] = lambda _: None,
) -> MappedFile:
    """Map all rows of a table. `progress` is told the number of rows done."""
    assembler = Assembler(assignment.layout, provenance.scope)
    mapper = _RowMapper(table, assignment, provenance)
    for done, row in enumerate(_filled_down(table, assignment), start=1):
        one = mapper.map(row, assembler.result)
        if one is not None:
            assembler.add(one)
        if done % 500 == 0:
            progress(done)
    assembler.name_all()
    progress(len(table.rows))
    return assembler.result


class _RowMapper:
    """The steps of one file, made once."""

    def __init__(self, table: Table, assignment: Assignment, provenance: Provenance) -> None:
        self._layout = assignment.layout
        self._provenance = provenance
        self._places = {name: places[0] for name, places in assignment.positions.items()}
        self._steps = [
            (step.place, step.known, step)
            if isinstance(step, RememberingStep)
            else (0, _NOTHING_KNOWN, step)
            for step in _steps(table, assignment)
        ]
        self._observed_at = ""
        if assignment.observed_at:
            self._observed_at = dates.read_datetime(assignment.observed_at).value or ""
        self._common = _common_attributes(assignment, provenance)

    def map(self, row: Row, result: MappedFile) -> MappedRow | None:
        """Read one row; None when it is rejected."""
        findings = RowFindings(row.number, result.repairs, result.warnings)
        attributes: Attributes = dict(self._common)
        cells = row.cells
        for place, known, step in self._steps:
            made = known.get(cells[place])
            if made is None:
                step(cells, attributes, findings)
            elif made:
                attributes.update(made)
        entity_type = self._type(row, attributes, result)
        if entity_type is None or not self._has_required(row, attributes, result):
            return None
        municipality = row_municipality(attributes, self._provenance.publisher)
        if municipality:
            attributes.setdefault("localGovernmentCode", text_property(municipality))
        self._check_distance(attributes, municipality, findings)
        _complete_opening_hours(attributes)
        _complete_address(attributes)
        self._observe(attributes)
        return MappedRow(row.number, entity_type, municipality, attributes)

    def _type(self, row: Row, attributes: Attributes, result: MappedFile) -> str | None:
        for attribute, types in self._layout.types.items():
            stated = attributes.get(attribute, {}).get("value", "")
            if stated in types:
                return types[stated]
            reason = (
                f"{stated!r} decides no entity type"
                if stated
                else "the cell that decides the entity type is empty"
            )
            remedy = f"one of {', '.join(types)} is expected"
            result.rejected.append(
                Finding(row.number, self._places.get(attribute), str(stated), reason, remedy)
            )
            return None
        for attribute, patterns in self._layout.type_patterns.items():
            stated = str(attributes.get(attribute, {}).get("value", ""))
            for pattern, entity_type in patterns.items():
                if re.search(pattern, stated):
                    return entity_type
        return self._layout.type

    def _has_required(self, row: Row, attributes: Attributes, result: MappedFile) -> bool:
        for attribute in self._layout.required:
            if attribute not in attributes:
                place = self._places.get(attribute)
                value = row.cells[place] if place is not None else ""
                reason = f"{attribute} is required and missing or unreadable"
                result.rejected.append(Finding(row.number, place, value, reason, "fill the cell"))
                return False
        return True

    def _check_distance(
        self, attributes: Attributes, municipality: str, findings: RowFindings
    ) -> None:
        location = attributes.get("location")
        if location is None:
            return
        stated = attributes.get("locatedLocalGovernmentCode", {}).get("value", municipality)
        entry = register().codes.get(stated)
        coordinates = location["value"]["coordinates"]
        if entry and (doubt := _far_away(entry, coordinates)):
            where = ", ".join(map(str, reversed(coordinates)))
            findings.warn(None, where, doubt, "check latitude and longitude")

    def _observe(self, attributes: Attributes) -> None:
        observed = self._layout.observed
        if observed is None:
            return
        moment = observation_time(attributes.get(observed.at)) or self._observed_at
        if not moment:
            return
        if observed.at not in attributes:
            value = {"@type": "DateTime", "@value": moment}
            attributes[observed.at] = {"type": "Property", "value": value}
        for name in observed.attributes:
            if name in attributes:
                attributes[name] = {**attributes[name], "observedAt": moment}


def _far_away(entry: Municipality, coordinates: Sequence[float]) -> str:
    """Why a position cannot well be of the municipality; empty when it can.

    Large municipalities and islands reach far, but not to where town halls of other prefectures
    are nearer.
    """
    distance = entry.distance_km(*coordinates)
    if distance is None or distance <= _NEAR_KM:
        return ""
    nearest, _ = register().nearest(*coordinates)
    if nearest.prefecture == entry.prefecture and (
        distance <= _FAR_KM or entry.prefecture == "東京都"
    ):
        return ""
    return f"the position lies {distance:.0f} km from {entry.name}, near {nearest.name}"


def _common_attributes(assignment: Assignment, provenance: Provenance) -> Attributes:
    """What all rows have. A constant gives way to a column: there a blank states nothing."""
    layout, stated = assignment.layout, assignment.matched()
    common: Attributes = {
        name: {"type": "Property", "value": value}
        for name, value in layout.constants.items()
        if name not in stated
    }
    if layout.observed and provenance.edition:
        day = {"@type": "Date", "@value": provenance.edition}
        common[layout.observed.at] = {"type": "Property", "value": day}
    of_file = {
        "license": provenance.license,
        "dataProvider": provenance.attribution,
        "source": provenance.source,
    }
    return common | {name: text_property(value) for name, value in of_file.items() if value}


def _complete_opening_hours(attributes: Attributes) -> None:
    opens, closes = attributes.get("startTime"), attributes.get("endTime")
    specification = attributes.get("openingHoursSpecification")
    if opens and closes and "startDate" not in attributes:
        hours = {"opens": opens["value"], "closes": closes["value"]}
        days = specification["value"][0] if specification else {}
        attributes["openingHoursSpecification"] = {"type": "Property", "value": [{**days, **hours}]}


def _complete_address(attributes: Attributes) -> None:
    """The joined address, where a file has only its parts."""
    if "fullAddress" in attributes or "streetAddress" not in attributes:
        return
    parts = ("prefecture", "city", "streetAddress", "cityBlock")
    joined = "".join(attributes[name]["value"] for name in parts if name in attributes)
    attributes["fullAddress"] = text_property(joined)


def _steps(table: Table, assignment: Assignment) -> Iterator[Step]:
    layout = assignment.layout
    position_places: dict[str, Sequence[int]] = {}
    for attribute, places in assignment.positions.items():
        column = layout.columns[attribute]
        if column.kind in _POSITION_KINDS:
            cut = column.kind == "position"
            position_places[column.kind] = (
                _with_cut_off(table, assignment, places) if cut else places
            )
            continue
        if attribute == "coordinateReferenceSystem":
            position_places["datum"] = places
        yield step_for(column, places, _order(table, column.kind, places))
    combined = {
        "marks": blocks.marks_step,
        "recurrence": blocks.recurrence_step,
        "rest": blocks.recurrence_step,
        "records": blocks.records_step,
    }
    for attribute, members in assignment.members.items():
        column = layout.columns[attribute]
        if column.kind == "dms":
            position_places["dms"] = list(members.values())
        else:
            yield combined[column.kind](column, members)
    if step := blocks.position_step(position_places, blocks.position_rules(layout)):
        yield step
    if assignment.other:
        yield blocks.other_columns_step({place: table.header[place] for place in assignment.other})


def _with_cut_off(table: Table, assignment: Assignment, places: Sequence[int]) -> Sequence[int]:
    """A joined position without quotation marks falls into two columns, the second without name."""
    following = places[-1] + 1
    is_unnamed = following in assignment.other and table.header[following].startswith("column_")
    return [*places, following] if is_unnamed else places


def _order(table: Table, kind: str, places: Sequence[int]) -> dates.DateOrder:
    if kind in ("date", "datetime"):
        return dates.column_order(table.column(places[0]))
    return dates.DateOrder.UNDECIDED


def _filled_down(table: Table, assignment: Assignment) -> Iterator[Row]:
    """Rows with the cells of merged blocks repeated, for columns whose layout says so."""
    columns = [
        places[0]
        for name, places in assignment.positions.items()
        if assignment.layout.columns[name].fill_down
    ]
    if not columns:
        yield from table.rows
        return
    last: dict[int, str] = {}
    for row in table.rows:
        cells = list(row.cells)
        for place in columns:
            cells[place] = last[place] = (
                cells[place] if cells[place].strip() else last.get(place, "")
            )
        yield Row(row.number, cells)
