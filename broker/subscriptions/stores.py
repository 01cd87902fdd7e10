"""What the engine keeps in, and reads from, the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from broker.query.entity_query import EntityQuery
from broker.storage.deliveries import Outbox
from broker.storage.entities import EntityPage
from broker.storage.feed import ChangeLog, ChangeSource, Lease, PositionStore
from broker.storage.subscriptions import DeliveryRecordStore, SubscriptionStore


class EntityFinder(Protocol):
    """The part of an entity store that finds entities."""

    async def find(self, tenant: str, query: EntityQuery) -> EntityPage:
        """Return one page of the entities that match; raises DatabaseUnavailable."""


@dataclass(frozen=True, slots=True)
class EngineStores:
    """The stores of one engine."""

    lease: Lease
    source: ChangeSource
    log: ChangeLog
    positions: PositionStore
    subscriptions: SubscriptionStore
    records: DeliveryRecordStore
    outbox: Outbox
    entities: EntityFinder
