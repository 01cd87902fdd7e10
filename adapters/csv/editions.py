"""The day an edition of a series is of, where no column says it: its title or file name may. Pure.

Tables of population are often published with 令和6年4月1日現在 above the header, or as
`population_20240401.csv`, and no column for the day.
"""

import calendar
import re
from pathlib import PurePath
from typing import Final, NamedTuple

from adapters.csv.recognition import Assignment
from adapters.csv.table import Table
from adapters.csv.values.dates import read_date
from adapters.csv.values.text import folded

_AS_OF: Final = re.compile(
    r"([^\s():]*\d\s*年[^()]*?(?:日|月末)|\d{4}[/.-]\d{1,2}[/.-]\d{1,2})\s*日?\s*(?:現在|時点)"
)
_MONTH_END: Final = re.compile(r"(.*年.*月)末")
_IN_NAME: Final = re.compile(
    r"(?<!\d)((?:19|20)\d{2})([-_年]?)(0?[1-9]|1[0-2])(?:\2|月)(0?[1-9]|[12]\d|3[01])日?(?!\d)"
)


class Edition(NamedTuple):
    """A day (YYYY-MM-DD) and where it was found."""

    day: str
    found_in: str


def edition_of(table: Table, assignment: Assignment, file_name: str) -> Edition | None:
    """The day of a series whose columns state no time; None for anything else."""
    observed = assignment.layout.observed
    if observed is None or assignment.observed_at or observed.at in assignment.matched():
        return None
    if assignment.layout.columns[observed.at].kind != "date":
        return None
    for title in table.titles:
        if day := _day_in_title(title):
            return Edition(day, f"the title ({title[:60]})")
    if found := _IN_NAME.search(folded(PurePath(file_name).stem)):
        day = read_date(f"{found[1]}-{found[3]}-{found[4]}").value
        return Edition(day, "the name of the file") if day else None
    return None


def _day_in_title(title: str) -> str:
    found = _AS_OF.search(folded(title))
    if found is None:
        return ""
    if month := _MONTH_END.match(found[1]):
        first = read_date(f"{month[1]}1日").value
        return _last_of_month(first) if first else ""
    return read_date(found[1]).value or ""


def _last_of_month(first: str) -> str:
    year, month, _ = map(int, first.split("-"))
    return f"{year:04}-{month:02}-{calendar.monthrange(year, month)[1]:02}"
