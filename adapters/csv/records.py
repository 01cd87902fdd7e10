"""The records of a decoded text, read again at each iteration, and whether its quoting holds."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Final

from adapters.csv.decoding import DecodedText
from adapters.csv.unreadable import UnreadableFile

_MAX_CELL: Final = 10_000_000
_NARROW: Final = 3
_FORMULA: Final = re.compile(r'="([^"]*)"')


def records_of(decoded: DecodedText) -> Iterator[list[str]]:
    """Return the records, blank ones too, each with the cells it has."""
    csv.field_size_limit(_MAX_CELL)
    return csv.reader(decoded.lines(), delimiter=decoded.delimiter)


def check_quoting(decoded: DecodedText) -> None:
    """Raise `UnreadableFile` where a quotation mark is not closed, or a cell has no end."""
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


def take_formulas_out(record: list[str]) -> int:
    """Put texts in the place of formulas such as `="001"`; return how many there were."""
    taken = 0
    for place, cell in enumerate(record):
        if cell.startswith("=") and (text := _FORMULA.fullmatch(cell)):
            record[place] = text[1]
            taken += 1
    return taken


def padded(record: list[str], width: int) -> list[str]:
    """Return a record as wide as the header; what stands beyond is left out."""
    if len(record) == width:
        return record
    return [*record[:width], *[""] * (width - len(record))]
