"""From text to a table: preamble, header, rows with the row numbers of the spreadsheet.

The header is not always row 1. Titles, comment rows and the `#key,value` rows of LinkData stand
before it; they become metadata (title, licence, attribution). A row number is the number of the
record, blank ones included, as a spreadsheet shows it, also when cells hold line breaks.

No row stays in memory: a table knows of each record what it is, and reads its rows from the text
again whenever they are asked for.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from adapters.csv.decoding import DecodedText
from adapters.csv.headers import normal_header, unique_names
from adapters.csv.merged_headers import join_header_rows
from adapters.csv.records import check_quoting, padded, records_of, take_formulas_out
from adapters.csv.survey import DATA, LINKDATA_HEADER, Header, Survey, survey_records
from adapters.csv.unreadable import UnreadableFile
from adapters.csv.values.text import trimmed

_HEADER_WITHIN: Final = 30
_MOST_COLUMNS: Final = 16_384


class Row(NamedTuple):
    """One record; `number` is its row in a spreadsheet, `cells` as many as the header has names."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are read again at each iteration."""

    read: Callable[[], Iterator[Row]]
    count: int

    def __iter__(self) -> Iterator[Row]:
        return self.read()

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class Table:
    """Header and records of a file, with what stood around them; `notes` are numbers of rows."""

    header: list[str]
    header_row: int
    rows: Rows
    metadata: dict[str, str]
    titles: list[str]
    blank_rows: int = 0
    notes: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def column(self, position: int) -> Iterator[str]:
        """All cells of one column (counted from 0)."""
        return (row.cells[position] for row in self.rows)


def read_table(decoded: DecodedText, is_known: Callable[[str], bool] = lambda _: False) -> Table:
    """Find header and rows. `is_known` says whether a normal header name occurs in some layout.

    Raises `UnreadableFile` when there is no header or the quoting is broken beyond repair.
    """
    check_quoting(decoded)
    head = list(islice(records_of(decoded), _HEADER_WITHIN + 2))
    found_at = _header_position(head, is_known)
    if found_at is None:
        raise UnreadableFile(
            "no header row found in the first rows",
            "put one row with the names of the columns above the data, and separate the cells by "
            "commas, tabs or semicolons",
        )
    _refuse_too_wide(head[found_at])
    header_at, joined = join_header_rows(head, found_at, is_known)
    names, remarks = unique_names(_header_cells(head[header_at], decoded, header_at))
    survey = survey_records(
        decoded, Header(header_at, head[header_at], names, is_known, decoded.has_formulas)
    )
    if names[0] == LINKDATA_HEADER and not survey.has_row_numbers:
        names[0] = unique_names([LINKDATA_HEADER.lstrip("#"), *names[1:]])[0][0]
    metadata, titles = _preamble(head[:found_at])
    rows = Rows(partial(_rows, decoded, survey, len(names)), survey.kinds.count(DATA))
    return Table(
        names,
        header_at + 1,
        rows,
        metadata,
        titles,
        blank_rows=survey.blank,
        notes=survey.notes,
        remarks=[*joined, *remarks, *survey.remarks()],
    )


def _refuse_too_wide(header: Sequence[str]) -> None:
    if len(header) > _MOST_COLUMNS:
        raise UnreadableFile(
            f"the header has {len(header)} columns, more than a spreadsheet can hold",
            f"give each thing a row of its own, with at most {_MOST_COLUMNS} columns",
        )


def _rows(decoded: DecodedText, survey: Survey, width: int) -> Iterator[Row]:
    """The records that are data, with the texts of formulas such as `="001"` taken out."""
    numbered = zip(records_of(decoded), survey.kinds, strict=True)
    for number, (record, kind) in enumerate(numbered, start=1):
        if kind == DATA:
            if decoded.has_formulas:
                take_formulas_out(record)
            yield Row(number, padded(record, width))


def _header_position(records: list[list[str]], is_known: Callable[[str], bool]) -> int | None:
    head = records[:_HEADER_WITHIN]
    for position, record in enumerate(head):
        if record and record[0].strip("\ufeff ") == LINKDATA_HEADER:
            return position
    scores = [
        sum(is_known(normal_header(cell)) for cell in record if cell.strip()) for record in head
    ]
    best = max(scores, default=0)
    if best >= 2:
        return scores.index(best)
    return _first_wide_row(head)


def _first_wide_row(head: list[list[str]]) -> int | None:
    widths = Counter(len(record) for record in head if len(record) > 1)
    if not widths:
        return None
    usual = widths.most_common(1)[0][0]
    for position, record in enumerate(head):
        filled = [cell for cell in map(trimmed, record) if cell]
        is_text = not any(re.fullmatch(r"[-+\d.,/:]+", cell) for cell in filled)
        if len(filled) >= max(2, usual * 0.6) and is_text and not record[0].startswith("#"):
            return position
    return None


def _header_cells(cells: list[str], decoded: DecodedText, header_at: int) -> list[str]:
    """The names of the columns, without nameless columns at the end that hold nothing."""
    if cells[-1].strip():
        return cells
    below = islice(records_of(decoded), header_at + 1, None)
    used = max(map(_filled_width, below), default=0)
    while cells and not cells[-1].strip() and len(cells) > used:
        cells = cells[:-1]
    return cells


def _filled_width(record: Sequence[str]) -> int:
    width = len(record)
    while width and not trimmed(record[width - 1]):
        width -= 1
    return width


def _preamble(records: list[list[str]]) -> tuple[dict[str, str], list[str]]:
    metadata: dict[str, str] = {}
    titles: list[str] = []
    for record in records:
        filled = [cell for cell in map(trimmed, record) if cell]
        if not filled:
            continue
        key = filled[0].lstrip("#").strip()
        if filled[0].startswith("#") and len(filled) > 1:
            metadata[key] = ", ".join(filled[1:])
        elif key:
            titles.append(" ".join([key, *filled[1:]]))
    return metadata, titles
