"""Checks of single JSON values: each returns the value or raises BadRequestData with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from broker.model.datetimes import canonical_time
from broker.model.errors import BadRequestData
from broker.model.names import is_uri
from broker.model.terms import Terms
from broker.query.patterns import check_pattern

Place: TypeAlias = tuple[str | int, ...]

_KEYWORDS: Mapping[str, str] = {"@id": "id", "@type": "type"}
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")
_DURATION = re.compile(
    r"P(?=[0-9T])(?:[0-9]+W|(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?"
    r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:[.,][0-9]+)?S)?)?)",
    re.ASCII,
)


def refuse(place: Place, problem: str) -> BadRequestData:
    """Return the error that says what is wrong with a member."""
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
    subject = f"'{place[-1]}'" if place and isinstance(place[-1], str) else "the element"
    if not place:
        subject = "the body"
    return BadRequestData(f"{subject} {problem}", pointer=pointer or None)


def object_of(value: Any, place: Place) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise refuse(place, f"has to be a JSON object, not {_shown(value)}")
    return value


def node_of(value: Any, place: Place) -> Mapping[str, Any]:
    """Return a JSON object whose `@id` and `@type` are called `id` and `type` (clause 4.4)."""
    members = object_of(value, place)
    if members.keys().isdisjoint(_KEYWORDS):
        return members
    for keyword, name in _KEYWORDS.items():
        if keyword in members and name in members:
            raise refuse((*place, name), f"and {keyword!r} are the same member; give one")
    return {_KEYWORDS.get(name, name): member for name, member in members.items()}


def with_current_names(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a subscription or registration whose `expires` is called `expiresAt`.

    It was called so before version 1.3, and clients still write it. Passed over, it would have
    what was to end go on for ever. Raises BadRequestData where both are given.
    """
    if "expires" not in members:
        return members
    if "expiresAt" in members:
        raise refuse(("expires",), "and 'expiresAt' are the same member; give one")
    return {"expiresAt" if name == "expires" else name: members[name] for name in members}


def text(value: Any, place: Place) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise refuse(place, f"has to be a string, not {_shown(value)}")
    return value


def non_empty_text(value: Any, place: Place) -> str:
    """Return a string that is not blank."""
    if not text(value, place).strip():
        raise refuse(place, "is empty")
    return str(value)


def uri(value: Any, place: Place) -> str:
    """Return a URI."""
    if not is_uri(value):
        raise refuse(place, f"is {_shown(value)}, not a URI such as urn:ngsi-ld:Thing:1")
    return str(value)


def url(value: Any, place: Place, schemes: Collection[str]) -> str:
    """Return a URL with a host and one of the schemes."""
    given = non_empty_text(value, place)
    try:
        parts = urlsplit(given)
        _ = parts.port
    except ValueError as error:
        raise refuse(place, f"is {given!r}, not a URL: {error}") from error
    if parts.scheme.lower() not in schemes:
        raise refuse(place, f"is {given!r}; it has to begin with one of {', '.join(schemes)}")
    if not parts.hostname or any(character.isspace() for character in given):
        raise refuse(place, f"is {given!r}, not a URL with a host")
    return given


def boolean(value: Any, place: Place) -> bool:
    """Return a Boolean."""
    if not isinstance(value, bool):
        raise refuse(place, f"has to be true or false, not {_shown(value)}")
    return value


def positive_number(value: Any, place: Place) -> float:
    """Return a number greater than 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise refuse(place, f"has to be a number greater than 0, not {_shown(value)}")
    return value


def positive_integer(value: Any, place: Place) -> int:
    """Return a whole number greater than 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise refuse(place, f"has to be a whole number greater than 0, not {_shown(value)}")
    return value


def choice(value: Any, place: Place, allowed: Collection[str]) -> str:
    """Return one of the allowed texts."""
    if value not in allowed:
        raise refuse(place, f"is {_shown(value)}; it is one of {', '.join(allowed)}")
    return str(value)


def non_empty_list(value: Any, place: Place) -> list[Any]:
    """Return an array with at least one element."""
    if not isinstance(value, list):
        raise refuse(place, f"has to be an array, not {_shown(value)}")
    if not value:
        raise refuse(place, "is empty; leave it out instead")
    return value


def regular_expression(value: Any, place: Place) -> str:
    """Return a regular expression the broker can evaluate."""
    pattern = non_empty_text(value, place)
    try:
        check_pattern(pattern, parameter=str(place[-1]))
    except BadRequestData as error:
        raise refuse(place, error.detail) from error
    return pattern


def date_time(value: Any, place: Place) -> str:
    """Return a DateTime as it was given, but for a decimal comma: only requests have it (4.6.3)."""
    if not isinstance(value, str) or canonical_time(value) is None:
        raise refuse(place, f"is {_shown(value)}, not a DateTime such as 2027-01-01T00:00:00Z")
    return value.replace(",", ".")


def duration(value: Any, place: Place) -> str:
    """Return a duration in the format of ISO 8601."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise refuse(place, f"is {_shown(value)}, not a duration such as PT5M")
    return value


def version_number(value: Any, place: Place) -> str:
    """Return a version of the standard, major.minor."""
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise refuse(place, f"is {_shown(value)}, not a version such as 1.6")
    return value


def dataset_ids(value: Any, place: Place) -> list[str]:
    """Return an array of datasetIds; `@none` stands for the default instance."""
    given = non_empty_list(value, place)
    for index, item in enumerate(given):
        if item != "@none" and not is_uri(item):
            raise refuse((*place, index), f'is {_shown(item)}, neither a URI nor "@none"')
    return given


def attribute_name(value: Any, place: Place) -> str:
    """Return what can be the name of an attribute."""
    given = non_empty_text(value, place)
    if any(character in given for character in " \t\r\n{}()<>\"'|,;"):
        raise refuse(place, f"is {given!r}, not the name of an attribute")
    return given


def attribute_names(value: Any, place: Place, terms: Terms) -> list[str]:
    """Return an array of names of attributes, expanded."""
    given = non_empty_list(value, place)
    return [terms.expand(attribute_name(item, (*place, index))) for index, item in enumerate(given)]


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
