"""What each record below a header is: data, blank, a note, or the header once more.

Nothing of a record is held but its kind (one byte): there may be millions.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from adapters.csv.decoding import DecodedText
from adapters.csv.headers import normal_header
from adapters.csv.records import padded, records_of, take_formulas_out
from adapters.csv.values.text import trimmed
from adapters.csv.wording import counted

DATA: Final = 1
_NO_DATA: Final = 0
_SOON: Final = 5
_REPEATS_SHOWN: Final = 10
_ENOUGH_NAMES: Final = 4
_PLAIN_FIGURES: Final = re.compile(r"[-+]?\d[\d.,:/-]*")
_MARKS: Final = frozenset("○◎●△")
_ABOUT_COLUMNS: Final = _MARKS | frozenset(
    ("必須", "任意", "推奨", "必須項目", "任意項目", "条件付き必須", "文字列", "数値", "整数",
     "小数", "日付", "時刻", "半角", "全角", "半角数字", "URL", "string", "number", "integer")
)  # fmt: skip
_NOTE: Final = re.compile(
    r"(※|★|注[)）:：\d]|注意|凡例|備考[:：]|出典|資料[:：]|合計$|総計$|小計$|計$|以上$|\*)"
)
LINKDATA_HEADER: Final = "#property"


class Header(NamedTuple):
    """Where the header stands (from 0), its record, and the names that were made of it.

    `is_known` says whether a normal name occurs in some layout, `has_formulas` whether cells below
    may be formulas such as `="001"`.
    """

    at: int
    record: list[str]
    names: list[str]
    is_known: Callable[[str], bool]
    has_formulas: bool


@dataclass(slots=True)
class Survey:
    """What each record is (`DATA` or not), by its place, and what is worth telling about them.

    `notes` and `about_columns` are numbers of rows, as are those that begin with `first_`, 0 for
    none.
    """

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
        """Return what is worth telling, a sentence each."""
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
        if not self.kinds.count(DATA):
            told.append("there is a header but no row of data")
        if self.surplus:
            rows = counted(self.surplus, "row has", "rows have")
            told.append(
                f"{rows} cells beyond the last column of the header (first: row "
                f"{self.first_surplus}); these cells are not imported"
            )
        return told


def survey_records(decoded: DecodedText, header: Header) -> Survey:
    """Look at each record once; those up to the header are no data."""
    survey = Survey(bytearray(header.at + 1))
    below = islice(records_of(decoded), header.at + 1, None)
    for number, record in enumerate(below, start=header.at + 2):
        survey.kinds.append(_judge(number, record, header, survey))
    return survey


def _judge(number: int, record: list[str], header: Header, survey: Survey) -> int:
    """Say whether a record is data, and note what is to be told of it."""
    if not any(map(trimmed, record)):
        survey.blank += 1
        return _NO_DATA
    is_linkdata = header.names[0] == LINKDATA_HEADER
    if is_linkdata and record[0].startswith("#"):
        return _NO_DATA
    if header.has_formulas and (taken := take_formulas_out(record)):
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
    cells = padded(record, width)
    if _is_note(cells):
        survey.notes.append(number)
        return _NO_DATA
    if is_linkdata and not _numbers_the_row(cells[0]):
        survey.has_row_numbers = False
    return DATA


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


def _is_note(record: Sequence[str]) -> bool:
    filled = list(islice(filter(None, map(trimmed, record)), 3))
    if not filled:  # something stands beyond the last named column only
        return True
    return len(filled) <= 2 and len(record) > 3 and bool(_NOTE.match(filled[0]))
