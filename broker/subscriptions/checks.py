"""Checks of single JSON values: each returns the value or raises BadRequestData with its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from broker.model.errors import BadRequestData
from broker.model.names import is_uri
from broker.query.patterns import check_pattern

Place: TypeAlias = tuple[str | int, ...]


def refuse(place: Place, problem: str) -> BadRequestData:
    """Return the error that says what is wrong with a member."""
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
    subject = f"'{place[-1]}'" if place and isinstance(place[-1], str) else "the element"
    if not place:
        subject = "the subscription"
    return BadRequestData(f"{subject} {problem}", pointer=pointer or None)


def object_of(value: Any, place: Place) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise refuse(place, f"has to be a JSON object, not {_shown(value)}")
    return value


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


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
