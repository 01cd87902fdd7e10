"""Snapshots: copies of what queries find, to be worked on by themselves (clauses 5.5.15, 5.16).

Here is what clients ask for; it is carried out in the background by `snapshot_keeping`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from broker.model.clock import Clock, format_time
from broker.model.durations import seconds_of_duration
from broker.model.errors import (
    AlreadyExists,
    OperationNotSupported,
    Overloaded,
    ResourceNotFound,
    TooManyResults,
)
from broker.model.snapshot import Snapshot
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy
from broker.storage.snapshots import SnapshotStore

_ATTEMPTS = 10
_USE_IS_NEWS = timedelta(seconds=0.1)


@dataclass(frozen=True, slots=True)
class SnapshotLimits:
    """What the operator allows: snapshots of a tenant, seconds that one lives."""

    snapshots: int = 20
    lifetime: float = 86_400.0
    longest_lifetime: float = 604_800.0


@dataclass(frozen=True, slots=True)
class SnapshotWish:
    """What a client says of a snapshot (5.2.41); `members` are fields of `model.snapshot.Snapshot`
    by their names. Without an `id` one is made up."""

    id: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)


class SnapshotOperations:
    """Each method raises NonexistentTenant and DatabaseUnavailable."""

    def __init__(
        self, *, snapshots: SnapshotStore, tenancy: Tenancy, clock: Clock, limits: SnapshotLimits
    ) -> None:
        self._snapshots = snapshots
        self._tenancy = tenancy
        self._clock = clock
        self._limits = limits

    async def create_snapshot(self, caller: Caller, wish: SnapshotWish) -> str:
        """Create Snapshot (5.16.1); return its identifier. It is filled in the background.

        Raises AlreadyExists, and TooManyResults where the operator allows no more.
        """
        await self._tenancy.require(caller)
        return await self._insert(caller, wish)

    async def clone_snapshot(self, caller: Caller, snapshot_id: str, wish: SnapshotWish) -> str:
        """Clone Snapshot (5.16.2); return the identifier of the clone. Raises as creation does,
        and ResourceNotFound."""
        source = await self.retrieve_snapshot(caller, snapshot_id)
        queries = {
            "queries": source.queries,
            "temporal_queries": source.temporal_queries,
            "context": source.context,
            "source": source.key,
        }
        return await self._insert(caller, replace(wish, members={**wish.members, **queries}))

    async def retrieve_snapshot(self, caller: Caller, snapshot_id: str) -> Snapshot:
        """Retrieve Snapshot Status (5.16.3). Raises ResourceNotFound."""
        await self._tenancy.require(caller)
        found = await self._snapshots.fetch(caller.tenant, snapshot_id, self._clock())
        if found is None:
            raise ResourceNotFound(f"there is no snapshot <{snapshot_id}>, or it has expired")
        return found

    async def update_snapshot(
        self, caller: Caller, snapshot_id: str, changes: Mapping[str, Any]
    ) -> Snapshot:
        """Update Snapshot Status (5.16.4): fields of `model.snapshot.Snapshot` by their names.

        Raises ResourceNotFound, Overloaded.
        """
        for _ in range(_ATTEMPTS):
            current = await self.retrieve_snapshot(caller, snapshot_id)
            now = self._clock()
            expires_at = current.expires_at
            if "lifetime" in changes:
                expires_at = self._expiry(changes["lifetime"], now)
            updated = current.evolve(
                **changes, modified_at=now, expires_at=expires_at, version=current.version + 1
            )
            updated = updated.evolve(has_notice=updated.endpoint is not None)
            if await self._snapshots.replace(updated):
                return updated
        raise Overloaded(f"the snapshot <{snapshot_id}> is being changed too often")

    async def delete_snapshot(self, caller: Caller, snapshot_id: str) -> None:
        """Delete Snapshot (5.16.5). Raises ResourceNotFound."""
        await self._snapshots.end(await self.retrieve_snapshot(caller, snapshot_id), self._clock())

    async def purge_snapshots(self, caller: Caller, fits: Callable[[Snapshot], bool]) -> None:
        """Purge Snapshots (5.16.7): delete those that fit. Raises ResourceNotFound if none does."""
        await self._tenancy.require(caller)
        now = self._clock()
        fitting = [each for each in await self._snapshots.find(caller.tenant, now) if fits(each)]
        if not fitting:
            raise ResourceNotFound("no snapshot fits the query")
        for snapshot in fitting:
            await self._snapshots.end(snapshot, now)

    async def enter(self, caller: Caller, snapshot_id: str) -> Caller:
        """Return the caller, from now on about a snapshot (6.3.22).

        Raises ResourceNotFound, and OperationNotSupported while it is being prepared.
        """
        snapshot = await self.retrieve_snapshot(caller, snapshot_id)
        if snapshot.status == "preparing":
            raise OperationNotSupported(
                f"the snapshot <{snapshot_id}> is being prepared; ask for its snapshotStatus, and "
                "try again when that is no longer 'preparing'"
            )
        now = self._clock()
        last = datetime.fromisoformat(snapshot.last_used_at)
        if datetime.fromisoformat(now) - last > _USE_IS_NEWS:
            await self._snapshots.touch(snapshot, now)
        return replace(caller, snapshot=snapshot_id, key=snapshot.key)

    async def _insert(self, caller: Caller, wish: SnapshotWish) -> str:
        now = self._clock()
        snapshot = Snapshot(
            key=secrets.token_hex(6),
            tenant=caller.tenant,
            id=wish.id or f"urn:ngsi-ld:Snapshot:{uuid4()}",
            created_at=now,
            modified_at=now,
            last_used_at=now,
        ).evolve(**wish.members)
        snapshot = snapshot.evolve(expires_at=self._expiry(snapshot.lifetime, now))
        await self._make_room(snapshot, now)
        if not await self._snapshots.insert(snapshot, now):
            raise AlreadyExists(f"the snapshot <{snapshot.id}> exists already")
        return snapshot.id

    async def _make_room(self, new: Snapshot, now: str) -> None:
        """Delete snapshots of a lower priority where there are too many (5.5.15)."""
        there = await self._snapshots.find(new.tenant, now)
        excess = len(there) + 1 - self._limits.snapshots
        if excess <= 0 or any(each.id == new.id for each in there):
            return
        lower = sorted(
            (each for each in there if each.priority < new.priority),
            key=lambda each: (each.priority, each.last_used_at),
        )
        if len(lower) < excess:
            raise TooManyResults(
                f"there are {len(there)} snapshots, and this broker keeps no more; delete one, or "
                "give this one a snapshotPriority above that of another"
            )
        for victim in lower[:excess]:
            await self._snapshots.end(victim, now)

    def _expiry(self, lifetime: str | None, now: str) -> str:
        wished = self._limits.lifetime if lifetime is None else seconds_of_duration(lifetime)
        seconds = min(wished or 0.0, self._limits.longest_lifetime)
        return format_time(datetime.fromisoformat(now) + timedelta(seconds=seconds))
