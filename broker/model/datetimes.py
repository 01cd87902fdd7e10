"""Date-times as clients write them (clause 4.6.3), in the one form that compares as text."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:[.,](\d{1,6}))?Z", re.ASCII
)
_TIME = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:[.,](\d{1,6}))?Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LONGEST = len("2026-01-31T09:30:00.000000Z")
_TYPED_TIMES = frozenset(
    prefix + name
    for prefix in ("", "https://uri.etsi.org/ngsi-ld/", "http://www.w3.org/2001/XMLSchema#", "xsd:")
    for name in ("DateTime", "Date", "dateTime", "date")
)


def canonical_time(text: str) -> str | None:
    """Return a DateTime of clause 4.6.3 as `YYYY-MM-DDThh:mm:ss.ffffffZ`, or None if it is none.

    Refused are reduced forms, offsets other than `Z`, more than six fractional digits and days the
    calendar does not have. A decimal comma is accepted, as the clause demands of requests.
    """
    return _canonical(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    match = _DATE_TIME.fullmatch(text)
    if match is None or not _is_day(match[1]):
        return None
    return f"{match[1]}T{match[2]}.{match[3] or '':0<6}Z"


def is_date(text: str) -> bool:
    """Return whether the text is a Date of clause 4.6.3 (`YYYY-MM-DD`, a real day)."""
    return _DATE.fullmatch(text) is not None and _is_day(text)


def canonical_time_of_day(text: str) -> str | None:
    """Return a Time of clause 4.6.3 as `hh:mm:ss.ffffffZ`, or None if it is none."""
    match = _TIME.fullmatch(text)
    return None if match is None else f"{match[1]}.{match[2] or '':0<6}Z"


def comparable_time(value: Any) -> str | list[str] | None:
    """Return what a query compares when it compares an attribute's value in time, or None.

    A DateTime gives its canonical form, a Date the midnight (UTC) it begins with; both also as a
    JSON-LD typed value (`{"@type": "DateTime", "@value": …}`). An array gives the list of what its
    elements give, None if none of them is a time.
    """
    if isinstance(value, str):
        return comparable_text(value)
    if isinstance(value, dict):
        typed = value.get("@value")
        return (
            comparable_text(typed)
            if isinstance(typed, str) and value.get("@type") in _TYPED_TIMES
            else None
        )
    if isinstance(value, list):
        times = [time for element in value if isinstance(time := comparable_time(element), str)]
        return times or None
    return None


def comparable_text(text: str) -> str | None:
    """Return what a query compares when it compares a text in time: see `comparable_time`."""
    # most texts are no times: the length and one character tell, without the regular expression
    if not 10 <= len(text) <= 27 or text[4] != "-":
        return None
    if len(text) == 10:
        return f"{text}T00:00:00.000000Z" if is_date(text) else None
    return canonical_time(text)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
