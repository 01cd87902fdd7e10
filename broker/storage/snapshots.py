"""What operations need of a store of snapshots (clause 5.16)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from broker.model.entity import Entity
from broker.model.snapshot import Snapshot
from broker.query.entity_query import EntityQuery


class SnapshotStore(Protocol):
    """Snapshots of all tenants, without their entities.

    What has expired by `now`, or was deleted, is not returned. Every method raises
    DatabaseUnavailable while the database does not answer.
    """

    async def insert(self, snapshot: Snapshot, now: str) -> bool:
        """Store a new snapshot; false if there is one with its id."""

    async def fetch(self, tenant: str, snapshot_id: str, now: str) -> Snapshot | None:
        """Return a snapshot, or None."""

    async def find(self, tenant: str, now: str) -> list[Snapshot]:
        """Return all snapshots of a tenant, the one made first first."""

    async def replace(self, snapshot: Snapshot) -> bool:
        """Store the next version of what clients define; false if version - 1 is not stored."""

    async def end(self, snapshot: Snapshot, now: str) -> bool:
        """Delete a snapshot, its space to go later; false if it has been deleted."""

    async def touch(self, snapshot: Snapshot, now: str) -> None:
        """Note that a snapshot is used."""


class SnapshotWork(Protocol):
    """What there is to do about snapshots, for those that do it in the background.

    Several may: each snapshot that is prepared belongs to the one that claimed it. Every method
    raises DatabaseUnavailable while the database does not answer.
    """

    async def due(self, now: str) -> list[Snapshot]:
        """Return the snapshots of all tenants with which something is to be done."""

    async def source_of(self, snapshot: Snapshot) -> Snapshot | None:
        """Return the snapshot a clone is made of, None if it is gone."""

    async def claim(self, snapshot: Snapshot) -> int | None:
        """Take the preparation; return how often that was done, None if it is taken."""

    async def extend(self, snapshot: Snapshot) -> bool:
        """Keep the claim; false if it is lost, or the snapshot has been deleted."""

    async def finish(self, snapshot: Snapshot) -> bool:
        """Store status and details and give the claim back; false if it was lost."""

    async def expire(self, snapshot: Snapshot, now: str) -> bool:
        """End a snapshot whose time has come; false if it was deleted, or given more time."""

    async def notified(self, snapshot: Snapshot) -> None:
        """Note that this version has been notified, or that this was given up."""

    async def remove(self, snapshot: Snapshot) -> None:
        """Forget a snapshot whose space is gone."""

    async def keys(self) -> set[str]:
        """Return the keys of all snapshots there are."""


class Moment(Protocol):
    """The entities of a space as they were at one moment, whatever is written meanwhile."""

    async def count(self, query: EntityQuery) -> int:
        """Return how many entities match."""

    def pages(self, query: EntityQuery) -> AsyncIterator[list[Entity]]:
        """Yield all that match, portion by portion."""

    async def fetch_many(self, entity_ids: Sequence[str]) -> dict[str, Entity]:
        """Return those of the entities that exist, by id."""


class SnapshotContents(Protocol):
    """The spaces of snapshots. Every method raises DatabaseUnavailable."""

    async def begin(self, space: str) -> None:
        """Make an empty space, whatever was there."""

    def moment(self, space: str) -> AbstractAsyncContextManager[Moment]:
        """Return the entities of a space as they are now."""

    async def add(self, space: str, entities: Sequence[Entity]) -> None:
        """Put entities into a space; attributes of one that is there are added to it."""

    def copy(self, source: str, target: str) -> AsyncIterator[int]:
        """Copy all entities of one moment, yielding how many were copied at a time."""

    async def drop(self, space: str) -> None:
        """Remove a space with all that is in it."""

    async def spaces(self) -> list[str]:
        """Return the spaces of snapshots there are."""
