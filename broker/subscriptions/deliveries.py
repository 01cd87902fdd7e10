"""Delivery of notifications: at least once, in order per subscription and entity.

How it works. Every subscription has a *lane*, a queue in memory (`lane`). While a notification of
the lane is under way, items gather; the next notification takes what has gathered (each entity
once, within limits), so an idle broker notifies every change by itself and a busy one in larger
pieces: no timer. Lanes do not wait for each other, but for an endpoint they share
(`lane_dispatcher`).

Nothing is lost: an item holds its ticket of the feed until it is delivered or *kept* in the outbox
of the tenant's database (`lane_outbox`). What cannot be sent soon (the endpoint fails, the
subscription is throttled, the lane or the memory is full) is moved to the outbox in bulk, the feed
goes on, and the lane reads it back in order. What the outbox holds longer than allowed, or what a
receiver rejects again and again, is given up: counted, and left there for a while to be looked at.

This module has the lanes of a process, and says which of them are served when.
"""

from __future__ import annotations

import asyncio
import logging

from broker.model.errors import NgsiLdError
from broker.model.subscription import SubscriptionKey
from broker.observability.metrics import NOTIFICATION_QUEUE
from broker.observability.tasks import end, spawn
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.delivery_tools import DeliveryLimits, DeliveryTools
from broker.subscriptions.lane import HeldBytes, Item, Lane
from broker.subscriptions.lane_dispatcher import LaneDispatcher
from broker.subscriptions.lane_outbox import LaneOutbox

log = logging.getLogger(__name__)


class Deliveries:
    """All lanes of this process."""

    def __init__(self, tools: DeliveryTools, limits: DeliveryLimits) -> None:
        self._tools = tools
        self._limits = limits
        self._outbox = LaneOutbox(
            tools.outbox, is_leading=tools.is_leading, pause=limits.retry.first
        )
        self._dispatcher = LaneDispatcher(tools, limits, self._outbox)
        self._lanes: dict[SubscriptionKey, Lane] = {}
        self._held = HeldBytes()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True
        self._is_behind = False

    # ---------------------------------------------------------------------------- from the feed

    def offer(self, compiled: CompiledSubscription, item: Item) -> None:
        """Queue an item for a subscription."""
        lane = self._lane(compiled)
        lane.append(item)
        self._wake(lane)

    @property
    def is_full(self) -> bool:
        """Whether more is held in memory than should be; `keep_all` makes room."""
        return self._held.total > self._limits.bytes_held

    @property
    def items_waiting(self) -> int:
        """How many items wait, in memory and in the outbox."""
        return sum(len(lane.items) + lane.kept for lane in self._lanes.values())

    async def resume(self) -> None:
        """Take up what an earlier process left in the outbox, to be sent when told to `go_on`."""
        self._is_behind = True
        for key, count in (await self._tools.outbox.waiting()).items():
            compiled = self._tools.find(*key)
            if compiled is not None:
                self.take_up(compiled, count)

    def take_up(self, compiled: CompiledSubscription, count: int) -> None:
        """Serve a subscription that is ready now, for which so many items are in the outbox."""
        lane = self._lane(compiled)
        # What this process has kept for it is in both numbers: it may be too many, never too few.
        lane.kept += count
        lane.awaits_feed = self._is_behind and lane.kept > 0
        self._wake(lane)

    def go_on(self) -> None:
        """Serve the lanes that waited for the feed to catch up."""
        self._is_behind = False
        for lane in self._lanes.values():
            if lane.awaits_feed:
                lane.awaits_feed = False
                self._wake(lane)

    def subscription_changed(self, compiled: CompiledSubscription) -> None:
        """Go by the new version of a subscription from now on (a new endpoint is tried at once)."""
        lane = self._lanes.get(compiled.key)
        if lane is not None:
            throttling = compiled.subscription.throttling
            lane.latest_only = compiled.tells_latest_only
            lane.next_at = min(lane.next_at, self._tools.monotonic() + throttling)
            lane.changed.set()
            self._wake(lane)

    async def subscription_removed(self, key: SubscriptionKey) -> None:
        """Drop everything that waits for a subscription. Raises DatabaseUnavailable."""
        lane = self._lanes.get(key)
        if lane is None:
            return
        async with lane.lock:
            # some of it was perhaps kept after the subscription had been deleted
            await self._outbox.clear(lane)
            del self._lanes[key]
            lane.drop()
        lane.changed.set()

    def start_at(self, compiled: CompiledSubscription, seconds: float) -> None:
        """Let a lane wait before its first notification (throttling that began before)."""
        self._lane(compiled).next_at = self._tools.monotonic() + seconds

    # ------------------------------------------------------------------------- life of a process

    async def run(self) -> None:
        """Move what cannot be sent soon to the outbox, until cancelled."""
        while True:
            await asyncio.sleep(self._limits.keep_every)
            stalled = [one for one in self._lanes.values() if self._dispatcher.is_stalled(one)]
            for lane in stalled:
                await self._keep(lane)
            NOTIFICATION_QUEUE.set(self.items_waiting)

    async def keep_all(self) -> None:
        """Move everything that waits in memory to the outbox."""
        for lane in list(self._lanes.values()):
            await self._keep(lane)

    async def close(self) -> None:
        """Let what is under way end, for a short while, and keep the rest."""
        self._is_open = False
        for lane in self._lanes.values():
            lane.changed.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.grace)
            await end(*late)
        await self.keep_all()

    async def abandon(self) -> None:
        """Stop at once and write nothing: another process has taken over."""
        self._is_open = False
        await end(*self._tasks)

    # ----------------------------------------------------------------------------------- the lanes

    def _lane(self, compiled: CompiledSubscription) -> Lane:
        lane = self._lanes.get(compiled.key)
        if lane is None:
            lane = Lane(compiled.key, latest_only=compiled.tells_latest_only, held=self._held)
            self._lanes[compiled.key] = lane
        return lane

    def _wake(self, lane: Lane) -> None:
        """Serve a lane if it has work and may be served, and is not being served."""
        if lane.is_running or lane.awaits_feed or not lane.has_work or not self._is_open:
            return
        lane.is_running = True
        task = spawn(self._serve(lane), name=f"deliveries of {lane.key[1]}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, lane: Lane) -> None:
        """Send what waits in a lane until nothing does."""
        try:
            while lane.has_work and self._is_open:
                compiled = self._tools.find(*lane.key)
                if compiled is None:
                    return
                try:
                    if compiled.is_active(self._tools.clock()):
                        await self._dispatcher.dispatch(lane, compiled)
                    else:
                        await self._discard(lane)
                except NgsiLdError as error:
                    log.warning("the outbox cannot be used: %s", error.detail)
                    await asyncio.sleep(self._limits.retry.first)
        finally:
            lane.is_running = False
            if self._lanes.get(lane.key) is not lane:  # what was under way may have been put back
                lane.drop()

    async def _keep(self, lane: Lane) -> None:
        """Move what a lane holds in memory to the outbox, if that answers."""
        try:
            async with lane.lock:
                await self._outbox.keep(lane)
        except NgsiLdError as error:
            log.warning("the outbox cannot be used: %s", error.detail)
        else:
            self._wake(lane)

    async def _discard(self, lane: Lane) -> None:
        """Drop what waits for a subscription that is paused or expired (clause 5.8.6)."""
        async with lane.lock:
            lane.drop()
            await self._outbox.clear(lane)
