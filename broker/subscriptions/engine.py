"""The engine: matches every change against the subscriptions and sees to the deliveries.

One process of the installation runs it at a time (`broker.changes.leadership`); every other one
that is started stands by. It begins where the last one left off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from broker.changes.feed import ChangeFeed, insist
from broker.changes.leadership import Leadership
from broker.changes.states import EntityStates
from broker.model.clock import Clock, format_time
from broker.model.errors import NgsiLdError
from broker.observability.metrics import NOTIFICATIONS
from broker.observability.tasks import end, spawn
from broker.subscriptions.consumer import NotificationConsumer
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.deliveries import Deliveries
from broker.subscriptions.delivery_tools import DeliveryLimits, DeliveryTools
from broker.subscriptions.periodic import PeriodicNotifications
from broker.subscriptions.registry import ContextResolver, Registry
from broker.subscriptions.senders.sender import Sender
from broker.subscriptions.stores import EngineStores

log = logging.getLogger(__name__)

_CONSUMER = "subscriptions"

Companion = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Bounds of the engine. Undelivered items are given up after `retention` (seconds), or beyond
    `most_kept` of one subscription."""

    lease: float = 10.0
    retention: float = 72 * 3600.0
    most_kept: int = 1_000_000
    entities_held: int = 20_000
    expire_every: float = 60.0
    retry_aside_every: float = 10.0
    deliveries: DeliveryLimits = field(default_factory=DeliveryLimits)


class SubscriptionEngine:
    """Notifies subscribers of the changes of all tenants while it holds the lease."""

    def __init__(
        self,
        *,
        stores: EngineStores,
        contexts: ContextResolver,
        sender: Sender,
        clock: Clock,
        limits: EngineLimits,
        companions: Sequence[Companion] = (),
    ) -> None:
        """Make an engine; the `companions` run while it leads, until the event they get is set."""
        self._companions = companions
        self._stores = stores
        self._sender = sender
        self._clock = clock
        self._limits = limits
        self._registry = Registry(contexts)
        self._leadership = Leadership(stores.lease, seconds=limits.lease, monotonic=monotonic)
        self._feed: ChangeFeed | None = None

    @property
    def is_leader(self) -> bool:
        """Whether this process is the one that notifies."""
        return self._leadership.is_leader

    @property
    def is_ready(self) -> bool:
        """Whether the subscriptions are loaded and the feed is read."""
        return self._feed is not None and self._feed.is_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Lead or stand by until `stop` is set; what is under way is finished or kept."""
        await self._leadership.run(self._lead, stop)

    async def _lead(self, term: int, stop: asyncio.Event) -> None:
        counters = DeliveryCounters(self._stores.records)
        deliveries = self._make_deliveries(counters)
        feed = self._feed = self._make_feed(deliveries)
        periodic = PeriodicNotifications(
            registry=self._registry,
            deliveries=deliveries,
            stores=self._stores,
            clock=self._clock,
            monotonic=monotonic,
        )
        chores = [
            spawn(periodic.run(), name="periodic notifications"),
            spawn(counters.run(), name="delivery counts"),
            spawn(deliveries.run(), name="outbox"),
            spawn(self._expire(counters), name="retention of deliveries"),
            spawn(self._retry_aside(deliveries), name="subscriptions aside"),
        ]
        companions = [spawn(run(stop), name="engine's companion") for run in self._companions]
        try:
            await feed.run(term, stop)
            await deliveries.close()
            await counters.flush()
            await feed.save(term)
            if companions:
                await asyncio.wait(companions, timeout=self._limits.deliveries.grace)
        finally:
            self._feed = None
            try:
                await end(*chores, *companions)
            finally:
                await deliveries.abandon()

    def _make_deliveries(self, counters: DeliveryCounters) -> Deliveries:
        tools = DeliveryTools(
            sender=self._sender,
            outbox=self._stores.outbox,
            counters=counters,
            find=self._registry.find,
            is_leading=lambda: self._leadership.is_sure,
            clock=self._clock,
            monotonic=monotonic,
        )
        return Deliveries(tools, self._limits.deliveries)

    def _make_feed(self, deliveries: Deliveries) -> ChangeFeed:
        consumer = NotificationConsumer(
            registry=self._registry,
            deliveries=deliveries,
            stores=self._stores,
            states=EntityStates(self._stores.log, most=self._limits.entities_held),
            clock=self._clock,
        )
        return ChangeFeed(
            _CONSUMER,
            source=self._stores.source,
            positions=self._stores.positions,
            consumer=consumer,
            clock=self._clock,
        )

    async def _expire(self, counters: DeliveryCounters) -> None:
        """Give up what the outbox holds longer than the operator wants."""
        while True:
            await asyncio.sleep(self._limits.expire_every)
            now = datetime.fromisoformat(self._clock())
            oldest = format_time(now - timedelta(seconds=self._limits.retention))
            try:
                for tenant in self._registry.tenants:
                    given_up = await self._stores.outbox.expire(
                        tenant, older_than=oldest, most=self._limits.most_kept
                    )
                    for subscription_id, count in given_up.items():
                        counters.discarded((tenant, subscription_id), count)
                        NOTIFICATIONS.labels("expired").inc(count)
            except NgsiLdError as error:
                log.warning("the outbox cannot be used: %s", error.detail)

    async def _retry_aside(self, deliveries: Deliveries) -> None:
        while True:
            await asyncio.sleep(self._limits.retry_aside_every)
            if ready := await self._registry.retry():
                waiting = await insist(self._stores.outbox.waiting)
                for compiled in ready:
                    if self._registry.admit(compiled):
                        deliveries.take_up(compiled, waiting.get(compiled.key, 0))
