"""Entities (clauses 6.4, 6.5, 6.23)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from broker.api.conditions import conditions_of
from broker.api.handlers.batch import batch_response
from broker.api.incoming import Incoming
from broker.api.keys import CONSUMPTION, PROVISION, PURGING, SETTINGS
from broker.api.linking import check_depths
from broker.api.media_types import ENTITY_TYPES
from broker.api.parameters import Parameters
from broker.api.posted_queries import posted_query
from broker.api.queries import entity_query
from broker.api.representation import (
    answer_entity,
    answer_page,
    posted_representation,
    required_attributes,
    wanted_representation,
)
from broker.api.responses import created, json_response, no_content
from broker.api.targets import entity_id, merge_defaults
from broker.contexts.context import Context
from broker.model.errors import AttributeNotFound, BadRequestData, InvalidRequest
from broker.operations.conditions import entity_tag
from broker.operations.purging import Purge
from broker.representations.options import DEFAULT_OPTIONS
from broker.representations.reading import read_entity, read_fragment


async def create_entity(incoming: Incoming) -> web.Response:
    """POST /entities (6.4.3.1)."""
    if not incoming.body and isinstance(incoming.body, dict | list):
        raise InvalidRequest("the body is an empty JSON document; an entity is needed")
    context = await incoming.context()
    entity = read_entity(incoming.body, context)
    await incoming.request.app[PROVISION].create_entity(
        incoming.caller, entity, conditions_of(incoming, context)
    )
    return created("/entities", entity.id)


async def retrieve_entity(incoming: Incoming) -> web.Response:
    """GET /entities/{entityId} (6.5.3.1)."""
    target = entity_id(incoming)
    media_type = incoming.accepted(ENTITY_TYPES)
    context = await incoming.context()
    wanted = wanted_representation(incoming.parameters, context, media_type)
    entity = await incoming.request.app[CONSUMPTION].retrieve_entity(
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
    return response


async def query_entities(incoming: Incoming) -> web.Response:
    """GET /entities (6.4.3.2)."""
    media_type = incoming.accepted(ENTITY_TYPES)
    context = await incoming.context()
    wanted = wanted_representation(incoming.parameters, context, media_type)
    query = entity_query(incoming.parameters, context, incoming.request.app[SETTINGS])
    query = query.evolve(attributes=query.attributes or required_attributes(wanted))
    check_depths(wanted.join, wanted.options, query.condition)
    result = await incoming.request.app[CONSUMPTION].query_entities(incoming.caller, query)
    return await answer_page(incoming, query, result, wanted)


async def query_entities_by_post(incoming: Incoming) -> web.Response:
    """POST /entityOperations/query (6.23.3.1)."""
    media_type = incoming.accepted(ENTITY_TYPES)
    context = await incoming.context()
    wanted = posted_representation(incoming.body, incoming.parameters, context, media_type)
    query = posted_query(
        incoming.body, incoming.parameters, context, incoming.request.app[SETTINGS]
    )
    query = query.evolve(attributes=query.attributes or required_attributes(wanted))
    check_depths(wanted.join, wanted.options, query.condition)
    result = await incoming.request.app[CONSUMPTION].query_entities(incoming.caller, query)
    return await answer_page(incoming, query, result, wanted)


async def delete_entity(incoming: Incoming) -> web.Response:
    """DELETE /entities/{entityId} (6.5.3.2)."""
    target = entity_id(incoming)
    context = await incoming.context()
    await incoming.request.app[PROVISION].delete_entity(
        incoming.caller, target, conditions_of(incoming, context)
    )
    return no_content()


async def merge_entity(incoming: Incoming) -> web.Response:
    """PATCH /entities/{entityId} (6.5.3.4)."""
    target = entity_id(incoming)
    context = await incoming.context()
    simplified = _is_simplified(incoming)
    fragment = read_fragment(
        incoming.body, context, "mergeSimplified" if simplified else "merge", entity_id=target
    )
    await incoming.request.app[PROVISION].merge_entity(
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
    entity = read_entity(_with_id(incoming.body, target), context)
    if entity.id != target:
        raise BadRequestData(f"the id of the body is not the target <{target}>", pointer="/id")
    await incoming.request.app[PROVISION].replace_entity(
        incoming.caller, target, entity, conditions_of(incoming, context)
    )
    return no_content()


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
    query = entity_query(parameters, context, incoming.request.app[SETTINGS])
    check_depths(None, DEFAULT_OPTIONS, query.condition)
    purge = Purge(
        query=query,
        keep=_members(parameters, "keep", context),
        drop=_members(parameters, "drop", context),
    )
    purging = incoming.request.app[PURGING]
    if parameters.flag("dryRun"):
        would_go = await purging.preview(incoming.caller, purge)
        return json_response({"dryRun": True, "entities": would_go})
    return batch_response(await purging.purge_entities(incoming.caller, purge))


def _members(parameters: Parameters, name: str, context: Context) -> frozenset[str] | None:
    if name not in parameters:
        return None
    names = parameters.names(name)
    return frozenset(one if one == "scope" else context.expand(one) for one in names)
