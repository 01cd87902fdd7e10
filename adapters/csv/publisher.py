"""Which municipality publishes a file: its code qualifies every id, so it must be certain."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from adapters.csv.municipality import Municipality, register
from adapters.csv.recognition import Assignment
from adapters.csv.table import Table

_ENOUGH: Final = 0.6
_SAMPLE: Final = 400
_MONTH: Final = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Publisher:
    """Code of the municipality, empty when it is not known, and where it was found."""

    code: str = ""
    found_in: str = ""


def find_publisher(
    table: Table, assignment: Assignment, file_name: str, stated: str = ""
) -> Publisher:
    """Look at what the caller stated, preamble, file name, city column, addresses, layout."""
    if stated:
        return Publisher(stated, "option")
    if entry := register().named(table.metadata.get("attribution_name", "")):
        return Publisher(entry.code, "attribution in the file")
    named = _code_of_name(file_name)
    cells = _from_cells(table, assignment)
    if named and ((cells and cells.code == named) or not _MONTH.fullmatch(named)):
        return Publisher(named, "file name")
    return cells or _from_names(table, assignment, file_name)


def _code_of_name(file_name: str) -> str:
    """The code with which names of standard files begin; empty when there is none.

    The caller takes figures that may as well be a month (202104) only if the cells agree.
    """
    found = re.match(r"(\d{6})(?!\d)", file_name)
    return found[1] if found and found[1] in register().codes else ""


def row_municipality(attributes: Mapping[str, Any], publisher: Publisher) -> str:
    """The code of a row: its own, that of the city it names, or the publisher's."""
    if stated := attributes.get("localGovernmentCode"):
        return str(stated["value"])
    city = attributes.get("city", {}).get("value", "")
    if city and (entry := _named(city, attributes.get("prefecture", {}).get("value", ""))):
        return entry.code
    return publisher.code


def _from_cells(table: Table, assignment: Assignment) -> Publisher | None:
    sample = [row.cells for row in islice(table.rows, _SAMPLE)]
    prefectures = _cells(sample, assignment, "prefecture")
    for attribute, by_address in (
        ("localGovernmentName", False),
        ("city", False),
        ("fullAddress", True),
    ):
        names = _cells(sample, assignment, attribute)
        found: Counter[str] = Counter()
        for place, name in enumerate(names):
            prefecture = prefectures[place] if prefectures else ""
            entry = (
                register().of_address(name, prefecture) if by_address else _named(name, prefecture)
            )
            if entry:
                found[entry.code] += 1
        if found:
            code, count = found.most_common(1)[0]
            if count >= _ENOUGH * sum(bool(name.strip()) for name in names):
                return Publisher(code, "addresses" if by_address else f"column of {attribute}")
    return None


def _from_names(table: Table, assignment: Assignment, file_name: str) -> Publisher:
    if assignment.layout.publisher:
        return Publisher(assignment.layout.publisher, "layout")
    if entry := register().named_in(file_name) or _first_named(table.titles):
        return Publisher(entry.code, "name of the city in file name or title")
    return Publisher()


def _cells(sample: Sequence[Sequence[str]], assignment: Assignment, attribute: str) -> list[str]:
    places = assignment.positions.get(attribute)
    return [cells[places[0]] for cells in sample] if places else []


def _named(name: str, prefecture: str) -> Municipality | None:
    return register().named(name, prefecture.strip()) if name.strip() else None


def _first_named(titles: list[str]) -> Municipality | None:
    return next((entry for title in titles if (entry := register().named_in(title))), None)
