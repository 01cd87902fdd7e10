"""Serves all subscriptions to registrations (clause 5.11.7); the leader of the engine runs it.

It looks at the signals of the tenants twice a second, and now and then at every tenant, in case a
signal was lost.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from broker.model.clock import format_time
from broker.model.errors import NgsiLdError
from broker.model.subscription import SubscriptionKey
from broker.observability.tasks import end, pause, spawn
from broker.storage.registrations import RegistrationSignals
from broker.storage.subscriptions import SubscriptionStore
from broker.subscriptions.registrations.lane import LaneTools, RegistrationLane

log = logging.getLogger(__name__)

_MOST = 100_000
_REMEMBERED = timedelta(days=7)
_FORGET_EVERY = 3_600.0
_GRACE = 2.0


class RegistrationNotifier:
    """Times are in seconds: between two looks at the signals, and at every tenant."""

    def __init__(
        self,
        *,
        subscriptions: SubscriptionStore,
        signals: RegistrationSignals,
        tools: LaneTools,
        every: float = 0.5,
        everything_every: float = 30.0,
    ) -> None:
        self._subscriptions = subscriptions
        self._signals = signals
        self._tools = tools
        self._every = every
        self._everything_every = everything_every
        self._lanes: dict[SubscriptionKey, RegistrationLane] = {}
        self._due: dict[SubscriptionKey, float] = {}
        self._running: dict[SubscriptionKey, asyncio.Task[None]] = {}
        self._seen: dict[str, int] = {}
        self._forget_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Notify until `stop` is set; what is under way then has some seconds to end."""
        counting = spawn(self._tools.counters.run(), name="counts of notified registrations")
        look_at_all = 0.0
        try:
            while not stop.is_set():
                now = self._tools.monotonic()
                try:
                    changed = await self._changed_tenants()
                    if now >= look_at_all:
                        changed |= await self._all_tenants()
                        look_at_all = now + self._everything_every
                    for tenant in changed:
                        await self._look_at(tenant)
                except NgsiLdError as error:
                    log.warning("registrations cannot be told of for now: %s", error.detail)
                self._start_due()
                await pause(stop, self._every)
            if self._running:
                await asyncio.wait(self._running.values(), timeout=_GRACE)
        finally:
            await self._end(counting)

    async def _changed_tenants(self) -> set[str]:
        numbers = await self._signals.read()
        changed = {tenant for tenant, number in numbers.items() if self._seen.get(tenant) != number}
        self._seen = numbers
        return changed

    async def _all_tenants(self) -> set[str]:
        tenants = set(await self._signals.tenants())
        if self._tools.monotonic() >= self._forget_at:
            self._forget_at = self._tools.monotonic() + _FORGET_EVERY
            oldest = format_time(datetime.fromisoformat(self._tools.clock()) - _REMEMBERED)
            for tenant in tenants:
                await self._tools.log.forget(tenant, before=oldest)
        return tenants

    async def _look_at(self, tenant: str) -> None:
        """Take up the subscriptions of a tenant; each may have something to tell."""
        found = await self._subscriptions.find(tenant, offset=0, limit=_MOST)
        present = {one.key: one for one in found}
        for key in [key for key in self._lanes if key[0] == tenant and key not in present]:
            self._drop(key)
            self._tools.counters.forget(key)
        for key, subscription in present.items():
            lane = self._lanes.get(key)
            if lane is None or lane.subscription != subscription:
                self._drop(key)
                self._lanes[key] = RegistrationLane(subscription, self._tools)
            self._due[key] = 0.0

    def _drop(self, key: SubscriptionKey) -> None:
        self._lanes.pop(key, None)
        self._due.pop(key, None)
        if (task := self._running.pop(key, None)) is not None:
            task.cancel()

    def _start_due(self) -> None:
        now = self._tools.monotonic()
        for key in [key for key, due in self._due.items() if due <= now]:
            if key not in self._running:
                del self._due[key]
                task = spawn(self._serve(self._lanes[key]), name="a subscription to registrations")
                self._running[key] = task

    async def _serve(self, lane: RegistrationLane) -> None:
        key = lane.subscription.key
        try:
            pause = await lane.advance()
        finally:
            if self._lanes.get(key) is lane:
                self._running.pop(key, None)
        if pause is not None and self._lanes.get(key) is lane:
            self._due.setdefault(key, self._tools.monotonic() + pause)

    async def _end(self, counting: asyncio.Task[None]) -> None:
        await end(*self._running.values())
        await self._tools.counters.flush()
        await end(counting)
