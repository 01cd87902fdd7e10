"""From the bytes of a file to its entities and its report: nothing is fetched, nothing written."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import IO

from adapters.csv.assembling import MappedFile
from adapters.csv.decoding import MAX_BYTES, decode
from adapters.csv.editions import Edition, edition_of
from adapters.csv.facilities import join_facilities, refers_to_facilities
from adapters.csv.headers import column_letters
from adapters.csv.identity import file_scope
from adapters.csv.layout import Layout
from adapters.csv.layout_files import known_headers, parse_layout, shipped_layouts
from adapters.csv.mapping import Provenance, map_table
from adapters.csv.publisher import find_publisher
from adapters.csv.recognition import Assignment, assign, recognise
from adapters.csv.report import ColumnUse, FileReport
from adapters.csv.scratch import told_when_full
from adapters.csv.table import Table, read_table
from adapters.csv.total_rows import set_totals_apart
from adapters.csv.unreadable import UnreadableFile
from adapters.csv.wording import counted

_GENERIC_BLOCKS = (
    "head",
    "address",
    "position",
    "height",
    "contact",
    "hours",
    "links",
    "picture",
    "text",
    "access",
)

_TITLE_LENGTH = 60


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the caller knows better than the file.

    `mapping` is used instead of recognition; `entity_type` chooses among the layouts of that type,
    or makes a generic one. `most_rejected` is the share of rows that may be rejected before the
    file as a whole is refused. `facilities` is the file of facilities that rows may refer to.
    """

    mapping: Layout | None = None
    entity_type: str = ""
    municipality: str = ""
    license: str = ""
    attribution: str = ""
    source: str = ""
    most_rejected: float = 0.5
    max_bytes: int = MAX_BYTES
    facilities: IO[bytes] | None = None


@dataclass(slots=True)
class ReadFile:
    """A file that was read: its report so far and, unless it was refused, its entities."""

    report: FileReport
    mapped: MappedFile | None = None
    layout: Layout | None = None


def read_file(
    source: IO[bytes],
    name: str,
    options: ImportOptions,
    progress: Callable[[int, int], None] = lambda _a, _b: None,
) -> ReadFile:
    """Decode, find the header, recognise the layout and map all rows.

    A file that cannot be read is a report with reason and remedy, never an exception.
    `progress(done, total)` is called as rows are mapped. Raises `RetryLater` when there is no room
    for temporary files.
    """
    with told_when_full():
        return _read(source, FileReport(name), options, progress)


def _read(
    source: IO[bytes],
    report: FileReport,
    options: ImportOptions,
    progress: Callable[[int, int], None],
) -> ReadFile:
    name = report.file
    try:
        decoded = decode(source, max_bytes=options.max_bytes)
        report.encoding, report.delimiter = decoded.encoding, decoded.delimiter
        table = _with_facilities(read_table(decoded, known_headers().__contains__), options)
    except UnreadableFile as error:
        report.refuse(error.reason, error.remedy)
        return ReadFile(report)
    _describe(table, report)
    assignment = _assignment(table, name, options)
    if assignment is None:
        report.refuse(
            "the layout is not known: no data set has these columns", _advice(table, name)
        )
        return ReadFile(report)
    report.remarks += _doubts_about_type(options)
    return _mapped(table, assignment, options, report, progress)


def _doubts_about_type(options: ImportOptions) -> list[str]:
    """A type no data set has may be meant, or be one with a slip of the pen."""
    stated = options.entity_type
    if not stated or options.mapping is not None or stated in shipped_types():
        return []
    near = difflib.get_close_matches(stated, shipped_types(), 1)
    hint = f"; did you mean {near[0]}?" if near else " (--list-types shows those that are)"
    return [f"{stated} is no type of the shipped layouts{hint}"]


def _advice(table: Table, name: str) -> str:
    """What to do about an unknown layout; a table of named places needs only a type."""
    mapping = f"'mutsura import --propose-mapping {name}' writes a mapping file to check and use"
    places = assign(generic_layout("Place"), table.header).matched()
    if "name" in places and places & {"location", "latitude", "position", "fullAddress"}:
        return (
            "the rows are named places: say what they are with --type TYPE, PointOfInterest if "
            f"nothing else fits (--list-types shows all); or {mapping}"
        )
    return f"{mapping}: mutsura import --mapping FILE {name}"


def _with_facilities(table: Table, options: ImportOptions) -> Table:
    if options.facilities is None or not refers_to_facilities(table):
        return table
    facilities = read_table(decode(options.facilities), known_headers().__contains__)
    return join_facilities(table, facilities)


def _describe(table: Table, report: FileReport) -> None:
    report.header, report.header_row = table.header, table.header_row
    report.blank_rows = table.blank_rows
    report.rows.read = len(table.rows) + len(table.notes)
    report.rows.ignored = len(table.notes)
    report.remarks += table.remarks
    if table.notes:
        rows = ", ".join(map(str, table.notes[:10]))
        report.remarks.append(f"rows without data of their own, taken as notes or legend: {rows}")


def _assignment(table: Table, name: str, options: ImportOptions) -> Assignment | None:
    if options.mapping is not None:
        return replace(assign(options.mapping, table.header), reason="mapping file")
    if not options.entity_type:
        return recognise(table.header, _named(name, table.titles), shipped_layouts())
    own = [layout for layout in shipped_layouts() if options.entity_type in layout.entity_types()]
    candidates = [
        assign(layout, table.header) for layout in own or [generic_layout(options.entity_type)]
    ]
    best = min(candidates, key=lambda candidate: len(candidate.other))
    return replace(best, reason=f"--type {options.entity_type}")


def _named(file_name: str, titles: Sequence[str]) -> str:
    """The name of the file with the titles above the header, which name the data set as well."""
    return " ".join((file_name, *(title for title in titles if len(title) <= _TITLE_LENGTH)))


def generic_layout(entity_type: str) -> Layout:
    """A layout of the columns that all place-like data sets share, for any entity type."""
    blocks = ", ".join(f'"{block}"' for block in _GENERIC_BLOCKS)
    text = f'type = "{entity_type}"\ntitle = "generic"\nblocks = [{blocks}]\n'
    return parse_layout(text, "generic")


def _mapped(
    table: Table,
    assignment: Assignment,
    options: ImportOptions,
    report: FileReport,
    progress: Callable[[int, int], None],
) -> ReadFile:
    layout = assignment.layout
    report.layout, report.layout_title, report.layout_reason = (
        layout.name,
        layout.title,
        assignment.reason,
    )
    report.columns = _column_uses(table, assignment)
    edition = edition_of(table, assignment, report.file)
    if _lacks_columns(assignment, edition, report):
        return ReadFile(report)
    table = _without_totals(table, assignment, report)
    publisher = find_publisher(table, assignment, report.file, options.municipality)
    report.municipality, report.municipality_found_in = publisher.code, publisher.found_in
    report.license = options.license or table.metadata.get("license", "")
    provenance = Provenance(
        publisher,
        license=report.license,
        attribution=options.attribution or table.metadata.get("attribution_name", ""),
        source=options.source,
        scope=file_scope(report.file),
        edition=edition.day if edition else "",
    )
    total = len(table.rows)
    mapped = map_table(table, assignment, provenance, lambda done: progress(done, total))
    _take_over(mapped, report)
    if total and len(mapped.rejected) > options.most_rejected * total:
        report.refuse(
            f"{len(mapped.rejected)} of {counted(total, 'row')} cannot be imported; "
            "nothing was written",
            "see the rejected rows; most likely the layout is another one (--type, --mapping)",
        )
        return ReadFile(report)
    return ReadFile(report, mapped, layout)


def _lacks_columns(assignment: Assignment, edition: Edition | None, report: FileReport) -> bool:
    """Refuse a file without a required column; the day of a series need not be a column."""
    layout = assignment.layout
    missing = [attribute for attribute in layout.required if attribute not in assignment.matched()]
    at = layout.observed.at if layout.observed else ""
    if edition and at in missing:
        missing.remove(at)
        report.remarks.append(f"{at} is {edition.day} for all rows, by {edition.found_in}")
    if missing:
        headers = ", ".join(layout.columns[one].called for one in missing)
        day = " (or YYYYMMDD in the name of the file)" if at in missing else ""
        report.refuse(
            f"required columns are missing: {', '.join(missing)}",
            f"add a column named {headers}{day}",
        )
    return bool(missing)


def _without_totals(table: Table, assignment: Assignment, report: FileReport) -> Table:
    kept, totals = set_totals_apart(table, assignment)
    if totals.numbers:
        numbers = ", ".join(map(str, totals.numbers[:10]))
        more = f" and {len(totals.numbers) - 10} more" if len(totals.numbers) > 10 else ""
        report.remarks.append(
            f"rows that are totals of others, not things of their own, left out: {numbers}{more}"
        )
    report.rows.ignored += len(totals.numbers)
    report.warnings += totals.warnings
    return kept


def _column_uses(table: Table, assignment: Assignment) -> list[ColumnUse]:
    use: dict[int, str] = {}
    for attribute, places in assignment.positions.items():
        use.update(dict.fromkeys(places, attribute))
    for attribute, members in assignment.members.items():
        use.update({place: f"{attribute} ({member})" for member, place in members.items()})
    return [
        ColumnUse(column_letters(place + 1), header, use.get(place))
        for place, header in enumerate(table.header)
        if header != "#property"
    ]


def _take_over(mapped: MappedFile, report: FileReport) -> None:
    report.rejected, report.repairs = mapped.rejected, mapped.repairs
    report.warnings += mapped.warnings
    report.remarks += mapped.remarks
    report.rows.rejected = len(mapped.rejected)
    report.types.update(mapped.entities.types)
    report.outcome = "checked"


def shipped_types() -> Sequence[str]:
    """Entity types the shipped layouts know."""
    return sorted(
        {entity_type for layout in shipped_layouts() for entity_type in layout.entity_types()}
    )
