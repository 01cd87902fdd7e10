"""Subscriptions (clauses 6.10, 6.11)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from broker.api.documents import answer_document, refuse_empty, uri_part
from broker.api.incoming import Incoming
from broker.api.keys import SETTINGS, SUBSCRIPTIONS
from broker.api.media_types import DOCUMENT_TYPES
from broker.api.paging import offset_page_headers
from broker.api.queries import page_of
from broker.api.responses import created, no_content
from broker.contexts.context import Context
from broker.operations.subscriptions import SubscriptionState
from broker.subscriptions.presentation import present_subscription

_OPTIONS = frozenset({"sysAttrs"})


async def create_subscription(incoming: Incoming) -> web.Response:
    """POST /subscriptions (6.10.3.1)."""
    refuse_empty(incoming, "a subscription")
    context = await incoming.context()
    subscription_id = await incoming.request.app[SUBSCRIPTIONS].create_subscription(
        incoming.caller, incoming.body, context, await incoming.url_of(context)
    )
    return created("/subscriptions", subscription_id)


async def query_subscriptions(incoming: Incoming) -> web.Response:
    """GET /subscriptions (6.10.3.2)."""
    media_type = incoming.accepted(DOCUMENT_TYPES)
    context = await incoming.context()
    page = page_of(incoming.parameters, incoming.request.app[SETTINGS])
    with_count = incoming.parameters.flag("count")
    found = await incoming.request.app[SUBSCRIPTIONS].query_subscriptions(
        incoming.caller, limit=page.limit, offset=page.offset, with_count=with_count
    )
    body = [_present(incoming, state, context) for state in found.states]
    headers = offset_page_headers(incoming, page, has_more=found.has_more, count=found.count)
    return await answer_document(incoming, body, context, media_type, headers)


async def retrieve_subscription(incoming: Incoming) -> web.Response:
    """GET /subscriptions/{subscriptionId} (6.11.3.1)."""
    subscription_id = _subscription_id(incoming)
    media_type = incoming.accepted(DOCUMENT_TYPES)
    context = await incoming.context()
    state = await incoming.request.app[SUBSCRIPTIONS].retrieve_subscription(
        incoming.caller, subscription_id
    )
    return await answer_document(incoming, _present(incoming, state, context), context, media_type)


async def update_subscription(incoming: Incoming) -> web.Response:
    """PATCH /subscriptions/{subscriptionId} (6.11.3.2)."""
    subscription_id = _subscription_id(incoming)
    refuse_empty(incoming, "a subscription")
    context = await incoming.context()
    await incoming.request.app[SUBSCRIPTIONS].update_subscription(
        incoming.caller, subscription_id, incoming.body, context
    )
    return no_content()


async def delete_subscription(incoming: Incoming) -> web.Response:
    """DELETE /subscriptions/{subscriptionId} (6.11.3.3)."""
    await incoming.request.app[SUBSCRIPTIONS].delete_subscription(
        incoming.caller, _subscription_id(incoming)
    )
    return no_content()


def _subscription_id(incoming: Incoming) -> str:
    return uri_part(incoming, "subscriptionId", "urn:ngsi-ld:Subscription:1")


def _present(incoming: Incoming, state: SubscriptionState, context: Context) -> dict[str, Any]:
    return present_subscription(
        state.subscription,
        state.record,
        context,
        now=incoming.request.app[SUBSCRIPTIONS].now(),
        sys_attrs="sysAttrs" in incoming.parameters.options(_OPTIONS),
    )
