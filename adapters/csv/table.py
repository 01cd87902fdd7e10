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
from typing import Final

from adapters.csv.decoding import DecodedText, UnreadableFile
from adapters.csv.headers import normal_header, unique_names
from adapters.csv.values.text import trimmed

_HEADER_WITHIN: Final = 30
_MAX_CELL: Final = 10_000_000
_NOTE: Final = re.compile(
    r"(※|★|注[)）:：\d]|注意|凡例|備考[:：]|出典|資料[:：]|合計$|総計$|以上$|\*)"
)
_LINKDATA_HEADER: Final = "#property"


@dataclass(frozen=True, slots=True)
class Row:
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
            "put one row with the names of the columns above the data",
        )
    names, remarks = unique_names(_header_cells(records, header_at))
    metadata, titles = _preamble(records[:header_at])
    table = Table(names, header_at + 1, [], metadata, titles, remarks=remarks)
    return _filled(table, records, header_at)


def _records(decoded: DecodedText) -> list[list[str]]:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(io.StringIO(decoded.text, newline=""), delimiter=decoded.delimiter)
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append(record)
            if len(record) and max(map(len, record)) > 5_000:
                _refuse_runaway_quote(record, len(records), decoded.delimiter)
    except csv.Error as error:
        raise UnreadableFile(
            f"row {len(records) + 1}: {error}", "check the quotation marks of this row"
        ) from error
    return records


def _refuse_runaway_quote(record: Sequence[str], number: int, delimiter: str) -> None:
    for cell in record:
        lines = cell.split("\n")
        if len(lines) > 30 and sum(line.count(delimiter) >= 3 for line in lines) > len(lines) * 0.8:
            raise UnreadableFile(
                f"row {number}: a quotation mark is not closed; {len(lines)} lines are one cell",
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
    cells = records[header_at]
    body = [len(record) for record in records[header_at + 1 :] if any(record)]
    while cells and not cells[-1].strip() and (not body or len(cells) > max(body)):
        cells = cells[:-1]
    return cells


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


def _filled(table: Table, records: list[list[str]], header_at: int) -> Table:
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
        if len(record) > width:
            if any(trimmed(cell) for cell in record[width:]):
                surplus[number] = len(record) - width
            record = record[:width]  # noqa: PLW2901 - the surplus is reported once per file
        elif len(record) < width:
            record = record + [""] * (width - len(record))  # noqa: PLW2901 - padded
        row = Row(number, record)
        (table.note_rows if _is_note(record) else table.rows).append(row)
    return _with_remarks(table, blank, surplus)


def _is_note(record: Sequence[str]) -> bool:
    filled = list(islice(filter(None, map(trimmed, record)), 3))
    if not filled:  # something stands beyond the last named column only
        return True
    return len(filled) <= 2 and len(record) > 3 and bool(_NOTE.match(filled[0]))


def _with_remarks(table: Table, blank: int, surplus: Counter[int]) -> Table:
    remarks = list(table.remarks)
    if surplus:
        first = min(surplus)
        remarks.append(
            f"{len(surplus)} rows have cells beyond the last column of the header "
            f"(first: row {first}); these cells are not imported"
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
