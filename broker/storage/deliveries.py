"""What the deliveries need of a durable outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.model.subscription import SubscriptionKey


@dataclass(frozen=True, slots=True)
class KeptItem:
    """A notification item that waits in the outbox: one entity's state for one subscription.

    `body` is the JSON of the element of `data`, `profile` says how it was written (see
    `broker.subscriptions.notification.Profile`). Items of a subscription are sent in the order of
    `order` and `version`. With `is_latest_only` an item takes the place of an earlier one kept for
    the same entity (throttling), and gives way to a later one. `key` identifies it in the outbox.
    """

    subscription_id: str
    entity_id: str
    version: int
    order: str
    profile: str
    body: bytes
    is_latest_only: bool = False
    key: str = ""


class Outbox(Protocol):
    """Keeps what could not be sent yet. What `insert` was given survives any crash.

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def insert(self, tenant: str, items: Sequence[KeptItem]) -> list[str]:
        """Keep items and return their keys; those that are kept already are not kept twice."""

    async def find(self, tenant: str, subscription_id: str, *, limit: int) -> list[KeptItem]:
        """Return the first items kept for a subscription, in order."""

    async def delete(self, tenant: str, keys: Sequence[str]) -> None:
        """Forget items that were delivered, not what has taken their place since."""

    async def clear(self, tenant: str, subscription_id: str) -> None:
        """Forget everything that is kept for a subscription."""

    async def bury(self, tenant: str, keys: Sequence[str], reason: str) -> None:
        """Give items up: they are no longer found, but stay to be looked at for a while.

        What has taken their place since goes on waiting.
        """

    async def waiting(self) -> dict[SubscriptionKey, int]:
        """Return how many items wait, by tenant and subscription."""

    async def expire(self, tenant: str, *, older_than: str, most: int) -> dict[str, int]:
        """Bury what is kept longer than allowed, or beyond `most` items of one subscription.

        Returns how many were given up, by subscription.
        """
