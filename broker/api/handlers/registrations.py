"""Context source registrations (clauses 6.8, 6.9)."""

from __future__ import annotations

from aiohttp import web

from broker.api.documents import answer_document, asks_for_sys_attrs, refuse_empty, uri_part
from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES
from broker.api.paging import offset_page_headers
from broker.api.queries import page_of
from broker.api.registration_queries import registration_query
from broker.api.responses import created, no_content
from broker.registrations.presentation import present_registration


async def register_source(incoming: Incoming) -> web.Response:
    """POST /csourceRegistrations (6.8.3.1)."""
    refuse_empty(incoming, "a registration")
    context = await incoming.context()
    registration_id = await incoming.app.registrations.register_source(
        incoming.caller, incoming.body, context
    )
    return created("/csourceRegistrations", registration_id)


async def query_registrations(incoming: Incoming) -> web.Response:
    """GET /csourceRegistrations (6.8.3.2)."""
    media_type = incoming.accepted(DOCUMENT_TYPES)
    context = await incoming.context()
    parameters = incoming.parameters
    page = page_of(parameters, incoming.app.settings)
    sys_attrs = asks_for_sys_attrs(incoming)
    found = await incoming.app.registrations.query_registrations(
        incoming.caller,
        registration_query(parameters, context),
        context,
        page=page,
        with_count=parameters.asks_for_count,
    )
    body = [
        present_registration(registration, context, sys_attrs=sys_attrs)
        for registration in found.registrations
    ]
    headers = offset_page_headers(incoming, page, has_more=found.has_more, count=found.count)
    return await answer_document(incoming, body, context, media_type, headers)


async def retrieve_registration(incoming: Incoming) -> web.Response:
    """GET /csourceRegistrations/{registrationId} (6.9.3.1)."""
    registration_id = _registration_id(incoming)
    media_type = incoming.accepted(DOCUMENT_TYPES)
    context = await incoming.context()
    sys_attrs = asks_for_sys_attrs(incoming)
    registration = await incoming.app.registrations.retrieve_registration(
        incoming.caller, registration_id
    )
    body = present_registration(registration, context, sys_attrs=sys_attrs)
    return await answer_document(incoming, body, context, media_type)


async def update_registration(incoming: Incoming) -> web.Response:
    """PATCH /csourceRegistrations/{registrationId} (6.9.3.2)."""
    registration_id = _registration_id(incoming)
    refuse_empty(incoming, "a registration")
    context = await incoming.context()
    await incoming.app.registrations.update_registration(
        incoming.caller, registration_id, incoming.body, context
    )
    return no_content()


async def delete_registration(incoming: Incoming) -> web.Response:
    """DELETE /csourceRegistrations/{registrationId} (6.9.3.3)."""
    await incoming.app.registrations.delete_registration(
        incoming.caller, _registration_id(incoming)
    )
    return no_content()


def _registration_id(incoming: Incoming) -> str:
    return uri_part(incoming, "registrationId", "urn:ngsi-ld:ContextSourceRegistration:1")
