"""What the change feed reads and what it keeps: events, past states, positions, the lease."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from broker.model.changes import Change
from broker.model.entity import Entity
from broker.model.subscription import Subscription


@dataclass(frozen=True, slots=True)
class EntityChanged:
    """One committed change.

    `order` sorts as text in the order in which changes were written; changes of different
    entities may share it.
    """

    tenant: str
    change: Change
    order: str


@dataclass(frozen=True, slots=True)
class SubscriptionStored:
    """A subscription was created or replaced."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class SubscriptionRemoved:
    """A subscription was deleted."""

    tenant: str
    subscription_id: str


@dataclass(frozen=True, slots=True)
class TenantDropped:
    """All data of a tenant is gone."""

    tenant: str


FeedEvent: TypeAlias = EntityChanged | SubscriptionStored | SubscriptionRemoved | TenantDropped


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the feed: `token` is opaque, `at` about the time of the last event before it."""

    token: str
    at: str


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Events in order, and the position after the last of them."""

    events: list[FeedEvent]
    position: Position


@dataclass(frozen=True, slots=True)
class OpenedFeed:
    """Where a feed was opened. `is_complete` is false if the place asked for no longer exists.

    `at` is when it was opened, by the clock of the database: what was committed until then is
    old news.
    """

    position: Position
    is_complete: bool
    at: str


class ChangeSource(Protocol):
    """The one ordered stream of changes of all tenants.

    Every method raises DatabaseUnavailable while the database does not answer; the source is then
    closed and may be opened again after the last position read.
    """

    async def open(self, after: Position | None) -> OpenedFeed:
        """Start right after a position (None, or a position that is lost: now)."""

    async def read(self) -> FeedBatch:
        """Return what comes next; after about a second without any, an empty batch."""

    def replay(self, since: str) -> AsyncIterator[FeedEvent]:
        """Yield the changes committed since a time from the change log, tenant by tenant.

        For the case that the stream itself no longer reaches back so far.
        """

    async def close(self) -> None:
        """Give the stream up."""


class ChangeLog(Protocol):
    """The entities as they are now and the changes that led there: enough for any past state.

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def present(self, tenant: str, entity_ids: Sequence[str]) -> dict[str, Entity]:
        """Return those of the entities that exist, by id, expired ones included."""

    async def later(self, tenant: str, changes: Sequence[Change]) -> dict[str, list[Change]]:
        """Return what followed on each of some changes (of different entities), by entity.

        In order, and up to the deletion of the entity: a later life of it is another one's.
        """

    async def times(self, tenant: str, deletion: Change) -> tuple[str, str]:
        """Return when an entity that was deleted had been created and last modified."""


class PositionStore(Protocol):
    """Keeps how far the consumers of the feed have come."""

    async def fetch(self, consumer: str) -> Position | None:
        """Return the position a consumer stored last."""

    async def replace(self, consumer: str, position: Position, term: int) -> bool:
        """Store a position; false, and nothing stored, if a later leader has stored one."""


class Lease(Protocol):
    """A right that at most one process of the installation holds at a time."""

    async def acquire(self) -> int | None:
        """Take or extend the lease; return the term (it grows with each holder), None if taken.

        Raises DatabaseUnavailable while the database does not answer.
        """

    async def release(self) -> None:
        """Give the lease back, so that a standby need not wait for it to run out."""
