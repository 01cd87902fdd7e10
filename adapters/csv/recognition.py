"""Which layout a header belongs to, and which of its columns feed which attribute."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from adapters.csv.headers import (
    normal_header,
    shared_prefixes,
    without_parentheses,
    without_prefix,
)
from adapters.csv.layout import Column, Layout
from adapters.csv.values.text import folded

_ENOUGH_FOR_NAME: Final = 0.5
_ENOUGH_MARKS: Final = 3
_ENOUGH_COLUMNS: Final = 3
_MEANT_FOR: Final = re.compile(
    "^(?!.*(?:浸水|想定|危険|警戒|区域|被害)).*(?:対象|対応|適|種別|種類|指定)"
)
"""A shared heading under which ○ for 洪水 says what a place is meant for, and not its danger."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Columns (positions counted from 0) of a header by attribute, for one layout.

    `members` holds those of arrays put together from named columns, `observed_at` the time that
    a header name states, `other` the positions no attribute claims.
    """

    layout: Layout
    positions: dict[str, list[int]]
    members: dict[str, dict[str, int]]
    observed_at: str
    other: list[int]
    reason: str = ""

    def matched(self) -> frozenset[str]:
        """Attributes that have a column in this file."""
        return frozenset((*self.positions, *self.members))


def assign(layout: Layout, header: Sequence[str]) -> Assignment:
    """Give each column to the first attribute of the layout that knows its name."""
    lookup = _Lookup(header)
    positions: dict[str, list[int]] = {}
    members: dict[str, dict[str, int]] = {}
    observed_at = ""
    for attribute, column in layout.columns.items():
        if column.pattern is not None:
            found, stated = lookup.by_pattern(column.pattern)
            observed_at = observed_at or stated
            if found:
                positions[attribute] = found
                continue
        if grouped := lookup.members(column):
            members[attribute] = grouped
        elif (
            column.kind not in ("rest", "records", "marks")
            and (place := lookup.take(column.headers)) is not None
        ):
            positions[attribute] = [place]
    other = lookup.left()
    for attribute, column in layout.columns.items():
        if column.kind == "rest" and positions:
            members[attribute] = {header[place]: place for place in other}
            other = []
    return Assignment(layout, positions, members, observed_at, other)


def recognise(
    header: Sequence[str], file_name: str, layouts: Iterable[Layout]
) -> Assignment | None:
    """The layout that fits best by its distinctive columns, then by the file's name, or None.

    The columns of a general layout count less than the name of the file. What columns have in
    common before their names (`防災行政無線_ID`) names the data set as a file name does.
    """
    names_of_set = " ".join((file_name, *sorted(shared_prefixes(header))))
    plain_name = folded(names_of_set).casefold()
    names = frozenset(map(normal_header, header))
    every_word = " ".join((plain_name, *names))
    candidates: list[tuple[tuple[bool, bool, int], Assignment]] = []
    for layout in layouts:
        if any(_names(word, every_word) for word in layout.unless):
            continue
        assignment = assign(layout, header)
        columns = _distinctive(layout, assignment, names)
        slug = next((slug for slug in layout.slugs if _names(slug, plain_name)), None)
        count = len(header) - len(assignment.other)
        enough = count >= max(2, len(header) * _ENOUGH_FOR_NAME)
        if not columns and (slug is None or not enough):
            continue
        if not columns and not _required_columns(layout) <= assignment.matched():
            continue
        why = (
            f"columns {', '.join(columns)}"
            if columns
            else f"'{slug}' in the name of the file, its title or columns"
        )
        reason = f"{why}; {count} of {len(header)} columns known"
        rank = (bool(columns), slug is not None, count)
        candidates.append((rank, replace(assignment, reason=reason)))
    if not candidates:
        return None
    best = max(candidates, key=_rank)
    if best[1].layout.is_general:
        named = [candidate for candidate in candidates if candidate[0][1]]
        best = max(named, key=_rank, default=best)
    return best[1]


def _rank(candidate: tuple[tuple[bool, bool, int], Assignment]) -> tuple[bool, bool, int]:
    return candidate[0]


def _distinctive(layout: Layout, assignment: Assignment, names: frozenset[str]) -> list[str]:
    """The columns by which the layout is recognised; empty when it is not."""
    matched = assignment.matched()
    for group in layout.recognised_by:
        if group <= matched:
            return sorted(group)
    decisive = [name for name in layout.decisive if name in names]
    enough = len(matched) >= _ENOUGH_COLUMNS and _required_columns(layout) <= matched
    return decisive if enough else []


def _required_columns(layout: Layout) -> frozenset[str]:
    """Those without which a file is not of the layout; the day of a series may stand elsewhere."""
    at = layout.observed.at if layout.observed else ""
    return frozenset(layout.required) - {at}


def _names(slug: str, plain_name: str) -> bool:
    if slug.isascii():
        return re.search(rf"(?<![a-z]){re.escape(slug)}s?(?![a-z])", plain_name) is not None
    return slug in plain_name


@dataclass(frozen=True, slots=True)
class _Names:
    """The places of the columns of a header by their names, in three spellings.

    `bare` are names without the prefix they share with others, `short` those without parentheses;
    `meant` are those whose shared prefix says what a place is meant for.
    """

    exact: Mapping[str, int]
    bare: Mapping[str, int]
    short: Mapping[str, int]
    meant: frozenset[str]


@lru_cache(maxsize=2)
def _names_in(header: tuple[str, ...]) -> _Names:
    """The names of a header, which is looked at once for each layout."""
    exact: dict[str, int] = {}
    bare: dict[str, int] = {}
    short: dict[str, int] = {}
    meant: set[str] = set()
    prefixes = tuple(shared_prefixes(header))
    for place, name in enumerate(header):
        normal = normal_header(name)
        exact.setdefault(normal, place)
        short.setdefault(without_parentheses(name), place)
        if normal.startswith(prefixes):
            bare.setdefault(without_prefix(name), place)
            if _MEANT_FOR.search(normal.partition("_")[0]):
                meant.add(without_prefix(name))
    return _Names(exact, bare, short, frozenset(meant))


class _Lookup:
    """Columns of one header that are still to be given away."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._taken: set[int] = set()
        self._names = _names_in(tuple(header))

    def take(self, names: Iterable[str]) -> int | None:
        for known in (self._names.exact, self._names.bare, self._names.short):
            for name in names:
                place = known.get(name)
                if place is not None and place not in self._taken:
                    self._taken.add(place)
                    return place
        return None

    def by_pattern(self, pattern: re.Pattern[str]) -> tuple[list[int], str]:
        found: list[int] = []
        stated = ""
        for place, name in enumerate(self._header):
            if place not in self._taken and (match := pattern.search(name)):
                found.append(place)
                stated = stated or match.groupdict().get("observedAt") or ""
        self._taken.update(found)
        return found, stated

    def members(self, column: Column) -> dict[str, int]:
        """Columns of an array; a lone 洪水 without 災害種別 may mean a danger: not taken."""
        groups = column.columns or column.fields
        if column.kind == "marks" and not self._are_marks(groups):
            return {}
        places = {member: self.take(names) for member, names in groups.items()}
        return {member: place for member, place in places.items() if place is not None}

    def _are_marks(self, groups: Mapping[str, tuple[str, ...]]) -> bool:
        present = [name for names in groups.values() for name in names if name in self._names.exact]
        under = [name for names in groups.values() for name in names if name in self._names.meant]
        enough = max(len(present), len(under)) >= _ENOUGH_MARKS
        return enough or any("災害種別" in name for name in present)

    def left(self) -> list[int]:
        return [
            place
            for place, name in enumerate(self._header)
            if place not in self._taken and name != "#property"
        ]
