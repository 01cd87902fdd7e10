"""From text to a table: preamble, header, rows with the row numbers of the spreadsheet.

The header is not always row 1. Titles, comment rows and the `#key,value` rows of LinkData stand
before it; they become metadata (title, licence, attribution). A row number is the number of the
record, blank ones included, as a spreadsheet shows it, also when cells hold line breaks.

No row stays in memory: a table knows of each record what it is (one byte), and reads its rows from
the text again whenever they are asked for.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from adapters.csv.decoding import DecodedText, UnreadableFile
from adapters.csv.headers import normal_header, unique_names
from adapters.csv.merged_headers import join_header_rows
from adapters.csv.values.text import trimmed
from adapters.csv.wording import counted

_HEADER_WITHIN: Final = 30
_MAX_CELL: Final = 10_000_000
_MOST_COLUMNS: Final = 16_384
_NARROW: Final = 3
_SOON: Final = 5
_REPEATS_SHOWN: Final = 10
_DATA: Final = 1
_NO_DATA: Final = 0
_ENOUGH_NAMES: Final = 4
_PLAIN_FIGURES: Final = re.compile(r"[-+]?\d[\d.,:/-]*")
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
    _check_quoting(decoded)
    head = list(islice(_records(decoded), _HEADER_WITHIN + 2))
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
    survey = _survey(
        decoded, _Header(header_at, head[header_at], names, is_known, decoded.has_formulas)
    )
    if names[0] == _LINKDATA_HEADER and not survey.has_row_numbers:
        names[0] = unique_names([_LINKDATA_HEADER.lstrip("#"), *names[1:]])[0][0]
    metadata, titles = _preamble(head[:found_at])
    rows = Rows(partial(_rows, decoded, survey, len(names)), survey.kinds.count(_DATA))
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


def _records(decoded: DecodedText) -> Iterator[list[str]]:
    csv.field_size_limit(_MAX_CELL)
    return csv.reader(decoded.lines(), delimiter=decoded.delimiter)


def _rows(decoded: DecodedText, survey: "_Survey", width: int) -> Iterator[Row]:
    """The records that are data, with the texts of formulas such as `="001"` taken out."""
    numbered = zip(_records(decoded), survey.kinds, strict=True)
    for number, (record, kind) in enumerate(numbered, start=1):
        if kind == _DATA:
            if decoded.has_formulas:
                _take_formulas_out(record)
            yield _padded(number, record, width)


def _take_formulas_out(record: list[str]) -> int:
    """Put texts in the place of formulas such as `="001"`; return how many there were."""
    taken = 0
    for place, cell in enumerate(record):
        if cell.startswith("=") and (text := _FORMULA.fullmatch(cell)):
            record[place] = text[1]
            taken += 1
    return taken


def _check_quoting(decoded: DecodedText) -> None:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(decoded.lines(), delimiter=decoded.delimiter)
    last: list[str] = []
    number = width = 0
    try:
        for number, last in enumerate(reader, start=1):
            if reader.line_num > number:
                _refuse_runaway_quote(last, number, width, decoded.delimiter)
            width = max(width, len(last))
    except csv.Error as error:
        raise UnreadableFile(
            f"row {number + 1}: {error}", "check the quotation marks of this row"
        ) from error
    _refuse_open_end(last, number, decoded)


def _refuse_open_end(last: Sequence[str], number: int, decoded: DecodedText) -> None:
    """Refuse a quotation mark that only the end of the file closes: the cell holds the others."""
    if last and last[-1] and decoded.ends_with('"' + last[-1].replace('"', '""')):
        raise UnreadableFile(
            f"row {number}: a quotation mark is not closed before the file ends",
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


def _header_cells(cells: list[str], decoded: DecodedText, header_at: int) -> list[str]:
    """The names of the columns, without nameless columns at the end that hold nothing."""
    if cells[-1].strip():
        return cells
    below = islice(_records(decoded), header_at + 1, None)
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


class _Header(NamedTuple):
    """Where the header stands (from 0), its record, the names made of it; what is below it."""

    at: int
    record: list[str]
    names: list[str]
    is_known: Callable[[str], bool]
    has_formulas: bool


@dataclass(slots=True)
class _Survey:
    """What each record is, by its place, and what is worth telling about them."""

    kinds: bytearray
    blank: int = 0
    notes: list[int] = field(default_factory=list)
    about_columns: list[int] = field(default_factory=list)
    surplus: int = 0
    first_surplus: int = 0
    formulas: int = 0
    first_formula: int = 0
    has_row_numbers: bool = True

    def remarks(self) -> list[str]:
        told: list[str] = []
        if self.formulas:
            cells = counted(self.formulas, "cell is", "cells are")
            told.append(
                f'{cells} written ="…" (first: row {self.first_formula}); the text was taken'
            )
        shown = self.about_columns[:_REPEATS_SHOWN]
        told += [f"row {number} repeats the header, or describes the columns" for number in shown]
        if more := len(self.about_columns) - len(shown):
            rows = counted(more, "more row repeats", "more rows repeat")
            told.append(f"{rows} the header, or describes the columns")
        if not self.kinds.count(_DATA):
            told.append("there is a header but no row of data")
        if self.surplus:
            rows = counted(self.surplus, "row has", "rows have")
            told.append(
                f"{rows} cells beyond the last column of the header (first: row "
                f"{self.first_surplus}); these cells are not imported"
            )
        return told


def _survey(decoded: DecodedText, header: _Header) -> _Survey:
    survey = _Survey(bytearray(header.at + 1))
    below = islice(_records(decoded), header.at + 1, None)
    for number, record in enumerate(below, start=header.at + 2):
        survey.kinds.append(_judge(number, record, header, survey))
    return survey


def _judge(number: int, record: list[str], header: _Header, survey: _Survey) -> int:
    """Say whether a record is data, and note what is to be told of it."""
    if not any(map(trimmed, record)):
        survey.blank += 1
        return _NO_DATA
    is_linkdata = header.names[0] == _LINKDATA_HEADER
    if is_linkdata and record[0].startswith("#"):
        return _NO_DATA
    if header.has_formulas and (taken := _take_formulas_out(record)):
        survey.formulas += taken
        survey.first_formula = survey.first_formula or number
    may_be = number <= header.at + _SOON or _begins_alike(record, header.record)
    if record == header.record or (may_be and _is_about_columns(record, header.is_known)):
        survey.about_columns.append(number)
        survey.notes.append(number)
        return _NO_DATA
    width = len(header.names)
    if any(map(trimmed, record[width:])):
        survey.surplus += 1
        survey.first_surplus = survey.first_surplus or number
    cells = _padded(number, record, width).cells
    if _is_note(cells):
        survey.notes.append(number)
        return _NO_DATA
    if is_linkdata and not _numbers_the_row(cells[0]):
        survey.has_row_numbers = False
    return _DATA


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
    names = sum(is_known(normal_header(cell)) for cell in filled)
    has_figures = any(_PLAIN_FIGURES.fullmatch(cell) for cell in filled)
    return names > len(filled) / 2 or (names >= _ENOUGH_NAMES and not has_figures)


def _padded(number: int, record: list[str], width: int) -> Row:
    """The record as wide as the header; what stands beyond is reported once per file."""
    if len(record) == width:
        return Row(number, record)
    return Row(number, [*record[:width], *[""] * (width - len(record))])


def _is_note(record: Sequence[str]) -> bool:
    filled = list(islice(filter(None, map(trimmed, record)), 3))
    if not filled:  # something stands beyond the last named column only
        return True
    return len(filled) <= 2 and len(record) > 3 and bool(_NOTE.match(filled[0]))
