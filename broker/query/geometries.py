"""Geometries on the sphere, so that the Python predicate and the database mean the same.

Like the database's, edges are arcs of great circles on a sphere of `EARTH_RADIUS` metres, and
altitudes are ignored. Topology is computed in the plane of longitude and latitude by shapely, after
long edges have been cut into short pieces of the arc; an edge that crosses the 180th meridian is
not joined up there.
"""

from __future__ import annotations

import json
import math
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from shapely import to_geojson
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from broker.query.ast import Geometry

EARTH_RADIUS = 6_378_100.0
"""Metres; what MongoDB takes for the equatorial radius."""

_LONGEST_PIECE = 0.25
_PLANE_ENOUGH = 1.0
_HALF_A_TURN = 180.0
_MARGIN = 1e-6
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, ShapelyError)

Vectors = np.ndarray[Any, np.dtype[np.float64]]


def indexable_geometry(geometry: dict[str, Any]) -> dict[str, Any] | None:
    """Return a GeoJSON geometry without altitudes if queries can use it, otherwise None.

    Refused is what the database cannot index: rings that cross themselves, repeated positions,
    positions off the sphere, edges of half a turn. Such a geometry can be stored and returned, but
    matches no geo-query.
    """
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    try:
        if kind == "Point":
            return {"type": "Point", "coordinates": _position(coordinates)}
        flat = {"type": kind, "coordinates": _without_altitude(coordinates)}
        return flat if _is_simple(shape(flat)) else None
    except _MALFORMED:
        return None


@lru_cache(maxsize=1024)
def with_margin(geometry: Geometry) -> dict[str, Any] | None:
    """Return a reference geometry with all that is some centimetres around it, as GeoJSON.

    None where longitude and latitude are no plane: around the 180th meridian and the poles.
    """
    planar = shape(_geojson(geometry))
    west, _, east, _ = planar.bounds
    if east - west > _HALF_A_TURN:
        return None
    wider = planar.buffer(_MARGIN, quad_segs=1, cap_style="square", join_style="mitre")
    return indexable_geometry(json.loads(to_geojson(wider)))


def is_drawable(geometry: Geometry) -> bool:
    """Return whether a reference geometry can be compared with."""
    return indexable_geometry(geojson(geometry)) is not None


@lru_cache(maxsize=1024)
def _geojson(geometry: Geometry) -> dict[str, Any]:
    return {"type": geometry.kind, "coordinates": _listed(geometry.coordinates)}


def geojson(geometry: Geometry) -> dict[str, Any]:
    """Return the GeoJSON object of a geometry."""
    return dict(_geojson(geometry))


def _listed(coordinates: Any) -> Any:
    if isinstance(coordinates[0], float):
        return list(coordinates[:2])
    return [_listed(member) for member in coordinates]


def _position(position: Any) -> list[float]:
    if type(position) is not list or len(position) < 2:
        raise ValueError("no position")
    longitude, latitude = position[:2]
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ValueError("not a position on the sphere")
    return [longitude, latitude]


def _without_altitude(coordinates: Any) -> Any:
    if not isinstance(coordinates[0], list):
        return _position(coordinates)
    return [_without_altitude(member) for member in coordinates]


def _is_simple(planar: BaseGeometry) -> bool:
    if planar.is_empty or not planar.is_valid:
        return False
    if planar.geom_type == "MultiPoint":
        return True
    if not all(_has_drawable_edges(line) for line in _lines(planar)):
        return False
    parts = planar.geoms if planar.geom_type == "MultiPolygon" else (planar,)
    return all(_is_simple_on_sphere(part) for part in parts if part.geom_type == "Polygon")


def _is_simple_on_sphere(polygon: BaseGeometry) -> bool:
    """Return whether no two edges cross as arcs; where edges are short the plane has said so."""
    rings = _lines(polygon)
    longest = max(float(np.max(np.abs(np.diff(ring, axis=0)))) for ring in rings)
    if longest <= _PLANE_ENOUGH:
        return True
    vectors = [unit_vectors(ring) for ring in rings]
    starts = np.concatenate([ring[:-1] for ring in vectors])
    ends = np.concatenate([ring[1:] for ring in vectors])
    return not any(
        _crosses(starts[edge], ends[edge], starts[edge + 1 :], ends[edge + 1 :])
        for edge in range(len(starts))
    )


def _crosses(start: Vectors, end: Vectors, starts: Vectors, ends: Vectors) -> bool:
    """Return whether an arc crosses one of some others in between their ends."""
    normal, normals = np.cross(start, end), np.cross(starts, ends)
    left, right = starts @ normal, ends @ normal
    before, after = normals @ start, normals @ end
    is_apart = np.ones(len(starts), dtype=bool)
    for own in (start, end):
        for theirs in (starts, ends):
            is_apart &= np.any(theirs != own, axis=1)
    crosses = (left * right < 0) & (left * after > 0) & (left * before < 0)
    return bool(np.any(crosses & is_apart))


def _has_drawable_edges(line: Vectors) -> bool:
    """Return whether no edge is empty and none spans half a turn."""
    if len(line) < 2:
        return True
    vectors = unit_vectors(line)
    cosines = np.einsum("ij,ij->i", vectors[:-1], vectors[1:])
    return bool(np.all(cosines > -1 + 1e-9)) and bool(np.all(np.any(line[:-1] != line[1:], axis=1)))


def _lines(planar: BaseGeometry) -> list[Vectors]:
    """Return the lines and rings a geometry is drawn with, as arrays of positions."""
    kind = planar.geom_type
    if kind == "Polygon":
        rings = [planar.exterior, *planar.interiors]
        return [np.asarray(ring.coords)[:, :2] for ring in rings]
    if hasattr(planar, "geoms"):
        return [line for part in planar.geoms for line in _lines(part)]
    return [np.asarray(planar.coords)[:, :2]]


def unit_vectors(positions: Vectors) -> Vectors:
    """Return positions (longitude, latitude in degrees) as vectors from the sphere's centre."""
    longitude, latitude = np.radians(positions[:, 0]), np.radians(positions[:, 1])
    return np.stack(
        (
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ),
        axis=1,
    )


class Figure:
    """A geometry prepared for comparison; `point` is given where it is a single position."""

    def __init__(self, geojson_geometry: dict[str, Any]) -> None:
        self._geojson = geojson_geometry
        self.point: tuple[float, float] | None = None
        if geojson_geometry["type"] == "Point":
            longitude, latitude = geojson_geometry["coordinates"]
            self.point = (longitude, latitude)

    @cached_property
    def planar(self) -> BaseGeometry:
        """The geometry in the plane of longitude and latitude, long edges following their arcs."""
        return shape({**self._geojson, "coordinates": _curved(self._geojson)})

    @cached_property
    def arcs(self) -> list[Vectors]:
        """The lines and rings it is drawn with, as vectors from the sphere's centre."""
        return [unit_vectors(line) for line in _lines(shape(self._geojson))]

    @property
    def corners(self) -> list[Figure]:
        """Its positions, each by itself."""
        positions = [position for line in _lines(shape(self._geojson)) for position in line]
        return [
            Figure({"type": "Point", "coordinates": [float(part) for part in position[:2]]})
            for position in positions
        ]


def figure_of(value: Any) -> Figure | None:
    """Return the figure of a GeoProperty's value, or None if queries cannot use it."""
    geometry = indexable_geometry(value) if isinstance(value, dict) else None
    return None if geometry is None else Figure(geometry)


@lru_cache(maxsize=1024)
def reference_figure(geometry: Geometry) -> Figure:
    """Return the figure of a query's reference geometry."""
    return Figure(geojson(geometry))


def distance(one: Figure, other: Figure) -> float:
    """Return the shortest distance between two figures in metres, 0 where they meet."""
    if one.point is not None and other.point is not None:
        return haversine(one.point, other.point)
    if one.planar.intersects(other.planar):
        return 0.0
    angle = min(_angle_from_vertices(one, other), _angle_from_vertices(other, one))
    return angle * EARTH_RADIUS


def haversine(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two positions (longitude, latitude in degrees) in metres."""
    longitude_1, latitude_1, longitude_2, latitude_2 = map(math.radians, (*one, *other))
    half = (
        math.sin((latitude_2 - latitude_1) / 2) ** 2
        + math.cos(latitude_1)
        * math.cos(latitude_2)
        * math.sin((longitude_2 - longitude_1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half)))


def _angle_from_vertices(one: Figure, other: Figure) -> float:
    """Return the smallest angle between a vertex of one figure and an arc of the other."""
    return min(
        _angle_to_line(vertex, line) for part in one.arcs for vertex in part for line in other.arcs
    )


def _angle_to_line(vertex: Vectors, line: Vectors) -> float:
    starts, ends = line[:-1], line[1:]
    nearest = float(np.min(_angles(vertex, line)))
    if len(starts) == 0:
        return nearest
    normals = np.cross(starts, ends)
    lengths = np.linalg.norm(normals, axis=1)
    is_arc = lengths > 0
    normals[is_arc] /= lengths[is_arc, None]
    # the foot of the perpendicular lies on the arc where the vertex is between the planes that
    # stand upright on it at its two ends
    is_between = (
        is_arc
        & (np.einsum("ij,j->i", np.cross(normals, starts), vertex) > 0)
        & (np.einsum("ij,j->i", np.cross(ends, normals), vertex) > 0)
    )
    if not np.any(is_between):
        return nearest
    sines = np.abs(normals[is_between] @ vertex)
    return min(nearest, float(np.min(np.arcsin(np.minimum(sines, 1.0)))))


def _angles(vertex: Vectors, others: Vectors) -> Vectors:
    """Return angles by the chord, which keeps its precision where they are small."""
    chords = np.linalg.norm(others - vertex, axis=1)
    angles: Vectors = 2 * np.arcsin(np.minimum(chords / 2, 1.0))
    return angles


def _curved(geometry: dict[str, Any]) -> Any:
    """Return the coordinates of a geometry with more positions on its long edges."""
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind in {"Point", "MultiPoint"}:
        return coordinates
    if kind == "LineString":
        return _along_arcs(coordinates)
    if kind in {"Polygon", "MultiLineString"}:
        return [_along_arcs(line) for line in coordinates]
    return [[_along_arcs(ring) for ring in polygon] for polygon in coordinates]


def _along_arcs(line: list[list[float]]) -> list[list[float]]:
    positions = [line[0]]
    for start, end in pairwise(line):
        width = abs(end[0] - start[0])
        count = int(max(width, abs(end[1] - start[1])) / _LONGEST_PIECE)
        if count > 0 and width <= 180:
            positions.extend(_between(start, end, count))
        positions.append(end)
    return positions


def _between(start: list[float], end: list[float], count: int) -> list[list[float]]:
    one, other = unit_vectors(np.array((start, end), dtype=float))
    angle = math.acos(max(-1.0, min(1.0, float(one @ other))))
    shares = np.linspace(0, 1, count + 2)[1:-1, None]
    vectors = (np.sin((1 - shares) * angle) * one + np.sin(shares * angle) * other) / math.sin(
        angle
    )
    latitude = np.degrees(np.arcsin(np.clip(vectors[:, 2], -1, 1)))
    longitude = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
    positions: list[list[float]] = np.stack((longitude, latitude), axis=1).tolist()
    return positions
