"""How long a fetched @context may be used without asking again (clause 6.3.16, RFC 9111)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

SHORTEST: Final = timedelta(minutes=1)
"""Not even `max-age=0` makes the broker ask more often than this."""
LONGEST: Final = timedelta(days=30)
_HEURISTIC_LIMITS: Final = (timedelta(hours=1), timedelta(days=7))

_AGE: Final = re.compile(r"\b(s-maxage|max-age)\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_NEVER_KEEP: Final = re.compile(r"\bno-(store|cache)\b", re.IGNORECASE)


def lifetime(headers: Mapping[str, str], now: datetime, assumed: timedelta) -> timedelta:
    """Return the lifetime of an answer, `assumed` if it says nothing from which to derive one.

    Names of `headers` are in lower case.
    """
    return min(max(_lifetime(headers, now, assumed), SHORTEST), LONGEST)


def _lifetime(headers: Mapping[str, str], now: datetime, assumed: timedelta) -> timedelta:
    control = headers.get("cache-control", "")
    ages = {name.lower(): int(seconds) for name, seconds in _AGE.findall(control)}
    if _NEVER_KEEP.search(control):
        return SHORTEST
    if ages:
        stated = ages.get("s-maxage", ages.get("max-age", 0))
        return timedelta(seconds=stated) - _age(headers)
    answered = _date(headers.get("date")) or now
    if "expires" in headers:
        expires = _date(headers["expires"])
        return expires - answered if expires else SHORTEST
    modified = _date(headers.get("last-modified"))
    if modified is None:
        return assumed
    least, most = _HEURISTIC_LIMITS
    return min(max((answered - modified) / 10, least), most)


def _age(headers: Mapping[str, str]) -> timedelta:
    text = headers.get("age", "")
    return timedelta(seconds=int(text)) if text.isdigit() and len(text) < 10 else timedelta()


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
