"""Layouts: which columns of a file mean what.

A layout names an entity type, the attributes it knows with the headers under which they occur in
the three generations of data sets and in files of single cities, how each is read, what identifies
a row, and by which columns the layout is recognised.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = frozenset(
    (
        "text",
        "kana",
        "url",
        "urls",
        "number",
        "integer",
        "flag",
        "date",
        "datetime",
        "time",
        "timerange",
        "weekdays",
        "phone",
        "postal",
        "corporate",
        "code",
        "figures",
        "list",
        "capacity",
        "latitude",
        "longitude",
        "position",
        "dms",
        "pictures",
        "marks",
        "recurrence",
        "rest",
        "records",
    )
)
"""How a cell, or several, become one attribute; `docs/import.md` describes each."""


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute: where its cells come from and how they are read.

    `headers` are normal header names in order of preference; `pattern` matches header names
    instead, and its group `observedAt` holds the time of observation. `columns` gives, for the
    kind `marks`, the headers of each member of the array. `called` is the usual header, as written
    in the standard, for messages. `length` is how many `figures` each code has, 0 if they differ.
    """

    attribute: str
    kind: str = "text"
    headers: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    unit: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    blank: str = "unstated"
    separators: str = ";；、，,\n"
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unclear: str | None = None
    fill_down: bool = False
    also: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    called: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What identifies a row: a stated id, else the key attributes, else also the tie-breakers."""

    stated: tuple[str, ...] = ("identifier",)
    key: tuple[str, ...] = ("name", "fullAddress")
    tiebreak: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Which attributes are observations, and the attribute that holds their time."""

    at: str
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """A known arrangement of columns and the entity type it describes.

    `types` chooses the type of a row by the words of an attribute, and no other words will do;
    `type_patterns` chooses it where a text matches, and other rows have the layout's own type.
    A layout that is `general` has columns many data sets share: it gives way to one that the name
    of the file tells. Words of `unless` in a header or the name of the file tell of other things
    that have the columns of the layout.
    """

    name: str
    type: str
    title: str
    columns: Mapping[str, Column]
    identity: Identity
    required: tuple[str, ...] = ()
    recognised_by: tuple[frozenset[str], ...] = ()
    slugs: tuple[str, ...] = ()
    decisive: tuple[str, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    observed: Observation | None = None
    group: str | None = None
    publisher: str | None = None
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    type_patterns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_general: bool = False
    unless: tuple[str, ...] = ()
    position: Mapping[str, Any] = field(default_factory=dict)

    def entity_types(self) -> frozenset[str]:
        """Every entity type that rows of this layout may become."""
        chosen = (*self.types.values(), *self.type_patterns.values())
        return frozenset((self.type, *(one for values in chosen for one in values.values())))
