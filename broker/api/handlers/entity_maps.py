"""Entity maps (clauses 6.32, 6.34)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from broker.api.asked_queries import read_posted_query, read_query
from broker.api.entity_maps import map_wish, name_map, posted_map_wish
from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES, GEO_JSON, JSON, JSON_LD
from broker.api.representation import (
    Wanted,
)
from broker.api.responses import ngsi_ld_response, no_content
from broker.model.datetimes import canonical_time
from broker.model.errors import BadRequestData
from broker.model.names import is_uri
from broker.operations.entity_maps import EntityMap, MapRequest
from broker.query.entity_query import EntityQuery
from broker.representations.checks import node_of

_MEMBERS = frozenset({"@context", "id", "type", "expiresAt", "entityMap", "linkedMaps"})


async def create_entity_map(incoming: Incoming) -> web.Response:
    """GET /entityMaps (6.34.3.1): run a query, return the ids it finds as an entity map."""
    query, wanted = await read_query(incoming)
    return await _create(incoming, query, wanted, map_wish(incoming))


async def create_entity_map_by_post(incoming: Incoming) -> web.Response:
    """POST /entityMaps (6.34.3.2): the same with a Query object."""
    query, wanted = await read_posted_query(incoming)
    return await _create(incoming, query, wanted, posted_map_wish(incoming))


async def retrieve_entity_map(incoming: Incoming) -> web.Response:
    """GET /entityMaps/{entityMapId} (6.32.3.1)."""
    media_type = incoming.accepted(DOCUMENT_TYPES)
    found = await incoming.app.entity_maps.retrieve_entity_map(incoming.caller, _map_id(incoming))
    return await _answer(incoming, found, media_type)


async def update_entity_map(incoming: Incoming) -> web.Response:
    """PATCH /entityMaps/{entityMapId} (6.32.3.2): let it end at another time."""
    map_id = _map_id(incoming)
    await incoming.context()
    expires_at = _expiry(incoming.body, map_id)
    await incoming.app.entity_maps.update_entity_map(incoming.caller, map_id, expires_at)
    return no_content()


async def delete_entity_map(incoming: Incoming) -> web.Response:
    """DELETE /entityMaps/{entityMapId} (6.32.3.3)."""
    await incoming.app.entity_maps.delete_entity_map(incoming.caller, _map_id(incoming))
    return no_content()


async def _create(
    incoming: Incoming, query: EntityQuery, wanted: Wanted, asked: MapRequest
) -> web.Response:
    made = await incoming.app.entity_maps.create_for_query(
        incoming.caller, query, lifetime=asked.lifetime, is_split=asked.is_split
    )
    media_type = JSON if wanted.media_type == GEO_JSON else wanted.media_type
    response = await _answer(incoming, made, media_type)
    response.set_status(201)
    name_map(response, made.id)
    return response


async def _answer(incoming: Incoming, entity_map: EntityMap, media_type: str) -> web.Response:
    body = {
        "id": entity_map.id,
        "type": "EntityMap",
        "expiresAt": entity_map.expires_at,
        "entityMap": {entity_id: ["@none"] for entity_id in entity_map.entity_ids},
        "linkedMaps": {},
    }
    context = await incoming.context()
    in_body = media_type == JSON_LD
    return ngsi_ld_response(
        body,
        media_type=media_type,
        context_url="" if in_body else await incoming.url_of(context),
        context_body=context.body if in_body else None,
    )


def _map_id(incoming: Incoming) -> str:
    value = incoming.part("entityMapId")
    if not is_uri(value):
        raise BadRequestData(
            f"the entity map id {value[:200]!r} is not a URI; it stands in the header "
            "NGSILD-EntityMap of the answer that made the map"
        )
    return value


def _expiry(body: Any, map_id: str) -> str | None:
    """Return when a fragment lets the map end, None if it does not say. Raises BadRequestData."""
    if not isinstance(body, dict) or not body:
        raise BadRequestData('an entity map fragment is an object: {"expiresAt": "…"}')
    members = node_of(body, ())
    for name in members.keys() - _MEMBERS:
        raise BadRequestData(
            f"an entity map has no member '{name}'; what can be changed is expiresAt",
            pointer=f"/{name}",
        )
    for name, fixed in (("type", "EntityMap"), ("id", map_id)):
        if members.get(name, fixed) != fixed:
            raise BadRequestData(f"'{name}' is {fixed!r} and cannot be changed", pointer=f"/{name}")
    if "expiresAt" not in members:
        return None
    expires_at = members["expiresAt"]
    canonical = canonical_time(expires_at) if isinstance(expires_at, str) else None
    if canonical is None:
        raise BadRequestData(
            f"expiresAt is a time such as 2026-01-31T09:00:00Z, not {expires_at!r:.100}",
            pointer="/expiresAt",
        )
    return canonical
