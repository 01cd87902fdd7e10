"""Subscriptions to context source registrations (clauses 6.12, 6.13)."""

from __future__ import annotations

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.subscription_documents import SubscriptionResource

_RESOURCE = SubscriptionResource(
    "/csourceSubscriptions", lambda app: app.registration_subscriptions, names_triggers=False
)


async def create_registration_subscription(incoming: Incoming) -> web.Response:
    """POST /csourceSubscriptions (6.12.3.1)."""
    return await _RESOURCE.create(incoming)


async def query_registration_subscriptions(incoming: Incoming) -> web.Response:
    """GET /csourceSubscriptions (6.12.3.2)."""
    return await _RESOURCE.query(incoming)


async def retrieve_registration_subscription(incoming: Incoming) -> web.Response:
    """GET /csourceSubscriptions/{subscriptionId} (6.13.3.1)."""
    return await _RESOURCE.retrieve(incoming)


async def update_registration_subscription(incoming: Incoming) -> web.Response:
    """PATCH /csourceSubscriptions/{subscriptionId} (6.13.3.2)."""
    return await _RESOURCE.update(incoming)


async def delete_registration_subscription(incoming: Incoming) -> web.Response:
    """DELETE /csourceSubscriptions/{subscriptionId} (6.13.3.3)."""
    return await _RESOURCE.delete(incoming)
