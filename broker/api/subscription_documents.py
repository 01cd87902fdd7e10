"""Subscriptions over HTTP, of both kinds: to entities (6.10, 6.11) and to registrations (6.12,
6.13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from broker.api.application import Application
from broker.api.documents import answer_document, asks_for_sys_attrs, refuse_empty, uri_part
from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES
from broker.api.paging import offset_page_headers
from broker.api.queries import page_of
from broker.api.responses import created, no_content
from broker.contexts.context import Context
from broker.operations.subscriptions import SubscriptionOperations, SubscriptionState
from broker.subscriptions.presentation import present_subscription


@dataclass(frozen=True, slots=True)
class SubscriptionResource:
    """The resources of one kind of subscriptions: their path, and the operations behind it.

    `names_triggers` says whether changes of entities trigger them, by default some kinds.
    """

    path: str
    operations: Callable[[Application], SubscriptionOperations]
    names_triggers: bool = True

    async def create(self, incoming: Incoming) -> web.Response:
        """Answer POST on the resource of all."""
        refuse_empty(incoming, "a subscription")
        context = await incoming.context()
        subscription_id = await self._operations(incoming).create_subscription(
            incoming.caller, incoming.body, context, await incoming.url_of(context)
        )
        return created(self.path, subscription_id)

    async def query(self, incoming: Incoming) -> web.Response:
        """Answer GET on the resource of all."""
        media_type = incoming.accepted(DOCUMENT_TYPES)
        context = await incoming.context()
        page = page_of(incoming.parameters, incoming.app.settings)
        with_count = incoming.parameters.asks_for_count
        sys_attrs = asks_for_sys_attrs(incoming)
        found = await self._operations(incoming).query_subscriptions(
            incoming.caller, limit=page.limit, offset=page.offset, with_count=with_count
        )
        body = [
            self._present(incoming, state, context, sys_attrs=sys_attrs) for state in found.states
        ]
        headers = offset_page_headers(incoming, page, has_more=found.has_more, count=found.count)
        return await answer_document(incoming, body, context, media_type, headers)

    async def retrieve(self, incoming: Incoming) -> web.Response:
        """Answer GET on the resource of one."""
        subscription_id = _subscription_id(incoming)
        media_type = incoming.accepted(DOCUMENT_TYPES)
        context = await incoming.context()
        sys_attrs = asks_for_sys_attrs(incoming)
        state = await self._operations(incoming).retrieve_subscription(
            incoming.caller, subscription_id
        )
        body = self._present(incoming, state, context, sys_attrs=sys_attrs)
        return await answer_document(incoming, body, context, media_type)

    async def update(self, incoming: Incoming) -> web.Response:
        """Answer PATCH on the resource of one."""
        subscription_id = _subscription_id(incoming)
        refuse_empty(incoming, "a subscription")
        context = await incoming.context()
        await self._operations(incoming).update_subscription(
            incoming.caller, subscription_id, incoming.body, context
        )
        return no_content()

    async def delete(self, incoming: Incoming) -> web.Response:
        """Answer DELETE on the resource of one."""
        await self._operations(incoming).delete_subscription(
            incoming.caller, _subscription_id(incoming)
        )
        return no_content()

    def _operations(self, incoming: Incoming) -> SubscriptionOperations:
        return self.operations(incoming.app)

    def _present(
        self, incoming: Incoming, state: SubscriptionState, context: Context, *, sys_attrs: bool
    ) -> dict[str, Any]:
        return present_subscription(
            state.subscription,
            state.record,
            context,
            now=self._operations(incoming).now(),
            sys_attrs=sys_attrs,
            names_triggers=self.names_triggers,
        )


def _subscription_id(incoming: Incoming) -> str:
    return uri_part(incoming, "subscriptionId", "urn:ngsi-ld:Subscription:1")
