"""From text to a table: preamble, header, rows with the row numbers of the spreadsheet.

The header is not always row 1. Titles, comment rows and the `#key,value` rows of LinkData stand
before it; they become metadata (title, licence, attribution). A row number is the number of the
record, blank ones included, as a spreadsheet shows it, also when cells hold line breaks.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from adapters.csv.decoding import DecodedText, UnreadableFile
from adapters.csv.headers import normal_header, unique_names
from adapters.csv.merged_headers import join_header_rows
from adapters.csv.values.text import trimmed
from adapters.csv.wording import counted

_HEADER_WITHIN: Final = 30
_MAX_CELL: Final = 10_000_000
_NARROW: Final = 3
_SOON: Final = 5
_ENOUGH_NAMES: Final = 4
_MARKS: Final = frozenset("○◎●△")
_ABOUT_COLUMNS: Final = _MARKS | frozenset(
    ("必須", "任意", "推奨", "必須項目", "任意項目", "条件付き必須", "文字列", "数値", "整数",
     "小数", "日付", "時刻", "半角", "全角", "半角数字", "URL", "string", "number", "integer")
)  # fmt: skip
_FORMULA: Final = re.compile(r'="([^"]*)"')
_NOTE: Final = re.compile(
    r"(※|★|注[)）:：\d]|注意|凡例|備考[:：]|出典|資料[:：]|合計$|総計$|小計$|計$|以上$|\*)"
)
_LINKDATA_HEADER: Final = "#property"


class Row(NamedTuple):
    """One record; `number` is its row in a spreadsheet, `cells` as many as the header has names."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Header and records of a file, with what stood around them."""

    header: list[str]
    header_row: int
    rows: list[Row]
    metadata: dict[str, str]
    titles: list[str]
    blank_rows: int = 0
    note_rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def column(self, position: int) -> list[str]:
        """All cells of one column (counted from 0)."""
        return [row.cells[position] for row in self.rows]


def read_table(decoded: DecodedText, is_known: Callable[[str], bool] = lambda _: False) -> Table:
    """Find header and rows. `is_known` says whether a normal header name occurs in some layout.

    Raises `UnreadableFile` when there is no header or the quoting is broken beyond repair.
    """
    records = _records(decoded)
    header_at = _header_position(records, is_known)
    if header_at is None:
        raise UnreadableFile(
            "no header row found in the first rows",
            "put one row with the names of the columns above the data, and separate the cells by "
            "commas, tabs or semicolons",
        )
    first_row = header_at
    header_at, joined = join_header_rows(records, header_at, is_known)
    names, remarks = unique_names(_header_cells(records, header_at))
    remarks = joined + remarks
    if '="' in decoded.text:
        remarks += _without_formulas(records[header_at + 1 :], header_at + 2)
    metadata, titles = _preamble(records[:first_row])
    table = Table(names, header_at + 1, [], metadata, titles, remarks=remarks)
    return _filled(table, records, header_at, is_known)


def _without_formulas(records: list[list[str]], first: int) -> list[str]:
    """Take texts out of formulas such as `="001"`, in place; return a remark if there are any."""
    found: list[int] = []
    for number, record in enumerate(records, start=first):
        for place, cell in enumerate(record):
            if cell.startswith("=") and (text := _FORMULA.fullmatch(cell)):
                record[place] = text[1]
                found.append(number)
    if not found:
        return []
    cells = counted(len(found), "cell is", "cells are")
    return [f'{cells} written ="…" (first: row {found[0]}); the text was taken']


def _records(decoded: DecodedText) -> list[list[str]]:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(io.StringIO(decoded.text, newline=""), delimiter=decoded.delimiter)
    records: list[list[str]] = []
    width = 0
    try:
        for record in reader:
            records.append(record)
            if reader.line_num > len(records):
                _refuse_runaway_quote(record, len(records), width, decoded.delimiter)
            width = max(width, len(record))
    except csv.Error as error:
        raise UnreadableFile(
            f"row {len(records) + 1}: {error}", "check the quotation marks of this row"
        ) from error
    _refuse_open_end(records, decoded.text)
    return records


def _refuse_open_end(records: list[list[str]], text: str) -> None:
    """Refuse a quotation mark that only the end of the file closes: the cell holds the others."""
    last = records[-1][-1] if records and records[-1] else ""
    if last and text.endswith('"' + last.replace('"', '""')):
        raise UnreadableFile(
            f"row {len(records)}: a quotation mark is not closed before the file ends",
            'close the quotation mark, or write " within a cell as ""',
        )


def _refuse_runaway_quote(record: Sequence[str], number: int, width: int, delimiter: str) -> None:
    """Refuse a cell that has swallowed rows: most of its lines have the cells of a whole row."""
    for cell in record:
        lines = [line for line in cell.splitlines()[1:] if line]
        rows = sum(line.count(delimiter) == width - 1 for line in lines)
        if width > _NARROW and rows and rows >= len(lines) / 2:
            raise UnreadableFile(
                f"row {number}: a quotation mark is not closed; "
                f"{len(lines) + 1} lines are one cell",
                'close the quotation mark, or write " within a cell as ""',
            )


def _header_position(records: list[list[str]], is_known: Callable[[str], bool]) -> int | None:
    linkdata = [
        i
        for i, r in enumerate(records[:_HEADER_WITHIN])
        if r and r[0].strip("\ufeff ") == _LINKDATA_HEADER
    ]
    if linkdata:
        return linkdata[0]
    head = records[:_HEADER_WITHIN]
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


def _header_cells(records: list[list[str]], header_at: int) -> list[str]:
    """The names of the columns, without nameless columns at the end that hold nothing."""
    cells = records[header_at]
    used = max(map(_filled_width, records[header_at + 1 :]), default=0)
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


def _filled(
    table: Table, records: list[list[str]], header_at: int, is_known: Callable[[str], bool]
) -> Table:
    width = len(table.header)
    is_linkdata = table.header[0] == _LINKDATA_HEADER
    blank = 0
    surplus: Counter[int] = Counter()
    for number, record in enumerate(records[header_at + 1 :], start=header_at + 2):
        if not any(trimmed(cell) for cell in record):
            blank += 1
            continue
        if is_linkdata and record[0].startswith("#"):
            continue
        may_be = number <= header_at + _SOON or _begins_alike(record, records[header_at])
        if record == records[header_at] or (may_be and _is_about_columns(record, is_known)):
            table.remarks.append(f"row {number} repeats the header, or describes the columns")
            table.note_rows.append(_padded(number, record, width))
            continue
        if any(map(trimmed, record[width:])):
            surplus[number] = len(record) - width
        row = _padded(number, record, width)
        (table.note_rows if _is_note(row.cells) else table.rows).append(row)
    if is_linkdata and not all(_numbers_the_row(row.cells[0]) for row in table.rows):
        table.header[0] = unique_names([_LINKDATA_HEADER.lstrip("#"), *table.header[1:]])[0][0]
    return _with_remarks(table, blank, surplus)


def _numbers_the_row(cell: str) -> bool:
    """Whether a cell below `#property` says no more than where its row stands."""
    return not trimmed(cell) or trimmed(cell).isdecimal()


def _begins_alike(record: Sequence[str], header: Sequence[str]) -> bool:
    return record[0].strip("\ufeff ") == header[0].strip("\ufeff ") != ""


def _is_about_columns(record: Sequence[str], is_known: Callable[[str], bool]) -> bool:
    """Whether a row names columns (a header in another language), or says which are required."""
    if len(record) < _ENOUGH_NAMES or trimmed(record[0]).isdigit():
        return False
    filled = [cell for cell in map(trimmed, record) if cell]
    if len(filled) < _ENOUGH_NAMES:
        return False
    if all(cell in _ABOUT_COLUMNS for cell in filled):
        return not all(cell in _MARKS for cell in filled)
    return sum(is_known(normal_header(cell)) for cell in filled) > len(filled) / 2


def _padded(number: int, record: list[str], width: int) -> Row:
    """The record as wide as the header; what stands beyond is reported once per file."""
    return Row(number, [*record[:width], *[""] * (width - len(record))])


def _is_note(record: Sequence[str]) -> bool:
    filled = list(islice(filter(None, map(trimmed, record)), 3))
    if not filled:  # something stands beyond the last named column only
        return True
    return len(filled) <= 2 and len(record) > 3 and bool(_NOTE.match(filled[0]))


def _with_remarks(table: Table, blank: int, surplus: Counter[int]) -> Table:
    remarks = list(table.remarks)
    if not table.rows:
        remarks.append("there is a header but no row of data")
    if surplus:
        first = min(surplus)
        remarks.append(
            f"{counted(len(surplus), 'row has', 'rows have')} cells beyond the last column of the "
            f"header (first: row {first}); these cells are not imported"
        )
    return Table(
        table.header,
        table.header_row,
        table.rows,
        table.metadata,
        table.titles,
        blank_rows=blank,
        note_rows=table.note_rows,
        remarks=remarks,
    )
