"""Positions: decimal degrees in two cells or one, or degrees, minutes and seconds."""

import re
from dataclasses import dataclass
from typing import Final

from adapters.csv.values.reading import NOT_STATED_MARKS, NOTHING, Reading, unreadable
from adapters.csv.values.text import folded

Bounds = tuple[float, float, float, float]
"""South, north, west, east in degrees."""

JAPAN: Final[Bounds] = (20.0, 46.0, 122.0, 154.0)
WORLD: Final[Bounds] = (-90.0, 90.0, -180.0, 180.0)
_DECIMALS: Final = 8

_DECIMAL: Final = re.compile(r"(?:[NE]|北緯|東経)?\s*([-+]?\d{1,3}(?:\.\d+)?)\s*(?:°|度)?")
_DMS: Final = re.compile(
    r"(?:[NE]|北緯|東経)?\s*(\d{1,3})\s*[°度]\s*(\d{1,2})\s*['′分]\s*"
    r"(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|″|''|′′|秒)?)?\s*[NE]?"
)
_DMS_PLAIN: Final = re.compile(r"(\d{2,3})([-.:\s])(\d{1,2})\2(\d{1,2}(?:\.\d+)?)")
_LONG_FIGURE: Final = re.compile(r"[-+]?\d{4,}(?:\.\d+)?")
_FIGURES_OF_ANOTHER_KIND: Final = (
    ", not metres of a plane or Mercator projection, nor degrees, minutes and seconds without marks"
)
_AS_DECIMAL: Final = "degrees, minutes, seconds written as decimal degrees"


@dataclass(frozen=True, slots=True)
class PositionRules:
    """Where positions may lie and whether an exchanged pair may be put right."""

    bounds: Bounds = JAPAN
    swap_allowed: bool = False


def read_position(latitude: str, longitude: str, rules: PositionRules) -> Reading:
    """`[longitude, latitude]` in degrees from two cells."""
    decimal = _decimal(latitude)
    north = _degrees(latitude) if decimal is None else decimal
    east = _degrees(longitude)
    if north is None and east is None:
        return NOTHING
    if isinstance(north, str) or isinstance(east, str):
        words = str(north if isinstance(north, str) else east)
        no_degrees = _FIGURES_OF_ANOTHER_KIND if _LONG_FIGURE.fullmatch(words) else ""
        return unreadable(
            f"{words!r} is not a position", f"write decimal degrees such as 35.6812{no_degrees}"
        )
    if north is None or east is None:
        lacking = "latitude" if north is None else "longitude"
        return unreadable(f"the {lacking} is missing", "give both latitude and longitude")
    placed = _placed(north, east, rules)
    if placed.value is None or placed.repair or decimal is not None:
        return placed
    return Reading(placed.value, repair=_AS_DECIMAL)


def read_joined_position(text: str, rules: PositionRules) -> Reading:
    """`[longitude, latitude]` from one cell `latitude,longitude`; a lone comma states nothing."""
    parts = [part for part in re.split(r"[,、\s/]+", folded(text)) if part]
    if not parts or all(part in NOT_STATED_MARKS for part in parts):
        return NOTHING
    if len(parts) != 2:
        return unreadable(
            f"{folded(text)[:40]!r} is not a pair of figures",
            "write latitude,longitude in decimal degrees",
        )
    return read_position(parts[0], parts[1], rules)


def read_dms_position(cells: list[str], rules: PositionRules) -> Reading:
    """`[longitude, latitude]` from six cells: degrees, minutes, seconds north, then east."""
    plain = [folded(cell) for cell in cells]
    if all(not cell or cell in NOT_STATED_MARKS for cell in plain):
        return NOTHING
    try:
        figures = [float(cell) for cell in plain]
    except ValueError:
        return unreadable(
            "degrees, minutes or seconds are missing", "fill all six columns with figures"
        )
    if any(not 0 <= figure < 60 for figure in (*figures[1:3], *figures[4:6])):
        return unreadable("minutes and seconds run from 0 to 59", "correct the six columns")
    north, east = (d + m / 60 + s / 3600 for d, m, s in (figures[:3], figures[3:]))
    placed = _placed(north, east, rules)
    if placed.value is None:
        return placed
    return Reading(placed.value, repair=placed.repair or _AS_DECIMAL)


def _decimal(cell: str) -> float | None:
    found = _DECIMAL.fullmatch(folded(cell))
    return None if found is None else float(found[1])


def _degrees(cell: str) -> float | str | None:
    """Degrees however they are written, the text if it is none, None if nothing is stated."""
    decimal = _decimal(cell)
    if decimal is not None:
        return decimal
    plain = folded(cell)
    if not plain or plain in NOT_STATED_MARKS:
        return None
    if found := _DMS.fullmatch(plain):
        return _of_sixtieths(found[1], found[2], found[3] or "0") or plain[:40]
    if found := _DMS_PLAIN.fullmatch(plain):
        return _of_sixtieths(found[1], found[3], found[4]) or plain[:40]
    return plain[:40]


def _of_sixtieths(degrees: str, minutes: str, seconds: str) -> float | None:
    """Decimal degrees; None where minutes or seconds are more than 59."""
    if int(minutes) >= 60 or float(seconds) >= 60:
        return None
    return int(degrees) + int(minutes) / 60 + float(seconds) / 3600


def _placed(north: float, east: float, rules: PositionRules) -> Reading:
    if north == 0 and east == 0:
        return unreadable(
            "0, 0 is not a place in Japan", "leave both cells empty when the position is unknown"
        )
    if _inside(north, east, rules.bounds):
        return Reading([round(east, _DECIMALS), round(north, _DECIMALS)])
    if _inside(east, north, rules.bounds):
        if rules.swap_allowed:
            repair = "latitude and longitude were exchanged and have been put right"
            return Reading([round(north, _DECIMALS), round(east, _DECIMALS)], repair=repair)
        return unreadable(
            "latitude and longitude are exchanged",
            "exchange the columns, or allow the correction with swap_allowed = true in the mapping",
        )
    return unreadable(
        f"{north}, {east} lies outside the permitted area",
        "give decimal degrees of JGD2011/WGS 84, not plane or Mercator coordinates",
    )


def _inside(north: float, east: float, bounds: Bounds) -> bool:
    return bounds[0] <= north <= bounds[1] and bounds[2] <= east <= bounds[3]
