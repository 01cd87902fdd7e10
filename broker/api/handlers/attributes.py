"""Attributes of one entity (clauses 6.6, 6.7)."""

from __future__ import annotations

from aiohttp import web

from broker.api.conditions import conditions_of
from broker.api.incoming import Incoming
from broker.api.queries import DEFAULT_INSTANCE, uris
from broker.api.responses import json_response, no_content
from broker.api.targets import attribute_name, entity_id, read_for
from broker.contexts.context import Context
from broker.model.errors import BadRequestData
from broker.model.outcomes import UpdateResult
from broker.operations.provision import AttributeTarget
from broker.representations.reading import read_attribute_fragment, read_fragment


async def append_attributes(incoming: Incoming) -> web.Response:
    """POST /entities/{entityId}/attrs (6.6.3.1)."""
    target = entity_id(incoming)
    options = incoming.parameters.options({"noOverwrite"})
    context = await incoming.context()
    fragment = await read_for(
        incoming,
        target,
        lambda: read_fragment(incoming.body, context, "append", entity_id=target),
    )
    result = await incoming.app.provision.append_attributes(
        incoming.caller,
        target,
        fragment,
        conditions_of(incoming, context),
        overwrite="noOverwrite" not in options,
    )
    return _update_response(result)


async def update_attributes(incoming: Incoming) -> web.Response:
    """PATCH /entities/{entityId}/attrs (6.6.3.2)."""
    target = entity_id(incoming)
    context = await incoming.context()
    fragment = await read_for(
        incoming,
        target,
        lambda: read_fragment(incoming.body, context, "update", entity_id=target),
    )
    result = await incoming.app.provision.update_attributes(
        incoming.caller, target, fragment, conditions_of(incoming, context)
    )
    return _update_response(result)


async def partial_attribute_update(incoming: Incoming) -> web.Response:
    """PATCH /entities/{entityId}/attrs/{attrId} (6.7.3.1)."""
    target = entity_id(incoming)
    context = await incoming.context()
    name = _attribute(incoming, context)
    await incoming.app.provision.partial_attribute_update(
        incoming.caller,
        target,
        context.expand(name),
        read_attribute_fragment(incoming.body, context, "partial", name=name),
        conditions_of(incoming, context),
    )
    return no_content()


async def replace_attribute(incoming: Incoming) -> web.Response:
    """PUT /entities/{entityId}/attrs/{attrId} (6.7.3.3)."""
    target = entity_id(incoming)
    context = await incoming.context()
    name = _attribute(incoming, context)
    instances = await read_for(
        incoming,
        target,
        lambda: read_attribute_fragment(incoming.body, context, "replace", name=name),
    )
    await incoming.app.provision.replace_attribute(
        incoming.caller,
        target,
        context.expand(name),
        instances,
        conditions_of(incoming, context),
    )
    return no_content()


async def delete_attribute(incoming: Incoming) -> web.Response:
    """DELETE /entities/{entityId}/attrs/{attrId} (6.7.3.2)."""
    context = await incoming.context()
    name = attribute_name(incoming, context)
    target = AttributeTarget(
        entity_id=entity_id(incoming),
        name=name if name == "scope" else context.expand(name),
        dataset_id=_dataset_id(incoming),
        all_instances=incoming.parameters.flag("deleteAll"),
    )
    await incoming.app.provision.delete_attribute(
        incoming.caller, target, conditions_of(incoming, context)
    )
    return no_content()


def _dataset_id(incoming: Incoming) -> str | None:
    """Return the datasetId of the instance meant, None for the default one (4.5.5)."""
    text = incoming.parameters.text("datasetId")
    if text is None or text == DEFAULT_INSTANCE:
        return None
    return uris((text,), "datasetId")[0]


def _attribute(incoming: Incoming, context: Context) -> str:
    name = attribute_name(incoming, context)
    if name == "scope":
        raise BadRequestData(
            "scope is no attribute; change it with PATCH /entities/{entityId}/attrs",
            attribute_names=(name,),
        )
    return name


def _update_response(result: UpdateResult) -> web.Response:
    """Return 204, or 207 with what was not updated (clauses 5.2.18, 6.3.6: expanded names)."""
    if not result.not_updated:
        return no_content()
    return json_response(
        {
            "updated": list(result.updated),
            "notUpdated": [
                {"attributeName": refused.attribute_name, "reason": refused.reason}
                for refused in result.not_updated
            ],
        },
        status=207,
    )
