"""From events of the feed to notification items."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from broker.changes.feed import insist
from broker.changes.progress import Ticket
from broker.changes.states import EntityStates
from broker.model.clock import Clock
from broker.model.entity import Entity
from broker.model.subscription import SubscriptionKey
from broker.observability.metrics import NOTIFICATIONS_MATCHED
from broker.query.entity_query import EntitySelector, Page
from broker.storage.feed import (
    EntityChanged,
    FeedEvent,
    Position,
    SubscriptionRemoved,
    SubscriptionStored,
)
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.deliveries import Deliveries
from broker.subscriptions.lane import Item
from broker.subscriptions.linking import load_linked
from broker.subscriptions.matching import Occurrence, matches, occurrence_of
from broker.subscriptions.registry import Registry
from broker.subscriptions.rendering import change_elements, links_of
from broker.subscriptions.stores import EngineStores

log = logging.getLogger(__name__)


class NotificationConsumer:
    """Turns events of the feed into notification items; implements `FeedConsumer`."""

    def __init__(
        self,
        *,
        registry: Registry,
        deliveries: Deliveries,
        stores: EngineStores,
        states: EntityStates,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._deliveries = deliveries
        self._stores = stores
        self._states = states
        self._clock = clock
        self._created: dict[SubscriptionKey, str] = {}

    async def begin(self, place: Position | None) -> str | None:
        """Load the subscriptions and take up what waits in the outbox; it can be repeated.

        A subscription that was created after the place where the feed goes on is not told of what
        was committed between. That rests on the clocks of those who wrote, so it ends when the feed
        has caught up, and when the feed comes to the subscription itself. What waits in the outbox
        is sent when the feed has caught up: an earlier process may have died with what belongs
        before it.
        """
        self._registry.clear()
        self._states.clear()
        self._created.clear()
        oldest: str | None = None
        async for subscription in self._stores.subscriptions.all():
            await self._registry.put(subscription)
            if place is None or subscription.created_at >= place.at:
                self._created[subscription.key] = subscription.created_at
            oldest = min(oldest or subscription.created_at, subscription.created_at)
        await self._deliveries.resume()
        await self._restore_throttling()
        return oldest

    def caught_up(self) -> None:
        """Let go what waited for the feed."""
        self._created.clear()
        self._deliveries.go_on()

    async def handle(self, events: Sequence[FeedEvent], ticket: Ticket) -> None:
        """React to events, in order."""
        if self._deliveries.is_full:
            await self._deliveries.keep_all()
        changes: list[EntityChanged] = []
        for event in events:
            if isinstance(event, EntityChanged):
                changes.append(event)
                continue
            # What came before a subscription is matched without it, what comes after with it.
            await self._match(changes, ticket)
            changes = []
            await self._update(event)
        await self._match(changes, ticket)

    async def _update(self, event: FeedEvent) -> None:
        if isinstance(event, SubscriptionStored):
            tenant = event.subscription.tenant
            self._created.pop((tenant, event.subscription.id), None)
            if not self._registry.keys_of_tenant(tenant):
                # What changed while nobody there was subscribed, the feed has left out.
                self._states.forget(tenant)
            compiled = await insist(lambda: self._registry.put(event.subscription))
            if compiled is not None:
                self._deliveries.subscription_changed(compiled)
        elif isinstance(event, SubscriptionRemoved):
            await self._remove(event.tenant, event.subscription_id)
        else:
            for tenant, subscription_id in self._registry.keys_of_tenant(event.tenant):
                await self._remove(tenant, subscription_id)

    async def _match(self, events: Sequence[EntityChanged], ticket: Ticket) -> None:
        concerned = [(event, self._registry.of(event.tenant, event.change)) for event in events]
        wanted = [event for event, candidates in concerned if candidates]
        await insist(lambda: self._states.prepare(wanted))
        now = self._clock()
        matched = 0
        for event, candidates in concerned:
            if not candidates:
                self._states.skip(event)
                continue
            before, after = self._states.advance(event)
            entity = before if after is None else after
            if entity is None:
                continue
            if event.change.kind == "entityDeleted":
                entity = await self._with_times(event, entity)
            occurrence = occurrence_of(event.change, entity)
            for compiled in candidates:
                is_told = await self._tell(
                    compiled, occurrence, now=now, order=event.order, ticket=ticket
                )
                matched += is_told
        if matched:
            NOTIFICATIONS_MATCHED.inc(matched)

    async def _tell(
        self,
        compiled: CompiledSubscription,
        occurrence: Occurrence,
        *,
        now: str,
        order: str,
        ticket: Ticket,
    ) -> bool:
        """Queue what a subscription is to be told of a change; say whether there is something.

        A fault that shows with one subscription must not take the others' notifications away.
        """
        try:
            if not await self._matches(compiled, occurrence, now):
                return False
            body = await self._elements(compiled, occurrence)
        except Exception:
            log.exception(
                "a change could not be matched",
                extra={"subscription": compiled.key[1], "entity": occurrence.entity.id},
            )
            return False
        item = Item(
            entity_id=occurrence.change.entity_id,
            version=occurrence.change.version,
            order=order,
            profile=compiled.profile,
            body=body,
            ticket=ticket,
        )
        ticket.hold()
        self._deliveries.offer(compiled, item)
        return True

    async def _matches(
        self, compiled: CompiledSubscription, occurrence: Occurrence, now: str
    ) -> bool:
        if occurrence.change.at < self._created.get(compiled.key, ""):
            return False
        if not matches(compiled, occurrence, now):
            return False
        if not compiled.follows_links:
            return True
        # Linked entities are looked at as they are now; so is this one then.
        one = compiled.query.evolve(
            selectors=(EntitySelector(ids=(occurrence.entity.id,)),), page=Page(limit=1), now=now
        )
        found = await insist(lambda: self._stores.entities.find(compiled.key[0], one))
        return bool(found.entities)

    async def _with_times(self, event: EntityChanged, entity: Entity) -> Entity:
        return await insist(lambda: self._states.with_times(event, entity))

    async def _elements(self, compiled: CompiledSubscription, occurrence: Occurrence) -> bytes:
        links = links_of(compiled)
        if links is None:
            return change_elements(compiled, occurrence)
        loaded = await insist(
            lambda: load_linked(self._stores.log, compiled, [occurrence.entity], links)
        )
        return change_elements(compiled, occurrence, loaded)

    async def _remove(self, tenant: str, subscription_id: str) -> None:
        self._registry.remove((tenant, subscription_id))
        await insist(lambda: self._deliveries.subscription_removed((tenant, subscription_id)))

    async def _restore_throttling(self) -> None:
        """Let throttled subscriptions wait as long as an earlier process would have."""
        now = datetime.fromisoformat(self._clock())
        by_tenant: dict[str, list[str]] = {}
        for compiled in self._registry.throttled():
            by_tenant.setdefault(compiled.key[0], []).append(compiled.key[1])
        for tenant, ids in by_tenant.items():
            for subscription_id, record in (
                await self._stores.records.fetch_many(tenant, ids)
            ).items():
                found = self._registry.find(tenant, subscription_id)
                if found is None or record.last_success is None:
                    continue
                passed = (now - datetime.fromisoformat(record.last_success)).total_seconds()
                throttling = found.subscription.throttling
                # Clocks of two machines may differ: never wait longer than the period itself.
                self._deliveries.start_at(found, min(throttling - passed, throttling))
