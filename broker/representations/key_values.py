"""Arrays of key and value: what to tell those who are contacted (clauses 5.2.22, 6.3.8, 6.3.19)."""

from __future__ import annotations

import re
from typing import Any

from broker.representations.checks import (
    Place,
    non_empty_list,
    non_empty_text,
    object_of,
    refuse,
    text,
)

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def key_value_pairs(value: Any, place: Place) -> list[dict[str, str]]:
    """Return an array of KeyValuePair; it may be empty."""
    pairs = [] if value == [] else non_empty_list(value, place)
    return [_pair(pair, (*place, index)) for index, pair in enumerate(pairs)]


def _pair(value: Any, place: Place) -> dict[str, str]:
    members = object_of(value, place)
    for name in ("key", "value"):
        if name not in members:
            raise refuse((*place, name), "is missing; a pair has a 'key' and a 'value'")
    return {
        "key": non_empty_text(members["key"], (*place, "key")),
        "value": text(members["value"], (*place, "value")),
    }


def check_header_pairs(pairs: list[dict[str, str]], place: Place) -> None:
    """Raise BadRequestData for a pair that cannot be sent as an HTTP header (RFC 7230)."""
    for index, pair in enumerate(pairs):
        where = (*place, index)
        if not _TOKEN.fullmatch(pair["key"]):
            raise refuse((*where, "key"), f"is {pair['key']!r}, not the name of an HTTP header")
        if not _LINE.fullmatch(pair["value"]):
            raise refuse((*where, "value"), "cannot be the value of an HTTP header")
