"""Requests that carry an Idempotency-Key: applied once, answered the same however often they come.

The key is reserved before the operation and the answer kept after it. A repetition that finds no
answer (the first is under way, or its process died) waits a moment and is then carried out: what
the first one has committed is found again by the token of the reservation, not applied again.
"""

from __future__ import annotations

import asyncio

from broker.model.errors import IdempotencyConflict
from broker.operations.caller import Caller
from broker.storage.repeats import Answer, RepeatStore, Reservation
from broker.storage.tenants import TenantDirectory

_LOOKS = 20


class Repeats:
    """Both methods raise DatabaseUnavailable; keys are kept for 24 hours, by tenant."""

    def __init__(
        self, *, store: RepeatStore, tenants: TenantDirectory, look_every: float = 0.1
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._look_every = look_every

    async def reserve(
        self, caller: Caller, key: str, fingerprint: str, *, creates_tenant: bool
    ) -> Reservation | None:
        """Return the reservation of a key; None if there is no tenant that could hold it.

        Raises IdempotencyConflict if another request used the key.
        """
        if not creates_tenant and not await self._tenants.exists(caller.space):
            return None
        found = await self._store.reserve(caller.space, key, fingerprint)
        if found.fingerprint != fingerprint:
            raise IdempotencyConflict(
                f"the Idempotency-Key {key!r} was used for another request in the last 24 hours; "
                "use a key of its own for each request"
            )
        for _ in range(_LOOKS):
            if found.is_new or found.answer is not None:
                break
            await asyncio.sleep(self._look_every)
            found = await self._store.reserve(caller.space, key, fingerprint)
        return found

    async def keep(self, caller: Caller, key: str, token: str, answer: Answer) -> Answer:
        """Keep the answer; return the one every repetition gets."""
        return await self._store.keep(caller.space, key, token, answer)
