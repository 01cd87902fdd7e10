"""The facility-separated variant of the standard: name and address stand in `{code}_facility.csv`.

A data set may keep its facilities in a file of their own and refer to them by 施設_ID. The columns
of the facility are then read as if they stood in the row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from adapters.csv.headers import normal_header
from adapters.csv.table import Row, Rows, Table
from adapters.csv.values.text import comparable
from adapters.csv.wording import counted

REFERENCE: Final = normal_header("施設_ID")
_PREFIX: Final = normal_header("施設_")
_OWN_ID: Final = (REFERENCE, normal_header("ID"))


def refers_to_facilities(table: Table) -> bool:
    """Whether the rows name their facility by 施設_ID and lack its address and position."""
    names = {normal_header(name) for name in table.header}
    has_place = any("緯度" in name or "所在地" in name or name == "住所" for name in names)
    return REFERENCE in names and not has_place


def join_facilities(table: Table, facilities: Table) -> Table:
    """The table with the columns of each row's facility at its end.

    Columns the table has itself are not taken again. Rows whose facility is not in the list keep
    their own cells; how many they are is remarked.
    """
    known = {_bare(name) for name in table.header}
    taken = [
        i
        for i, name in enumerate(facilities.header)
        if _bare(name) not in known and _bare(name) != "id"
    ]
    by_id = _by_id(facilities)
    reference = [normal_header(name) for name in table.header].index(REFERENCE)
    missing = sum(comparable(cell) not in by_id for cell in table.column(reference))
    remarks = [
        *table.remarks,
        f"names and addresses are those of {len(by_id)} facilities (施設_ID)",
    ]
    if missing:
        rows_name = counted(missing, "row names", "rows name")
        remarks.append(f"{rows_name} a facility that is not in the list of facilities")

    def joined() -> Iterator[Row]:
        for row in table.rows:
            facility = by_id.get(comparable(row.cells[reference]))
            more = [facility.cells[i] for i in taken] if facility else [""] * len(taken)
            yield Row(row.number, [*row.cells, *more])

    header = [*table.header, *(facilities.header[i].removeprefix("施設_") for i in taken)]
    return replace(table, header=header, rows=Rows(joined, len(table.rows)), remarks=remarks)


def _bare(name: str) -> str:
    return normal_header(name).removeprefix(_PREFIX)


def _by_id(facilities: Table) -> dict[str, Row]:
    place = _first(_OWN_ID, [normal_header(name) for name in facilities.header])
    if place is None:
        return {}
    return {comparable(row.cells[place]): row for row in facilities.rows}


def _first(names: Sequence[str], header: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)
