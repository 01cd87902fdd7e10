"""Rows that are totals of other rows and no things of their own: known by label and figures. Pure.

A row labelled 合計 or 総数 is a total wherever it stands. One whose label only ends like a total
(焼津地区計) may be a place of that name: it is a total if its figures are the sums of other rows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.csv.findings import Finding
from adapters.csv.recognition import Assignment
from adapters.csv.table import Row, Table
from adapters.csv.values.numbers import read_integer
from adapters.csv.values.text import comparable, trimmed

_LOOKS_LIKE_ONE: Final = re.compile(r"[計総全]|total", re.IGNORECASE)
_BRACKETS: Final = "()[]【】《》<>「」:・*※"
_SUMS: Final = frozenset(
    ("計", "合計", "総計", "総数", "小計", "累計", "総合計", "合計数", "市計", "町計", "村計",
     "区計", "県計", "市合計", "町合計", "村合計", "区合計", "total", "grandtotal", "subtotal")
)  # fmt: skip
_WHOLES: Final = frozenset(("全体", "全市", "全域", "市全体", "町全体", "村全体", "区全体"))
"""Totals in a series only: a rule for the collection of waste may be one for 全域."""
_ENDINGS: Final = ("計", "総数")


@dataclass(slots=True)
class TotalRows:
    """The rows of a table that are totals, and doubts about those that do not add up."""

    rows: list[Row] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


def set_totals_apart(table: Table, assignment: Assignment) -> tuple[Table, TotalRows]:
    """The table without its totals, and the totals; their figures are compared in series only."""
    totals = TotalRows()
    labels = _labels(table, assignment)
    if not labels or len(labels) == len(table.rows):
        return table, totals
    observed = assignment.layout.observed
    if observed is None:
        totals.rows = [table.rows[place] for place, is_sure in labels.items() if is_sure]
    else:
        figures = _figures(assignment)
        for places in _editions(table, assignment.positions.get(observed.at), labels):
            _Edition(table, places, figures).judge(labels, totals)
    apart = {row.number for row in totals.rows}
    kept = [row for row in table.rows if row.number not in apart]
    return replace(table, rows=kept), totals


def _labels(table: Table, assignment: Assignment) -> dict[int, bool]:
    """Rows (positions from 0) labelled as totals, and whether the label alone is sure."""
    found: dict[int, bool] = {}
    is_series = assignment.layout.observed is not None
    column = assignment.positions.get(assignment.layout.identity.key[0])
    for place, row in enumerate(table.rows):
        cell = row.cells[column[0]] if column else ""
        label = cell if trimmed(cell) else next(filter(None, map(trimmed, row.cells)), "")
        if not _LOOKS_LIKE_ONE.search(label):
            continue
        plain = comparable(label).strip(_BRACKETS)
        is_sure = plain in _SUMS or (is_series and plain in _WHOLES)
        if is_sure or plain.endswith(_ENDINGS):
            found[place] = is_sure
    return found


def _figures(assignment: Assignment) -> tuple[int, ...]:
    columns, observed = assignment.layout.columns, assignment.layout.observed
    return tuple(
        places[0]
        for name, places in assignment.positions.items()
        if observed and name in observed.attributes and columns[name].kind == "integer"
    )


def _editions(
    table: Table, time_column: Sequence[int] | None, labels: Mapping[int, bool]
) -> Iterable[list[int]]:
    """Rows of one time of observation; a total that states none is of all rows."""
    if not time_column:
        return [list(range(len(table.rows)))]
    times = [comparable(row.cells[time_column[0]]) for row in table.rows]
    if any(not times[place] for place in labels):
        return [list(range(len(times)))]
    editions: defaultdict[str, list[int]] = defaultdict(list)
    for place, time in enumerate(times):
        editions[time].append(place)
    return editions.values()


@dataclass(slots=True)
class _Edition:
    """Rows of one time, in the order of the file, and the columns that can be added up."""

    table: Table
    places: list[int]
    figures: tuple[int, ...]

    def judge(self, labels: Mapping[int, bool], totals: TotalRows) -> None:
        """Add the totals of this edition: first those only their figures prove.

        Where there is nothing else, as in a series of a whole city, they are totals of nothing.
        """
        marked = {place for place in self.places if place in labels}
        if len(marked) == len(self.places):
            return
        unproved = {
            place for place in marked if not labels[place] and not self._adds_up(place, marked)
        }
        marked -= unproved
        for place in sorted(marked):
            totals.rows.append(self.table.rows[place])
            if labels[place] and (doubt := self._doubt(place, marked)):
                totals.warnings.append(doubt)

    def _adds_up(self, place: int, marked: set[int]) -> bool:
        return any(
            summed and self._stated(place) and not self._difference(place, summed)
            for summed in self._summed(place, marked)
        )

    def _stated(self, place: int) -> bool:
        cells = self.table.rows[place].cells
        return any(read_integer(cells[column]).value for column in self.figures)

    def _doubt(self, place: int, marked: set[int]) -> Finding | None:
        differences = [
            self._difference(place, rows) for rows in self._summed(place, marked) if rows
        ]
        if not differences or not all(differences):
            return None
        return Finding(
            self.table.rows[place].number,
            None,
            "",
            f"a total that is not the sum of the rows: {differences[0]}",
            "see whether a row is missing or a figure is wrong; the total itself is not imported",
        )

    def _summed(self, place: int, marked: set[int]) -> tuple[list[int], list[int], list[int]]:
        """What a total may be of: all rows, those since the total before, those to the next."""
        at = self.places.index(place)
        before, after = self.places[:at], self.places[at + 1 :]
        plain = [one for one in self.places if one not in marked]
        return plain, list(_until(reversed(before), marked)), list(_until(after, marked))

    def _difference(self, place: int, rows: Sequence[int]) -> str:
        """The first column that differs from the sum; columns with words or X are left out."""
        for column in self.figures:
            total = read_integer(self.table.rows[place].cells[column]).value
            made = self._sum(column, rows)
            if total is not None and made is not None and total != made:
                return f"{self.table.header[column]} is {total}, the rows make {made}"
        return ""

    def _sum(self, column: int, rows: Sequence[int]) -> int | None:
        total = 0
        for place in rows:
            cell = self.table.rows[place].cells[column]
            value = read_integer(cell).value
            if value is None and trimmed(cell):
                return None
            total += value or 0
        return total


def _until(places: Iterable[int], marked: set[int]) -> Iterable[int]:
    for place in places:
        if place in marked:
            return
        yield place
