"""The identity of this broker as a context source (clause 5.15)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from broker.model.clock import Clock
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Identity:
    """What the broker tells of itself for one tenant; `uptime` is in whole seconds."""

    id: str
    alias: str
    uptime: int
    time_at: str


class SourceIdentity:
    """`alias` names the installation in Via headers; each tenant has one of its own (5.2.40)."""

    def __init__(self, *, alias: str, tenancy: Tenancy, clock: Clock) -> None:
        self._alias = alias
        self._tenancy = tenancy
        self._clock = clock
        self._started = time.monotonic()

    async def retrieve_source_identity(self, caller: Caller) -> Identity:
        """Retrieve Context Source Identity (5.15.1). Raises NonexistentTenant."""
        await self._tenancy.require(caller)
        alias = f"{self._alias}-{caller.tenant}" if caller.tenant else self._alias
        digest = hashlib.sha256(alias.encode()).hexdigest()[:24]
        return Identity(
            id=f"urn:ngsi-ld:ContextSourceIdentity:{digest}",
            alias=alias,
            uptime=int(time.monotonic() - self._started),
            time_at=self._clock(),
        )
