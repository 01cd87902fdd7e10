"""Entities (clauses 6.4, 6.5, 6.23)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from broker.api.asked_queries import read_posted_query, read_query
from broker.api.conditions import conditions_of
from broker.api.entity_maps import HEADER as MAP_HEADER
from broker.api.entity_maps import map_header, map_request, name_map, posted_map_request
from broker.api.handlers.batch import batch_response, dry_run_response
from broker.api.incoming import Incoming
from broker.api.linking import check_depths
from broker.api.media_types import ENTITY_TYPES
from broker.api.parameters import Parameters
from broker.api.queries import attribute_names, entity_query
from broker.api.representation import (
    Wanted,
    answer_entity,
    answer_page,
    wanted_representation,
)
from broker.api.responses import created, no_content
from broker.api.targets import entity_id, merge_defaults, read_for
from broker.contexts.context import Context
from broker.model.entity import Entity
from broker.model.errors import AttributeNotFound, BadRequestData, InvalidRequest
from broker.operations.conditions import entity_tag
from broker.operations.entity_maps import MapRequest
from broker.operations.purging import Purge
from broker.query.entity_query import EntityQuery
from broker.representations.options import DEFAULT_OPTIONS
from broker.representations.reading import FragmentOf, read_entity, read_fragment


async def create_entity(incoming: Incoming) -> web.Response:
    """POST /entities (6.4.3.1)."""
    if not incoming.body and isinstance(incoming.body, dict | list):
        raise InvalidRequest("the body is an empty JSON document; an entity is needed")
    context = await incoming.context()
    entity = read_entity(incoming.body, context)
    await incoming.app.provision.create_entity(
        incoming.caller, entity, conditions_of(incoming, context)
    )
    return created("/entities", entity.id)


async def retrieve_entity(incoming: Incoming) -> web.Response:
    """GET /entities/{entityId} (6.5.3.1)."""
    target = entity_id(incoming)
    media_type = incoming.accepted(ENTITY_TYPES)
    context = await incoming.context()
    wanted = wanted_representation(incoming.parameters, context, media_type)
    entity = await incoming.app.consumption.retrieve_entity(
        incoming.caller, target, conditions_of(incoming, context)
    )
    asked = wanted.attributes
    if asked and not any(name in entity.attributes for name in asked):
        raise AttributeNotFound(
            f"the entity <{target}> has none of the attributes asked for",
            attribute_names=incoming.parameters.names("attrs"),
        )
    response = await answer_entity(incoming, entity, wanted, context)
    response.headers["ETag"] = entity_tag(entity)
    if "entityMap" in incoming.parameters or MAP_HEADER in incoming.request.headers:
        await _name_map_of_one(incoming, target, response)
    return response


async def query_entities(incoming: Incoming) -> web.Response:
    """GET /entities (6.4.3.2)."""
    query, wanted = await read_query(incoming)
    return await _answer_query(incoming, query, wanted, map_request(incoming))


async def query_entities_by_post(incoming: Incoming) -> web.Response:
    """POST /entityOperations/query (6.23.3.1)."""
    query, wanted = await read_posted_query(incoming)
    return await _answer_query(incoming, query, wanted, posted_map_request(incoming))


async def _answer_query(
    incoming: Incoming, query: EntityQuery, wanted: Wanted, asked: MapRequest | None
) -> web.Response:
    application = incoming.app
    if asked is None:
        result = await application.consumption.query_entities(incoming.caller, query)
        return await answer_page(incoming, query, result, wanted)
    mapped = await application.mapped_queries.query_entities(incoming.caller, query, asked)
    response = await answer_page(incoming, query, mapped.result, wanted)
    name_map(response, mapped.map_id)
    if mapped.is_new and response.status == 200:
        response.set_status(201)
    return response


async def _name_map_of_one(incoming: Incoming, target: str, response: web.Response) -> None:
    """Name the entity map of a retrieval, made if there is none yet (5.7.1.4)."""
    asked = map_request(incoming)
    if asked is not None:
        maps = incoming.app.entity_maps
        name_map(response, await maps.map_of_entity(incoming.caller, target, asked))


async def delete_entity(incoming: Incoming) -> web.Response:
    """DELETE /entities/{entityId} (6.5.3.2)."""
    target = entity_id(incoming)
    context = await incoming.context()
    await incoming.app.provision.delete_entity(
        incoming.caller, target, conditions_of(incoming, context)
    )
    return no_content()


async def merge_entity(incoming: Incoming) -> web.Response:
    """PATCH /entities/{entityId} (6.5.3.4)."""
    target = entity_id(incoming)
    context = await incoming.context()
    operation: FragmentOf = "mergeSimplified" if _is_simplified(incoming) else "merge"
    fragment = await read_for(
        incoming,
        target,
        lambda: read_fragment(incoming.body, context, operation, entity_id=target),
    )
    await incoming.app.provision.merge_entity(
        incoming.caller,
        target,
        fragment,
        merge_defaults(incoming),
        conditions_of(incoming, context),
    )
    return no_content()


async def replace_entity(incoming: Incoming) -> web.Response:
    """PUT /entities/{entityId} (6.5.3.3)."""
    target = entity_id(incoming)
    context = await incoming.context()
    entity = await read_for(incoming, target, lambda: _replacement(incoming, target, context))
    await incoming.app.provision.replace_entity(
        incoming.caller, target, entity, conditions_of(incoming, context)
    )
    return no_content()


def _replacement(incoming: Incoming, target: str, context: Context) -> Entity:
    entity = read_entity(_with_id(incoming.body, target), context)
    if entity.id != target:
        raise BadRequestData(f"the id of the body is not the target <{target}>", pointer="/id")
    return entity


def _with_id(body: Any, target: str) -> Any:
    """Return the body with the id of the path where it has none (clause 5.4)."""
    if isinstance(body, dict) and "id" not in body and "@id" not in body:
        return {"id": target, **body}
    return body


def _is_simplified(incoming: Incoming) -> bool:
    names = {"simplified", "keyValues"}
    options = incoming.parameters.options(names)
    return bool(options) or incoming.parameters.choice("format", names) is not None


async def purge_entities(incoming: Incoming) -> web.Response:
    """DELETE /entities (6.4.3.3); with dryRun=true it tells what would go, and changes nothing."""
    context = await incoming.context()
    parameters = incoming.parameters
    settings = incoming.app.settings
    query = entity_query(parameters, context, settings, in_snapshot=incoming.is_in_snapshot)
    check_depths(None, DEFAULT_OPTIONS, query.condition)
    map_id = map_header(incoming)
    purge = Purge(
        query=query,
        keep=_members(parameters, "keep", context),
        drop=_members(parameters, "drop", context),
        map_id=map_id,
    )
    purging = incoming.app.purging
    if parameters.flag("dryRun"):
        response = dry_run_response(await purging.preview(incoming.caller, purge))
    else:
        response = batch_response(await purging.purge_entities(incoming.caller, purge))
    if map_id is not None:
        name_map(response, map_id)
    return response


def _members(parameters: Parameters, name: str, context: Context) -> frozenset[str] | None:
    if name not in parameters:
        return None
    expanded = attribute_names(parameters, name, context)
    pairs = zip(parameters.names(name), expanded, strict=True)
    return frozenset(given if given == "scope" else iri for given, iri in pairs)
