"""Subscriptions to entities (clauses 6.10, 6.11)."""

from __future__ import annotations

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.subscription_documents import SubscriptionResource

_RESOURCE = SubscriptionResource("/subscriptions", lambda app: app.subscriptions)


async def create_subscription(incoming: Incoming) -> web.Response:
    """POST /subscriptions (6.10.3.1)."""
    return await _RESOURCE.create(incoming)


async def query_subscriptions(incoming: Incoming) -> web.Response:
    """GET /subscriptions (6.10.3.2)."""
    return await _RESOURCE.query(incoming)


async def retrieve_subscription(incoming: Incoming) -> web.Response:
    """GET /subscriptions/{subscriptionId} (6.11.3.1)."""
    return await _RESOURCE.retrieve(incoming)


async def update_subscription(incoming: Incoming) -> web.Response:
    """PATCH /subscriptions/{subscriptionId} (6.11.3.2)."""
    return await _RESOURCE.update(incoming)


async def delete_subscription(incoming: Incoming) -> web.Response:
    """DELETE /subscriptions/{subscriptionId} (6.11.3.3)."""
    return await _RESOURCE.delete(incoming)
