"""Durations of ISO 8601, as clients suggest lifetimes (clauses 5.2.23, 5.2.41)."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"P(?!$)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?",
    re.ASCII,
)
_DAY = 86_400.0
_SECONDS = (365 * _DAY, 30 * _DAY, 7 * _DAY, _DAY, 3600.0, 60.0, 1.0)


def seconds_of_duration(text: str) -> float | None:
    """Return the seconds of a duration such as `PT1H30M` or `P7D`, None if the text is none.

    A year counts as 365 days and a month as 30: what is suggested need not be kept exactly.
    """
    match = _DURATION.fullmatch(text[:100])
    if match is None:
        return None
    parts = zip(match.groups(), _SECONDS, strict=True)
    return sum(float(part.replace(",", ".")) * unit for part, unit in parts if part)
