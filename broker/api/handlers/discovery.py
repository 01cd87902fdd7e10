"""Types and attributes (clauses 6.25 to 6.28)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES, JSON_LD
from broker.api.responses import ngsi_ld_response
from broker.contexts.context import Context
from broker.operations.discovery import AttributeInfo, TypeInfo


async def retrieve_entity_types(incoming: Incoming) -> web.Response:
    """GET /types (6.25.3.1)."""
    details = incoming.parameters.flag("details")
    context = await incoming.context()
    types = await incoming.app.discovery.entity_types(incoming.caller)
    body: Any
    if details:
        body = [_type(info, context) for info in types]
    else:
        body = _list("EntityTypeList", "typeList", [context.compact(info.name) for info in types])
    return await _answer(incoming, body, context)


async def retrieve_entity_type(incoming: Incoming) -> web.Response:
    """GET /types/{type} (6.26.3.1)."""
    context = await incoming.context()
    name = context.expand(incoming.part("type"))
    info = await incoming.app.discovery.entity_type(incoming.caller, name)
    body = {
        "id": info.name,
        "type": "EntityTypeInfo",
        "typeName": context.compact(info.name),
        "entityCount": info.count,
        "attributeDetails": [
            _attribute(attribute, context) | {"attributeTypes": sorted(attribute.kinds)}
            for _, attribute in sorted(info.attributes.items())
        ],
    }
    return await _answer(incoming, body, context)


async def retrieve_attributes(incoming: Incoming) -> web.Response:
    """GET /attributes (6.27.3.1)."""
    details = incoming.parameters.flag("details")
    context = await incoming.context()
    attributes = await incoming.app.discovery.attributes(incoming.caller)
    body: Any
    if details:
        body = [_attribute(info, context) | _type_names(info, context) for info in attributes]
    else:
        names = [context.compact(info.name) for info in attributes]
        body = _list("AttributeList", "attributeList", names)
    return await _answer(incoming, body, context)


async def retrieve_attribute(incoming: Incoming) -> web.Response:
    """GET /attributes/{attrId} (6.28.3.1)."""
    context = await incoming.context()
    name = context.expand(incoming.part("attrId"))
    info = await incoming.app.discovery.attribute(incoming.caller, name)
    body = {
        **_attribute(info, context),
        "attributeCount": info.count,
        "attributeTypes": sorted(info.kinds),
        **_type_names(info, context),
    }
    return await _answer(incoming, body, context)


def _type(info: TypeInfo, context: Context) -> dict[str, Any]:
    return {
        "id": info.name,
        "type": "EntityType",
        "typeName": context.compact(info.name),
        "attributeNames": [context.compact(name) for name in sorted(info.attributes)],
    }


def _attribute(info: AttributeInfo, context: Context) -> dict[str, Any]:
    return {
        "id": info.name,
        "type": "Attribute",
        "attributeName": context.compact(info.name),
    }


def _type_names(info: AttributeInfo, context: Context) -> dict[str, Any]:
    return {"typeNames": [context.compact(name) for name in sorted(info.types)]}


def _list(kind: str, member: str, names: list[str]) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:{kind}:{uuid4()}", "type": kind, member: names}


async def _answer(incoming: Incoming, body: Any, context: Context) -> web.Response:
    in_body = incoming.accepted(DOCUMENT_TYPES) == JSON_LD
    return ngsi_ld_response(
        body,
        media_type=JSON_LD if in_body else "application/json",
        context_url="" if in_body else await incoming.url_of(context),
        context_body=context.body if in_body else None,
    )
