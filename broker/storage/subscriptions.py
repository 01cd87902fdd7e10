"""What operations and the matcher need of a subscription store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from broker.model.subscription import DeliveryRecord, Subscription, SubscriptionKey

Attempts = Mapping[SubscriptionKey, DeliveryRecord]
"""By tenant and subscription id: counts to add, and times and texts to put in their place."""


class SubscriptionStore(Protocol):
    """Subscriptions of all tenants; writes are durable when they return.

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def insert(self, subscription: Subscription) -> bool:
        """Store a new subscription; false if there is one with this id already."""

    async def replace(self, subscription: Subscription) -> bool:
        """Store the next version of a subscription; false if version - 1 is not the stored one."""

    async def fetch(self, tenant: str, subscription_id: str) -> Subscription | None:
        """Return a subscription, or None."""

    async def find(self, tenant: str, *, offset: int, limit: int) -> list[Subscription]:
        """Return a page of the tenant's subscriptions, oldest first."""

    async def count(self, tenant: str) -> int:
        """Return how many subscriptions the tenant has."""

    async def delete(self, tenant: str, subscription_id: str) -> bool:
        """Delete a subscription with all that is kept for it; false if there is none."""

    def all(self) -> AsyncIterator[Subscription]:
        """Yield the subscriptions of all tenants."""


class DeliveryRecordStore(Protocol):
    """What became of notifications; apart from the subscriptions, which then change seldom.

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def add(self, attempts: Attempts) -> None:
        """Add the counts of many subscriptions at once."""

    async def fetch_many(
        self, tenant: str, subscription_ids: Sequence[str]
    ) -> dict[str, DeliveryRecord]:
        """Return the records there are, by subscription."""
