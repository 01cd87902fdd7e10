"""URI parameters: read once, typed, and refused when the operation does not know them (6.3.20)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from multidict import MultiMapping

from broker.model.errors import BadRequestData, InvalidRequest

_COUNT = "count"
_TRUE = frozenset({"true"})
_FALSE = frozenset({"false"})
_OPTIONS = frozenset({"sysAttrs", "keyValues", "concise", "simplified"})
"""Values of `options` that clients take for parameters of their own."""
_SPACE_FOR_LEVEL = re.compile(r"(?<=/) (?=[/;|,)]|$)")


class Parameters:
    """The URI parameters of one request.

    Raises InvalidRequest for a name the operation does not know, a name given twice, and a value
    that is none of those allowed; the reading methods also BadRequestData for a value that cannot
    be read.
    """

    def __init__(self, given: MultiMapping[str], known: Collection[str]) -> None:
        self._given = given
        self._known = known
        for name in given:
            if name not in known:
                raise InvalidRequest(_unknown("URI parameter", name, known))
            if len(given.getall(name)) > 1:
                raise InvalidRequest(
                    f"the URI parameter '{name}' is given more than once; "
                    "separate several values by commas"
                )

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def has_any(self, names: frozenset[str]) -> bool:
        """Return whether one of some parameters is given."""
        return not names.isdisjoint(self._given)

    def text(self, name: str) -> str | None:
        """Return a parameter as it is; an empty one is an error."""
        value = self._given.get(name)
        if value is not None and not value.strip():
            raise BadRequestData(
                f"the URI parameter '{name}' is empty; leave it out or give it a value"
            )
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """Return a comma-separated list, () if the parameter is absent."""
        value = self.text(name)
        if value is None:
            return ()
        parts = tuple(part.strip() for part in value.split(","))
        if not all(parts):
            raise BadRequestData(
                f"the URI parameter '{name}' has an empty element; write a,b,c without gaps"
            )
        return parts

    @property
    def scope_query(self) -> str | None:
        """The `scopeQ`: a level that is a space was the '+' of a client that did not encode it."""
        text = self.text("scopeQ")
        return None if text is None else _SPACE_FOR_LEVEL.sub("+", text)

    def flag(self, name: str) -> bool:
        """Return a Boolean, False if the parameter is absent."""
        value = self._given.get(name)
        if value is None or value in _FALSE:
            return False
        if value in _TRUE:
            return True
        raise InvalidRequest(f"the URI parameter '{name}' is true or false, not {value!r}")

    @property
    def asks_for_count(self) -> bool:
        """Whether the number of results is asked for (6.3.13).

        Clients that grew up with NGSIv2 say `options=count`.
        """
        return self.flag("count") or _COUNT in self.names("options")

    def integer(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number within limits, None if the parameter is absent."""
        value = self._given.get(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit():
            raise BadRequestData(f"the URI parameter '{name}' is a whole number, not {value!r}")
        number = int(value[:19])
        if number < least:
            raise BadRequestData(f"the URI parameter '{name}' is at least {least}, not {value}")
        if number > most:
            raise BadRequestData(f"the URI parameter '{name}' is at most {most} here, not {value}")
        return number

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return one of the allowed values, None if the parameter is absent."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise InvalidRequest(
                f"the URI parameter '{name}' is one of {', '.join(sorted(allowed))}, not {value!r}"
            )
        return value

    def options(self, allowed: Collection[str]) -> frozenset[str]:
        """Return the values of `options` (6.3.20 refuses those the operation does not have)."""
        given = frozenset(self.names("options"))
        if _COUNT in self._known:
            given -= {_COUNT}
        for value in given:
            if value not in allowed:
                raise InvalidRequest(_unknown("value of 'options'", value, allowed))
        return given


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    if name in _OPTIONS and "options" in known:
        return f"unknown {kind} '{name}'; it is a value of 'options': options={name}"
    nearest = difflib.get_close_matches(name, known, n=1)
    if nearest:
        return f"unknown {kind} '{name}'; did you mean '{nearest[0]}'?"
    return f"unknown {kind} '{name}'; this operation takes: {', '.join(sorted(known)) or 'none'}"


SELECTION = frozenset({"limit", "offset", "count", "local", "options", "format", "cursor"})
LINKED_ENTITIES = frozenset({"join", "joinLevel", "containedBy"})
ENTITY_REPRESENTATION = frozenset({"options", "format", "lang", "pick", "omit", "geometryProperty"})
FILTERS = frozenset(
    {
        "id", "idPattern", "type", "attrs", "q", "csf", "scopeQ", "expandValues", "jsonKeys",
        "georel", "geometry", "coordinates", "geoproperty",
    }
)  # fmt: skip
REGISTRATIONS = (
    FILTERS - {"expandValues", "jsonKeys"}
    | frozenset({"limit", "offset", "count", "options", "lang", "pick", "omit", "datasetId"})
    | {"geometryProperty", "timerel", "timeAt", "endTimeAt", "timeproperty"}
)
"""Parameters of Query Context Source Registrations (Table 6.8.3.2-1), and of its pages."""
PURGE = FILTERS | {"keep", "drop", "local", "geometryProperty", "dryRun"}
"""Parameters of Purge Entities (Table 6.4.3.3-1), and `dryRun`, which is beyond the standard."""
QUERY = (
    SELECTION
    | LINKED_ENTITIES
    | ENTITY_REPRESENTATION
    | FILTERS
    | frozenset(
        {
            "collation", "datasetId", "entityMap", "entityMapLifetime", "orderBy", "orderFrom",
            "orderGeometry", "splitEntities",
        }
    )
)  # fmt: skip
"""Parameters of Query Entities (Table 6.4.3.2-1), and `cursor`, which only `next` links carry."""
