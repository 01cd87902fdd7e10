"""Geo-queries as filters (clause 4.10).

A geo-query gets two filters. `candidates` finds every match and possibly more, by an index where
there is one; Python has the last word (`broker.query.spatial`), because the database decides
neither containment by, equality with nor overlap of a geometry, and areas that share no more than
their border are apart to it: it is asked for what meets the reference with a margin.
`certain` finds matches only, so that counting need not look at each; None where there is no such
filter, and `is_exact` where the candidates are the matches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from broker.query.ast import GeoQuery
from broker.query.geometries import (
    EARTH_RADIUS,
    Figure,
    Vectors,
    geojson,
    reference_figure,
    with_margin,
)
from broker.storage.mongo.documents import escape
from broker.storage.mongo.filters_values import Filter, per_instance

_CORNERS = 16
_WIDEST_CAP = math.radians(45)
_AREAS = frozenset({"Polygon", "MultiPolygon"})
_OTHER_THAN_POINTS = ("MultiPoint", "LineString", "MultiLineString", *sorted(_AREAS))


@dataclass(frozen=True, slots=True)
class GeoFilter:
    """The two filters of a geo-query."""

    candidates: Filter
    certain: Filter | None = None
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class _Cap:
    """A part of the sphere: what is within `radius` (an angle) of `centre` (a unit vector)."""

    centre: Vectors
    radius: float


def path_of_geometry(attribute: str) -> str:
    """Return the stored path the geometries of an attribute are indexed under."""
    return f"a.{escape(attribute)}.~g"


def geo_filter(query: GeoQuery) -> GeoFilter:
    """Return the filters of a geo-query."""
    path = path_of_geometry(query.attribute)
    if query.max_distance is not None:
        return _nearer(query, path, query.max_distance)
    if query.min_distance is not None:
        return _farther(query, path, query.min_distance)
    meets = {path: _meets(geojson(query.geometry))}
    wider = with_margin(query.geometry)
    touches = meets if wider is None else {path: _meets(wider)}
    if query.relation == "intersects":
        return GeoFilter(touches, meets, is_exact=wider is None)
    if query.relation == "disjoint":
        return GeoFilter(
            _apart(query, meets[path]), _apart(query, touches[path]), is_exact=wider is None
        )
    if query.relation == "within" and query.geometry.kind in _AREAS:
        return GeoFilter(touches, _inside(query, path))
    return GeoFilter(touches)


def _meets(geometry: dict[str, Any]) -> Filter:
    return {"$geoIntersects": {"$geometry": geometry}}


def _apart(query: GeoQuery, meets: Filter) -> Filter:
    """Return what finds entities with an instance that does not meet a geometry."""
    apart = {"$exists": True, "$not": meets}
    return per_instance("a.", (escape(query.attribute),), lambda prefix: {f"{prefix}~g": apart})


def _inside(query: GeoQuery, path: str) -> Filter:
    """Return what finds points inside an area that are not on its border."""
    area = geojson(query.geometry)
    rings = area["coordinates"]
    if query.geometry.kind == "MultiPolygon":
        rings = [ring for polygon in rings for ring in polygon]
    border = {"type": "MultiLineString", "coordinates": rings}
    return {
        "$and": [
            _only_points(path),
            {path: {"$geoWithin": {"$geometry": area}}},
            {path: {"$not": {"$geoIntersects": {"$geometry": border}}}},
        ]
    }


def _nearer(query: GeoQuery, path: str, metres: float) -> GeoFilter:
    angle = metres / EARTH_RADIUS
    figure = reference_figure(query.geometry)
    cap = _cap_around(figure, angle)
    candidates: Filter = {path: {"$exists": True}}
    if cap.radius < _WIDEST_CAP:
        candidates = {path: {"$geoIntersects": {"$geometry": _polygon_around(cap)}}}
    if figure.point is None or angle >= math.pi:
        return GeoFilter(candidates)
    inside = {"$geoWithin": {"$centerSphere": [list(figure.point), angle]}}
    return GeoFilter(candidates, {"$and": [_only_points(path), {path: inside}]})


def _farther(query: GeoQuery, path: str, metres: float) -> GeoFilter:
    candidates: Filter = {path: {"$exists": True}}
    figure = reference_figure(query.geometry)
    angle = metres / EARTH_RADIUS
    if figure.point is None or angle >= math.pi:
        return GeoFilter(candidates)
    inside = {"$geoWithin": {"$centerSphere": [list(figure.point), angle]}}
    # with several instances, none of them inside is more than is asked for: still certain
    outside = {"$and": [_only_points(path), {path: {"$exists": True, "$not": inside}}]}
    return GeoFilter(candidates, outside)


def _only_points(path: str) -> Filter:
    return {f"{path}.type": {"$exists": True, "$nin": list(_OTHER_THAN_POINTS)}}


def _cap_around(figure: Figure, angle: float) -> _Cap:
    """Return a cap that holds everything within an angle of a figure."""
    vertices = np.concatenate(figure.arcs)
    centre = vertices.mean(axis=0)
    length = float(np.linalg.norm(centre))
    if length < 1e-6:
        return _Cap(vertices[0], math.pi)
    centre /= length
    reach = float(np.max(np.arccos(np.clip(vertices @ centre, -1, 1))))
    return _Cap(centre, reach + angle)


def _polygon_around(cap: _Cap) -> dict[str, Any]:
    """Return a polygon whose edges do not come nearer to the centre than the cap's border."""
    reach = math.atan(math.tan(cap.radius * 1.001 + 1e-9) / math.cos(math.pi / _CORNERS))
    axis = np.array([0.0, 0.0, 1.0]) if abs(cap.centre[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    east = np.cross(axis, cap.centre)
    east /= np.linalg.norm(east)
    north = np.cross(cap.centre, east)
    ring = []
    for corner in range(_CORNERS):
        direction = 2 * math.pi * corner / _CORNERS
        vector = math.cos(reach) * cap.centre + math.sin(reach) * (
            math.cos(direction) * east + math.sin(direction) * north
        )
        longitude = math.degrees(math.atan2(vector[1], vector[0]))
        latitude = math.degrees(math.asin(max(-1.0, min(1.0, float(vector[2])))))
        ring.append([longitude, latitude])
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
