"""Periodic notifications: all matching entities, every `timeInterval` seconds (clause 5.8.6)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable

from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.model.subscription import SubscriptionKey
from broker.query.entity_query import Page
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.deliveries import Deliveries
from broker.subscriptions.lane import Item
from broker.subscriptions.linking import load_linked
from broker.subscriptions.registry import Registry
from broker.subscriptions.rendering import entity_elements, links_of
from broker.subscriptions.stores import EngineStores

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.1
_ENTITIES_A_NOTIFICATION = 1000


class PeriodicNotifications:
    """Queues the notifications that are due; only the leader runs it.

    A notification that could not be delivered gives way to the next one: it tells the present
    state, so there is nothing to catch up with.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        deliveries: Deliveries,
        stores: EngineStores,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._deliveries = deliveries
        self._stores = stores
        self._clock = clock
        self._monotonic = monotonic
        self._due: dict[SubscriptionKey, tuple[CompiledSubscription, float]] = {}

    async def run(self) -> None:
        """Notify when it is time, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = self._monotonic()
            due = [
                compiled for compiled in self._registry.periodic() if self._is_due(compiled, now)
            ]
            for compiled in due:
                try:
                    await self._notify(compiled)
                except NgsiLdError as error:
                    log.warning("a periodic notification is left out: %s", error.detail)
            self._forget_removed()

    def _is_due(self, compiled: CompiledSubscription, now: float) -> bool:
        """Keep time from when this version of the subscription was first seen."""
        interval = compiled.subscription.time_interval or 0.0
        known, at = self._due.get(compiled.key, (None, 0.0))
        if known is not compiled:
            self._due[compiled.key] = compiled, now + interval
            return False
        if now < at:
            return False
        missed = int((now - at) / interval)
        self._due[compiled.key] = compiled, at + (missed + 1) * interval
        return compiled.is_active(self._clock())

    async def _notify(self, compiled: CompiledSubscription) -> None:
        query = compiled.query.evolve(
            page=Page(limit=_ENTITIES_A_NOTIFICATION),
            attributes=tuple(compiled.watched),
            now=self._clock(),
        )
        for number in itertools.count():
            page = await self._stores.entities.find(compiled.key[0], query)
            if page.entities:
                links = links_of(compiled)
                loaded = (
                    {}
                    if links is None
                    else await load_linked(self._stores.log, compiled, page.entities, links)
                )
                body = entity_elements(compiled, page.entities, loaded)
                self._offer(compiled, number, body)
            if page.next_cursor is None:
                return
            query = query.evolve(page=Page(limit=_ENTITIES_A_NOTIFICATION, cursor=page.next_cursor))

    def _offer(self, compiled: CompiledSubscription, number: int, body: bytes) -> None:
        item = Item(
            entity_id=f"page {number}", version=0, order="0", profile=compiled.profile, body=body
        )
        self._deliveries.offer(compiled, item)

    def _forget_removed(self) -> None:
        for key in [key for key in self._due if self._registry.find(*key) is None]:
            del self._due[key]
