"""What a request says of entity maps, and how an answer names one (Table 6.4.3.2-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.responses import API_ROOT
from broker.model.durations import seconds_of_duration
from broker.model.errors import BadRequestData
from broker.operations.entity_maps import MapRequest
from broker.operations.mapped_queries import read_map_cursor

HEADER = "NGSILD-EntityMap"
_COLLECTION = "/entityMaps/"
_FLAGS = ("entityMap", "splitEntities")
_LIFETIME = "entityMapLifetime"

Members: TypeAlias = Mapping[str, Any]


def map_request(incoming: Incoming) -> MapRequest | None:
    """Return what the URI parameters and the header say; None if no map is to be used."""
    return _request(incoming, _from_parameters(incoming))


def posted_map_request(incoming: Incoming) -> MapRequest | None:
    """Return what a Query object (5.2.23) and the header say; None if no map is to be used."""
    return _request(incoming, _from_body(incoming))


def map_wish(incoming: Incoming) -> MapRequest:
    """Return what the URI parameters say of the map a request is to make."""
    return _wish(incoming, _from_parameters(incoming))


def posted_map_wish(incoming: Incoming) -> MapRequest:
    """Return what a Query object says of the map a request is to make."""
    return _wish(incoming, _from_body(incoming))


def map_header(incoming: Incoming) -> str | None:
    """Return the identifier of the map the header names: by its location, or by itself."""
    value = incoming.request.headers.get(HEADER)
    if value is None:
        return None
    if _COLLECTION in value:
        value = value.rpartition(_COLLECTION)[2]
    return unquote(value.strip().rstrip("/"))


def name_map(response: web.Response, map_id: str) -> None:
    """Tell in a response which map was used."""
    response.headers[HEADER] = f"{API_ROOT}{_COLLECTION}{quote(map_id, safe=':')}"


def _from_parameters(incoming: Incoming) -> Members:
    parameters = incoming.parameters
    flags = {name: parameters.flag(name) for name in _FLAGS}
    return flags | {_LIFETIME: parameters.text(_LIFETIME)}


def _from_body(incoming: Incoming) -> Members:
    members = {name: incoming.body.get(name, False) for name in _FLAGS}
    for name, value in members.items():
        if not isinstance(value, bool):
            raise BadRequestData(f"'{name}' is true or false", pointer=f"/{name}")
    return members | {_LIFETIME: incoming.body.get(_LIFETIME)}


def _seconds(text: Any) -> float | None:
    """Return the seconds of a suggested lifetime. Raises BadRequestData."""
    if text is None:
        return None
    seconds = seconds_of_duration(text) if isinstance(text, str) else None
    if not seconds:
        raise BadRequestData(
            f"entityMapLifetime is a duration (ISO 8601) such as PT5M, not {text!r:.100}"
        )
    return seconds


def _request(incoming: Incoming, members: Members) -> MapRequest | None:
    wish = _wish(incoming, members)
    map_id = map_header(incoming)
    if map_id is None and (text := incoming.parameters.text("cursor")):
        cursor = read_map_cursor(text)
        map_id = None if cursor is None else cursor.map_id
    if map_id is None and not members["entityMap"]:
        return None
    return replace(wish, map_id=map_id)


def _wish(incoming: Incoming, members: Members) -> MapRequest:
    is_local = incoming.parameters.flag("local") or incoming.is_in_snapshot
    is_split = members["splitEntities"] and not is_local
    return MapRequest(lifetime=_seconds(members[_LIFETIME]), is_split=is_split)
