"""Geo-queries (clause 4.10) from URL parameters or from a GeoQuery of a body (clause 5.2.13)."""

from __future__ import annotations

import json
import math
import re
from typing import Any, cast

from broker.model.errors import BadRequestData, TooComplexQuery
from broker.model.geometry import geometry_flaw
from broker.model.terms import Terms
from broker.query.ast import Coordinates, Geometry, GeometryType, GeoQuery, GeoRelation
from broker.query.geometries import is_drawable

MAX_LENGTH = 1_000_000
DEFAULT_GEOPROPERTY = "location"

_RELATIONS = ("near", "within", "contains", "intersects", "equals", "disjoint", "overlaps")
_NEAR = re.compile(r"near\s*;\s*(max|min)Distance\s*==\s*(.*)", re.DOTALL)
_POSITIVE = re.compile(r"(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def parse_geo_query(
    *, georel: Any, geometry: Any, coordinates: Any, geoproperty: Any, terms: Terms
) -> GeoQuery:
    """Return the geo-query of these four parameters; `coordinates` is an array or its JSON text.

    Raises BadRequestData: one of the first three is missing or malformed.
    """
    for name, value in (("georel", georel), ("geometry", geometry), ("coordinates", coordinates)):
        if value is None:
            raise BadRequestData(
                f"a geo-query needs georel, geometry and coordinates; {name} is missing"
            )
    if not isinstance(georel, str):
        raise BadRequestData(_RELATION_DETAIL.format(json.dumps(georel)))
    if geoproperty is not None and not (isinstance(geoproperty, str) and geoproperty):
        raise BadRequestData("geoproperty is the name of a GeoProperty, for example location")
    relation, max_distance, min_distance = _relation(georel)
    return GeoQuery(
        relation=relation,
        geometry=parse_geometry(geometry, coordinates, parameter="coordinates"),
        attribute=terms.expand(geoproperty or DEFAULT_GEOPROPERTY),
        max_distance=max_distance,
        min_distance=min_distance,
    )


def parse_geometry(kind: Any, coordinates: Any, *, parameter: str) -> Geometry:
    """Return a geometry given by its type and its coordinates (an array or its JSON text).

    `parameter` is the name of the place the coordinates came from. Raises BadRequestData.
    """
    if isinstance(coordinates, str):
        coordinates = _decoded(coordinates, parameter)
    flaw = geometry_flaw({"type": kind, "coordinates": coordinates})
    if flaw is not None:
        place = "".join(f"[{key}]" for key in flaw.place[1:])
        raise BadRequestData(f"{parameter}{place}: {flaw.reason}")
    geometry = Geometry(cast("GeometryType", kind), _frozen(coordinates))
    if not is_drawable(geometry):
        raise BadRequestData(
            f"{parameter}: the {kind} crosses or touches itself or repeats a position; "
            "rings and lines have to be simple"
        )
    return geometry


_RELATION_DETAIL = (
    "georel {} is none of near;maxDistance==<metres>, near;minDistance==<metres>, "
    + ", ".join(_RELATIONS[1:])
)


def _relation(text: str) -> tuple[GeoRelation, float | None, float | None]:
    text = text.strip()
    near = _NEAR.fullmatch(text)
    if near is not None:
        distance = _distance(near[2].strip())
        return ("near", distance, None) if near[1] == "max" else ("near", None, distance)
    if text not in _RELATIONS[1:]:
        raise BadRequestData(_RELATION_DETAIL.format(f'"{text}"'))
    return cast("GeoRelation", text), None, None


def _distance(text: str) -> float:
    distance = float(text) if _POSITIVE.fullmatch(text) else 0.0
    if not 0 < distance < math.inf:
        raise BadRequestData(
            f'georel: the distance "{text}" is not a number of metres greater than 0, '
            "for example near;maxDistance==2000"
        )
    return distance


def _decoded(text: str, parameter: str) -> Any:
    if len(text) > MAX_LENGTH:
        raise TooComplexQuery(f"{parameter}: more than {MAX_LENGTH} characters")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestData(
            f"{parameter} is not a JSON array of coordinates, for example [8,40]"
        ) from error


def _frozen(coordinates: list[Any]) -> Coordinates:
    return tuple(
        _frozen(member) if isinstance(member, list) else float(member) for member in coordinates
    )
