"""GeoJSON geometries (RFC 7946) as far as NGSI-LD has them: all but GeometryCollection (4.7.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias


class GeometryFlaw(NamedTuple):
    """What is wrong with a geometry, and the keys that lead to the place inside it."""

    reason: str
    place: tuple[str | int, ...]


_Check: TypeAlias = Callable[[Any, tuple[str | int, ...]], GeometryFlaw | None]


def decoded(value: Any) -> Any:
    """Return a geometry that was given as a JSON text (clause 4.7.2) as what the text says."""
    if type(value) is str:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def geometry_flaw(value: Any) -> GeometryFlaw | None:
    """Return what keeps a JSON value from being a geometry, or None if it is one.

    Checked are the type, the nesting of the coordinates, the number of positions, that rings are
    closed, and that longitudes and latitudes are within their ranges.
    """
    if type(value) is not dict:
        return GeometryFlaw("a GeoJSON geometry is an object with 'type' and 'coordinates'", ())
    check = _CHECKS.get(value["type"]) if type(value.get("type")) is str else None
    if check is None:
        known = ", ".join(_CHECKS)
        return GeometryFlaw(f"a GeoJSON geometry has one of the types {known}", ("type",))
    if "coordinates" not in value:
        return GeometryFlaw("the member 'coordinates' is missing", ())
    return check(value["coordinates"], ("coordinates",))


def looks_like_geometry(value: Any) -> bool:
    """Return whether a concise value is to be read as a geometry (clause 4.7.3)."""
    return type(value) is dict and "coordinates" in value and is_geometry_type(value.get("type"))


def is_geometry_type(name: Any) -> bool:
    """Return whether a name is the type of a GeoJSON geometry, supported here or not."""
    return type(name) is str and (name in _CHECKS or name == "GeometryCollection")


def _position(value: Any, place: tuple[str | int, ...]) -> GeometryFlaw | None:
    if type(value) is not list or len(value) < 2:
        return GeometryFlaw("a position is an array [longitude, latitude]", place)
    for number in value:
        if type(number) is not float and type(number) is not int:
            return GeometryFlaw("the coordinates of a position are numbers", place)
    if not -180 <= value[0] <= 180:
        return GeometryFlaw(f"the longitude {value[0]} is not within -180 and 180", (*place, 0))
    if not -90 <= value[1] <= 90:
        reason = f"the latitude {value[1]} is not within -90 and 90 (longitude comes first)"
        return GeometryFlaw(reason, (*place, 1))
    return None


def _many(check: _Check, least: int, what: str) -> _Check:
    def check_all(value: Any, place: tuple[str | int, ...]) -> GeometryFlaw | None:
        if type(value) is not list or len(value) < least:
            return GeometryFlaw(f"expected an array of at least {least} {what}", place)
        for index, item in enumerate(value):
            flaw = check(item, (*place, index))
            if flaw is not None:
                return flaw
        return None

    return check_all


def _ring(value: Any, place: tuple[str | int, ...]) -> GeometryFlaw | None:
    flaw = _ring_positions(value, place)
    if flaw is None and value[0] != value[-1]:
        reason = "a ring is closed: its last position repeats the first"
        return GeometryFlaw(reason, (*place, len(value) - 1))
    return flaw


_line: _Check = _many(_position, 2, "positions")
_ring_positions: _Check = _many(_position, 4, "positions")
_polygon: _Check = _many(_ring, 1, "ring")
_CHECKS: Mapping[str, _Check] = {
    "Point": _position,
    "MultiPoint": _many(_position, 1, "position"),
    "LineString": _line,
    "MultiLineString": _many(_line, 1, "line"),
    "Polygon": _polygon,
    "MultiPolygon": _many(_polygon, 1, "polygon"),
}
