"""Which geometries MongoDB can index.

An index on a geometry MongoDB refuses (a ring that crosses itself, repeated points, a longitude of
181 degrees) would refuse the whole write. Such a geometry is legal in NGSI-LD, so it is stored and
returned, only not put under the index.
"""

from __future__ import annotations

from typing import Any

from shapely import is_valid
from shapely.geometry import shape


def indexable_geometry(geometry: dict[str, Any]) -> dict[str, Any] | None:
    """Return the geometry as the 2dsphere index takes it, or None if it cannot be indexed."""
    kind = geometry.get("type")
    coordinates = geometry.get("coordinates")
    if kind == "Point":
        if not _is_position(coordinates):
            return None
        return {"type": "Point", "coordinates": coordinates[:2]}  # type: ignore[index]
    try:
        flat = _without_altitude(coordinates)
        if not is_valid(shape({"type": kind, "coordinates": flat})):
            return None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return {"type": kind, "coordinates": flat}


def _is_position(position: Any) -> bool:
    return (
        isinstance(position, list)
        and len(position) >= 2
        and -180 <= position[0] <= 180
        and -90 <= position[1] <= 90
    )


def _without_altitude(coordinates: Any) -> Any:
    if not isinstance(coordinates[0], list):
        if not _is_position(coordinates):
            raise ValueError("not a position on the sphere")
        return coordinates[:2]
    return [_without_altitude(member) for member in coordinates]
