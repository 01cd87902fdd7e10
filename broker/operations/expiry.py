"""Removes transient entities, attributes (clause 4.22) and registrations (5.9.2.4) in time.

Reads leave out what has expired at once; this makes the removal real: with a change record, and so
with notifications. It asks the database for what is due and runs an ordinary operation on each.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from broker.model.changes import EntityOperation, Transition
from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.model.patching import expire_entity
from broker.observability.tasks import pause, rest_after

log = logging.getLogger(__name__)

_AT_ONCE = 200


class ExpiringEntities(Protocol):
    """The part of an entity store that expiry needs; both raise DatabaseUnavailable."""

    async def find_expired(self, now: str, *, limit: int) -> list[tuple[str, str]]:
        """Return tenants and ids of entities of which something expired before a time."""

    async def apply(self, tenant: str, entity_id: str, operation: EntityOperation) -> Transition:
        """Apply an operation to one entity and return when the result is durable."""


class ExpiringRegistrations(Protocol):
    """The part of a store of registrations that expiry needs; both raise DatabaseUnavailable."""

    async def find_expired(self, now: str, *, limit: int) -> list[tuple[str, str]]:
        """Return tenants and ids of registrations that expired before a time."""

    async def delete(
        self, tenant: str, registration_id: str, *, expired_by: str | None = None
    ) -> bool:
        """Delete a registration; false if there is none (that has expired by a time)."""


class ExpiryTimer:
    """A part of the engine. Two of them do no harm: the second finds nothing left to do."""

    def __init__(
        self,
        *,
        entities: ExpiringEntities,
        registrations: ExpiringRegistrations,
        clock: Clock,
        every: float = 1.0,
    ) -> None:
        """Make a timer that looks every so many seconds, less often where tenants are many."""
        self._entities = entities
        self._registrations = registrations
        self._clock = clock
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Remove what is due until `stop` is set."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                is_more = await self._remove_some()
                is_more = await self._remove_registrations() or is_more
            except NgsiLdError as error:
                log.warning("what has expired cannot be removed yet: %s", error.detail)
                is_more = False
            if not is_more:
                await pause(stop, rest_after(time.monotonic() - began, self._every))

    async def _remove_some(self) -> bool:
        """Remove what is due, up to a limit; return whether there may be more."""
        due = await self._entities.find_expired(self._clock(), limit=_AT_ONCE)
        operation = expire_entity()
        outcomes = await asyncio.gather(
            *[self._entities.apply(tenant, entity_id, operation) for tenant, entity_id in due],
            return_exceptions=True,
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in failures:
            log.warning("an expired entity could not be removed: %s", failure)
        return len(due) == _AT_ONCE and not failures

    async def _remove_registrations(self) -> bool:
        """Remove registrations that are due, up to a limit; return whether there may be more."""
        now = self._clock()
        due = await self._registrations.find_expired(now, limit=_AT_ONCE)
        for tenant, registration_id in due:
            await self._registrations.delete(tenant, registration_id, expired_by=now)
        return len(due) == _AT_ONCE
