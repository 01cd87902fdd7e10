"""Removes transient entities and attributes when their time has come (clause 4.22).

Reads leave out what has expired at once; this makes the removal real: with a change record, and so
with notifications. It asks the database for what is due and runs an ordinary operation on each.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from broker.model.changes import EntityOperation, Transition
from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.model.patching import expire_entity

log = logging.getLogger(__name__)

_AT_ONCE = 200


class ExpiringEntities(Protocol):
    """The part of an entity store that expiry needs; both raise DatabaseUnavailable."""

    async def find_expired(self, now: str, *, limit: int) -> list[tuple[str, str]]:
        """Return tenants and ids of entities of which something expired before a time."""

    async def apply(self, tenant: str, entity_id: str, operation: EntityOperation) -> Transition:
        """Apply an operation to one entity and return when the result is durable."""


class ExpiryTimer:
    """A part of the engine. Two of them do no harm: the second finds nothing left to do."""

    def __init__(self, *, entities: ExpiringEntities, clock: Clock, every: float = 1.0) -> None:
        self._entities = entities
        self._clock = clock
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Remove what is due until `stop` is set."""
        while not stop.is_set():
            try:
                is_more = await self._remove_some()
            except NgsiLdError as error:
                log.warning("what has expired cannot be removed yet: %s", error.detail)
                is_more = False
            if not is_more:
                await _pause(stop, self._every)

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


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
