"""Times as devices write them, brought to UTC.

`from_iso` takes ISO 8601 only (what IoT Agent payloads allow), `from_any` also epoch numbers and
the local forms seen in the field. Both answer `None` for what is no time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d(:\d\d(:\d\d([.,]\d+)?)?)?\s*(Z|z|[+-]\d\d(:?\d\d)?)?)?"
    r"|\d{8}T\d{4}(\d\d([.,]\d+)?)?(Z|z|[+-]\d\d(:?\d\d)?)?"
)
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d\d[1-9]|\.\d{5}[1-9])?Z")
"""What `write` gives: such a time is returned as it is."""

_SLASHES = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))?)?")
_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")


def write(moment: datetime) -> str:
    """Return a moment in UTC with Z; a fraction (of 3 or 6 digits) only where there is one."""
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond == 0:
        return text + "Z"
    if moment.microsecond % 1000 == 0:
        return f"{text}.{moment.microsecond // 1000:03d}Z"
    return f"{text}.{moment.microsecond:06d}Z"


def from_iso(value: Any, zone: tzinfo = UTC) -> str | None:
    """Read an ISO 8601 time; without an offset it is a local time of `zone`."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _WRITTEN.fullmatch(text):
        return _checked(text)
    if _ISO.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(",", ".").replace(" +", "+").upper())
    except ValueError:
        return None
    return _in_range(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _checked(text: str) -> str | None:
    """Return a time that is in our own form already, if it is one."""
    try:
        return text if EARLIEST <= datetime.fromisoformat(text) < LATEST else None
    except ValueError:
        return None


def from_any(value: Any, zone: tzinfo = UTC) -> str | None:
    """Read a time in ISO 8601, with slashes, or as an epoch in s, ms, µs or ns."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return from_epoch(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return from_epoch(float(text) if "." in text else int(text))
    return from_iso(text, zone) or _from_slashes(text, zone)


def from_epoch(number: float) -> str | None:
    """Read an epoch; the size of the number tells seconds from ms, µs and ns."""
    microseconds = number * 1_000_000
    for limit, factor in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):
        if abs(number) < limit:
            microseconds = number * factor
            break
    else:
        microseconds = number / 1_000
    try:
        return _in_range(EPOCH + timedelta(microseconds=round(microseconds)))
    except (OverflowError, ValueError):
        return None


def _from_slashes(text: str, zone: tzinfo) -> str | None:
    match = _SLASHES.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = match.groups(default="0")
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=zone)
        return _in_range(moment + timedelta(seconds=float(second)))
    except (ValueError, OverflowError):
        return None


def _in_range(moment: datetime) -> str | None:
    try:
        return write(moment) if EARLIEST <= moment < LATEST else None
    except OverflowError:
        return None
