"""Values of measures as NGSI-LD attributes: the provisioned type decides the kind.

`attribute` gives the normalized attribute (clauses 4.5.2 to 4.5.23) or raises `Unfit`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson

from adapters.mqtt import times
from adapters.mqtt.ids import entity_uri

Attribute: TypeAlias = dict[str, Any]
GEOMETRIES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
GEOMETRY_DEPTHS = dict(zip(GEOMETRIES, (0, 1, 2, 1, 2, 3), strict=True))
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?Z?")


class Unfit(ValueError):
    """The value is not of the type it should have; the message completes "`name` …"."""


def attribute(kind: str | None, value: Any, zone: tzinfo = UTC) -> Attribute:
    """Return the attribute a value of a provisioned type is. Raises `Unfit`.

    Without a type, GeoJSON geometries are GeoProperties and all else are Properties. A type that
    is neither NGSI-LD's nor JSON's is kept beside the value: `{"@type": …, "@value": …}`.
    """
    if kind is None:
        return _untyped(value)
    builder = _KINDS.get(kind.lower())
    if builder is None:
        return {"type": "Property", "value": {"@type": kind, "@value": value}}
    return builder(value, zone)


def _untyped(value: Any) -> Attribute:
    if isinstance(value, dict) and value.get("type") in GEOMETRIES and "coordinates" in value:
        return {"type": "GeoProperty", "value": _geometry_object(value)}
    return {"type": "Property", "value": value}


def _plain(value: Any, _: tzinfo) -> Attribute:
    return {"type": "Property", "value": value}


def _number(value: Any, _: tzinfo) -> Attribute:
    return {"type": "Property", "value": number(value)}


def _integer(value: Any, _: tzinfo) -> Attribute:
    return {"type": "Property", "value": math.trunc(number(value))}


def number(value: Any) -> float:
    """Read a number, also one written as a text. Raises `Unfit`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        result = int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    except ValueError as error:
        raise Unfit(f"is {value!r:.60}, which is not a number") from error
    if not math.isfinite(result):
        raise Unfit(f"is {value!r}, which JSON cannot hold")
    return result


def _flag(value: Any, _: tzinfo) -> Attribute:
    known = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise Unfit(f"is {value!r:.60}, which is neither true nor false")
    return {"type": "Property", "value": found}


def _document(value: Any, _: tzinfo) -> Attribute:
    return {"type": "Property", "value": _parsed(value)}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _date_time(value: Any, zone: tzinfo) -> Attribute:
    return _temporal("DateTime", _moment(value, zone))


def _date(value: Any, zone: tzinfo) -> Attribute:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
        _moment(value, zone)
        return _temporal("Date", value.strip())
    local = datetime.fromisoformat(_moment(value, zone)).astimezone(zone)
    return _temporal("Date", local.strftime("%Y-%m-%d"))


def _time(value: Any, _: tzinfo) -> Attribute:
    text = value.strip() if isinstance(value, str) else ""
    if not _TIME_OF_DAY.fullmatch(text):
        raise Unfit(f"is {value!r:.60}, which is not a time such as 09:30:00")
    text = text.removesuffix("Z")
    return _temporal("Time", (text if text.count(":") == 2 else text + ":00") + "Z")


def _moment(value: Any, zone: tzinfo) -> str:
    found = times.from_any(value, zone)
    if found is None:
        raise Unfit(f"is {value!r:.60}, which is not a time such as 2026-01-31T09:30:00Z")
    return found


def _temporal(kind: str, value: str) -> Attribute:
    return {"type": "Property", "value": {"@type": kind, "@value": value}}


def _relationship(value: Any, _: tzinfo) -> Attribute:
    targets = value if isinstance(value, list) else [value]
    if not targets or not all(isinstance(target, str) and target for target in targets):
        raise Unfit(f"is {value!r:.60}; a Relationship needs the id of an entity")
    uris = [entity_uri(target) for target in targets]
    return {"type": "Relationship", "object": uris if isinstance(value, list) else uris[0]}


def _language(value: Any, _: tzinfo) -> Attribute:
    words = _parsed(value)
    if not isinstance(words, dict):
        raise Unfit(f'is {value!r:.60}; a LanguageProperty is an object such as {{"ja": "駅"}}')
    return {"type": "LanguageProperty", "languageMap": words}


def _vocabulary(value: Any, _: tzinfo) -> Attribute:
    return {"type": "VocabProperty", "vocab": value}


def _json(value: Any, _: tzinfo) -> Attribute:
    return {"type": "JsonProperty", "json": _parsed(value)}


def _list(value: Any, _: tzinfo) -> Attribute:
    items = _parsed(value)
    return {"type": "ListProperty", "valueList": items if isinstance(items, list) else [items]}


def _list_relationship(value: Any, zone: tzinfo) -> Attribute:
    items = value if isinstance(value, list) else [value]
    targets = _relationship(items, zone)["object"]
    return {"type": "ListRelationship", "objectList": [{"object": target} for target in targets]}


def _geometry(kind: str | None) -> Callable[[Any, tzinfo], Attribute]:
    return lambda value, _: {"type": "GeoProperty", "value": geometry(kind, value)}


def geometry(kind: str | None, value: Any) -> dict[str, Any]:
    """Return GeoJSON of what a device sent. Raises `Unfit`.

    Texts are "latitude, longitude" (as in NGSI-v2), arrays [longitude, latitude] (as in GeoJSON);
    objects are GeoJSON or have latitude and longitude. `None` as kind takes any geometry.
    """
    value = _parsed(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    if isinstance(value, Mapping):
        return _geometry_object(value)
    kind = kind or "Point"
    return {"type": kind, "coordinates": _coordinates(value, GEOMETRY_DEPTHS[kind])}


def _geometry_object(value: Mapping[str, Any]) -> dict[str, Any]:
    if value.get("type") in GEOMETRIES and isinstance(value.get("coordinates"), list):
        _check_coordinates(value["coordinates"], GEOMETRY_DEPTHS[value["type"]])
        return dict(value)
    for latitude, longitude in (("latitude", "longitude"), ("lat", "lon"), ("lat", "lng")):
        if latitude in value and longitude in value:
            return {"type": "Point", "coordinates": _position(value[longitude], value[latitude])}
    raise Unfit("is an object, but neither GeoJSON nor one with latitude and longitude")


def _coordinates(value: Any, depth: int) -> list[Any]:
    if depth == 0:
        return _point(value)
    if not isinstance(value, list):
        raise Unfit(f"is {value!r:.60}; it should be an array of positions")
    if depth == 2 and value and isinstance(value[0], str):
        value = [value]
    return [_coordinates(item, depth - 1) for item in value]


def _point(value: Any) -> list[float]:
    if isinstance(value, str):
        parts = value.split(",")
        if len(parts) == 2:
            return _position(parts[1], parts[0])
    elif isinstance(value, list) and len(value) in (2, 3):
        return [*_position(value[0], value[1]), *(number(one) for one in value[2:])]
    raise Unfit(f'is {value!r:.60}; a position is "latitude, longitude" or [longitude, latitude]')


def _check_coordinates(value: Any, depth: int) -> None:
    if not isinstance(value, list) or not value:
        raise Unfit("is GeoJSON whose coordinates are not arrays of numbers")
    if depth == 0:
        _point(value)
        return
    for item in value:
        _check_coordinates(item, depth - 1)


def _position(longitude: Any, latitude: Any) -> list[float]:
    position = [number(longitude), number(latitude)]
    if abs(position[0]) > 180 or abs(position[1]) > 90:
        raise Unfit(f"is at longitude {position[0]}, latitude {position[1]}: that is nowhere")
    return position


_KINDS: Mapping[str, Callable[[Any, tzinfo], Attribute]] = MappingProxyType(
    {
        "property": _plain,
        **dict.fromkeys(("string", "text", "textunrestricted"), _plain),
        **dict.fromkeys(("number", "float", "double"), _number),
        "integer": _integer,
        **dict.fromkeys(("boolean", "bool"), _flag),
        **dict.fromkeys(("object", "array", "structuredvalue", "json"), _document),
        "datetime": _date_time,
        "date": _date,
        "time": _time,
        "relationship": _relationship,
        "languageproperty": _language,
        "vocabproperty": _vocabulary,
        "jsonproperty": _json,
        "listproperty": _list,
        "listrelationship": _list_relationship,
        **dict.fromkeys(("geoproperty", "geo:json"), _geometry(None)),
        **{name.lower(): _geometry(name) for name in GEOMETRIES},
        **{f"geo:{name.lower()}": _geometry(name) for name in GEOMETRIES},
    }
)
