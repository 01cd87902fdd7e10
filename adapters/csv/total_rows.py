"""Rows that are totals of other rows and no things of their own: known by label and figures. Pure.

A row labelled 合計 or 総数 is a total wherever it stands. One whose label only ends like a total
(焼津地区計) may be a place of that name: it is a total if its figures are the sums of other rows.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.csv.findings import Finding
from adapters.csv.recognition import Assignment
from adapters.csv.table import Row, Rows, Table
from adapters.csv.values.numbers import read_integer
from adapters.csv.values.text import comparable, folded, trimmed

_LOOKS_LIKE_ONE: Final = re.compile(r"[計総全]|total", re.IGNORECASE)
_BRACKETS: Final = "()[]【】《》<>「」:・*※"
_SUMS: Final = frozenset(
    ("計", "合計", "総計", "総数", "小計", "累計", "総合計", "合計数", "市計", "町計", "村計",
     "区計", "県計", "市合計", "町合計", "村合計", "区合計", "total", "grandtotal", "subtotal")
)  # fmt: skip
_WHOLES: Final = frozenset(("全体", "全市", "全域", "市全体", "町全体", "村全体", "区全体"))
"""Totals in a series only: a rule for the collection of waste may be one for 全域."""
_ENDINGS: Final = ("計", "総数")
_COUNT: Final = re.compile(r"[全計]?\d[\d,]*(?:施設|件|[箇個かカヵヶケ]所|校|園|基|台|名|人|棟)?")
"""What stands for a name in a row labelled elsewhere as a total: how many there are."""
_Figure = int | str | None


@dataclass(slots=True)
class TotalRows:
    """The numbers of the rows that are totals, and doubts about those that do not add up."""

    numbers: list[int] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


def set_totals_apart(table: Table, assignment: Assignment) -> tuple[Table, TotalRows]:
    """The table without its totals, and the totals; their figures are compared in series only."""
    totals = TotalRows()
    labels = _labels(table, assignment)
    if not labels or len(labels) == len(table.rows):
        return table, totals
    if assignment.layout.observed is None:
        totals.numbers = [number for number, is_sure in labels.items() if is_sure]
    else:
        for edition in _editions(table, assignment, labels):
            edition.judge(totals)
    apart = frozenset(totals.numbers)

    def kept() -> Iterator[Row]:
        return (row for row in table.rows if row.number not in apart)

    return replace(table, rows=Rows(kept, len(table.rows) - len(apart))), totals


def _labels(table: Table, assignment: Assignment) -> dict[int, bool]:
    """Numbers of the rows labelled as totals, and whether the label alone is sure."""
    found: dict[int, bool] = {}
    is_series = assignment.layout.observed is not None
    column = assignment.positions.get(assignment.layout.identity.key[0])
    for row in table.rows:
        label = trimmed(row.cells[column[0]]) if column else ""
        if not label or _COUNT.fullmatch(folded(label)):
            label = next(filter(None, map(trimmed, row.cells)), "")
        if not _LOOKS_LIKE_ONE.search(label):
            continue
        plain = comparable(label).strip(_BRACKETS)
        is_sure = plain in _SUMS or (is_series and plain in _WHOLES)
        if is_sure or plain.endswith(_ENDINGS):
            found[row.number] = is_sure
    return found


def _figure_columns(assignment: Assignment) -> tuple[int, ...]:
    columns, observed = assignment.layout.columns, assignment.layout.observed
    return tuple(
        places[0]
        for name, places in assignment.positions.items()
        if observed and name in observed.attributes and columns[name].kind == "integer"
    )


def _editions(
    table: Table, assignment: Assignment, labels: Mapping[int, bool]
) -> Iterable["_Edition"]:
    """Rows of one time of observation, if totals are among them.

    A total that states no time is one of all rows.
    """
    observed = assignment.layout.observed
    places = assignment.positions.get(observed.at) if observed else None
    at = places[0] if places else None
    times = {_time(row, at) for row in table.rows if row.number in labels}
    if "" in times:
        at, times = None, {""}
    columns = _figure_columns(assignment)
    header = [table.header[column] for column in columns]
    editions: dict[str, _Edition] = {}
    for row in table.rows:
        time = _time(row, at)
        if time in times:
            edition = editions.setdefault(time, _Edition(header))
            edition.add(row.number, _figures(row, columns), labels.get(row.number))
    return editions.values()


def _time(row: Row, column: int | None) -> str:
    return comparable(row.cells[column]) if column is not None else ""


def _figures(row: Row, columns: Sequence[int]) -> list[_Figure]:
    """What the cells say: a number, None where they are blank, words or X as they are."""
    return [
        trimmed(row.cells[column]) or None if value is None else value
        for column in columns
        for value in (read_integer(row.cells[column]).value,)
    ]


class _Sum:
    """The sum of some rows, by column; None where one of them has words."""

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.columns: list[int | None] = [0] * width

    def add(self, figures: Sequence[_Figure]) -> None:
        self.rows += 1
        for place, figure in enumerate(figures):
            made = self.columns[place]
            if isinstance(figure, str):
                self.columns[place] = None
            elif figure and made is not None:
                self.columns[place] = made + figure

    def add_all(self, other: "_Sum") -> None:
        self.rows += other.rows
        self.columns = [
            None if one is None or more is None else one + more
            for one, more in zip(self.columns, other.columns, strict=True)
        ]


@dataclass(slots=True)
class _Labelled:
    """A row labelled as a total, its figures, and whether its label alone is sure."""

    number: int
    figures: list[_Figure]
    is_sure: bool


class _Edition:
    """The rows of one time in the order of the file: labelled ones, and the sums between them."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._labelled: list[_Labelled] = []
        self._between = [_Sum(len(header))]
        self._every = self._between[0]

    def add(self, number: int, figures: list[_Figure], is_sure: bool | None) -> None:  # noqa: FBT001
        """Add a row; `is_sure` is None for one without a label."""
        if is_sure is None:
            self._between[-1].add(figures)
        else:
            self._labelled.append(_Labelled(number, figures, is_sure))
            self._between.append(_Sum(len(self._header)))

    def judge(self, totals: TotalRows) -> None:
        """Add the totals of this edition: first those only their figures prove.

        Where there is nothing else, as in a series of a whole city, they are totals of nothing.
        """
        self._every = self._sum_of_all()
        if not self._every.rows:
            return
        self._leave_unproved_out()
        self._every = self._sum_of_all()
        for place, row in enumerate(self._labelled):
            totals.numbers.append(row.number)
            if row.is_sure and (doubt := self._doubt(place)):
                totals.warnings.append(doubt)

    def _leave_unproved_out(self) -> None:
        """Make ordinary rows of those with a label that is not sure and figures that say no."""
        is_total = [row.is_sure or self._adds_up(place) for place, row in enumerate(self._labelled)]
        kept: list[_Labelled] = []
        between = self._between[:1]
        for row, stays, following in zip(self._labelled, is_total, self._between[1:], strict=True):
            if stays:
                kept.append(row)
                between.append(following)
            else:
                between[-1].add(row.figures)
                between[-1].add_all(following)
        self._labelled, self._between = kept, between

    def _adds_up(self, place: int) -> bool:
        figures = self._labelled[place].figures
        is_stated = any(isinstance(figure, int) and figure for figure in figures)
        return is_stated and any(
            summed.rows and not self._difference(figures, summed) for summed in self._summed(place)
        )

    def _doubt(self, place: int) -> Finding | None:
        row = self._labelled[place]
        differences = [
            self._difference(row.figures, summed) for summed in self._summed(place) if summed.rows
        ]
        if not differences or not all(differences):
            return None
        return Finding(
            row.number,
            None,
            "",
            f"a total that is not the sum of the rows: {differences[0]}",
            "see whether a row is missing or a figure is wrong; the total itself is not imported",
        )

    def _summed(self, place: int) -> tuple[_Sum, _Sum, _Sum]:
        """What a total may be of: all rows, those since the total before, those to the next."""
        return self._every, self._between[place], self._between[place + 1]

    def _sum_of_all(self) -> _Sum:
        every = _Sum(len(self._header))
        for one in self._between:
            every.add_all(one)
        return every

    def _difference(self, figures: Sequence[_Figure], summed: _Sum) -> str:
        """The first column that differs from the sum; columns with words or X are left out."""
        for name, total, made in zip(self._header, figures, summed.columns, strict=True):
            if isinstance(total, int) and made is not None and total != made:
                return f"{name} is {total}, the rows make {made}"
        return ""
