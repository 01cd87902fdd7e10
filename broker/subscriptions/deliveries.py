"""Delivery of notifications: at least once, in order per subscription and entity.

How it works. Every subscription has a *lane*, a queue in memory. While a notification of the lane
is under way, items gather; the next notification takes what has gathered (each entity once, within
limits), so an idle broker notifies every change by itself and a busy one in larger pieces: no
timer. Lanes do not wait for each other, but those that share an endpoint share its state: after a
failure all of them pause, one request tries, and when it succeeds all go on.

Nothing is lost: an item holds its ticket of the feed until it is delivered or *kept* in the outbox
of the tenant's database. What cannot be sent soon (the endpoint fails, the subscription is
throttled, the lane or the memory is full) is moved to the outbox in bulk, the feed goes on, and the
lane reads it back in order. What the outbox holds longer than allowed, or what a receiver rejects
again and again, is given up: counted, and left there for a while to be looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.model.clock import Clock
from broker.model.errors import DatabaseUnavailable, NgsiLdError
from broker.observability.metrics import (
    NOTIFICATION_ATTEMPTS,
    NOTIFICATION_QUEUE,
    NOTIFICATION_SECONDS,
    NOTIFICATIONS,
)
from broker.observability.tasks import end, spawn
from broker.storage.deliveries import Outbox
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.counters import DeliveryCounters, Key
from broker.subscriptions.endpoints import EndpointState, RetryPolicy
from broker.subscriptions.lane import Item, Lane, from_kept, to_keep
from broker.subscriptions.notification import message_of
from broker.subscriptions.senders.sender import Outcome, Sender

log = logging.getLogger(__name__)

_NO_SENDER = Outcome("rejected", "the broker has no sender for this kind of endpoint")
_ENDPOINTS_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Bounds of the deliveries; times in seconds.

    `entities_a_notification` 1 sends every change by itself, however far behind the queue is.
    """

    entities_a_notification: int = 100
    bytes_a_notification: int = 1_000_000
    items_a_lane: int = 2_000
    bytes_held: int = 64_000_000
    keep_after: float = 0.5
    keep_every: float = 0.2
    rejections: int = 3
    grace: float = 3.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class DeliveryTools:
    """What deliveries work with. `senders` are found by the scheme of the endpoint.

    Nothing is kept unless `is_leading`: what a process keeps that was replaced while it was halted
    would wait unseen, and be told long after what followed.
    """

    senders: Mapping[str, Sender]
    outbox: Outbox
    counters: DeliveryCounters
    find: Callable[[str, str], CompiledSubscription | None]
    is_leading: Callable[[], bool]
    clock: Clock
    monotonic: Callable[[], float]


class Deliveries:
    """All lanes of this process."""

    def __init__(self, tools: DeliveryTools, limits: DeliveryLimits) -> None:
        self._tools = tools
        self._limits = limits
        self._lanes: dict[Key, Lane] = {}
        self._endpoints: dict[str, EndpointState] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes_held = 0
        self._is_open = True
        self._is_behind = False

    # ---------------------------------------------------------------------------- from the feed

    def offer(self, compiled: CompiledSubscription, item: Item) -> None:
        """Queue an item for a subscription."""
        lane = self._lane(compiled)
        self._bytes_held += lane.append(item)
        self._wake(lane)

    @property
    def is_full(self) -> bool:
        """Whether more is held in memory than should be; `keep_all` makes room."""
        return self._bytes_held > self._limits.bytes_held

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
        if lane.has_work:
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
            if lane.has_work:
                self._wake(lane)

    async def subscription_removed(self, key: Key) -> None:
        """Drop everything that waits for a subscription. Raises DatabaseUnavailable."""
        lane = self._lanes.get(key)
        if lane is None:
            return
        async with lane.lock:
            if lane.kept:  # some of it perhaps after the subscription had been deleted
                await self._tools.outbox.clear(*key)
                lane.kept = 0
            del self._lanes[key]
            self._drop(lane)
        lane.changed.set()

    def start_at(self, compiled: CompiledSubscription, seconds: float) -> None:
        """Let a lane wait before its first notification (throttling that began before)."""
        self._lane(compiled).next_at = self._tools.monotonic() + seconds

    # ------------------------------------------------------------------------- life of a process

    async def run(self) -> None:
        """Move what cannot be sent soon to the outbox, until cancelled."""
        while True:
            await asyncio.sleep(self._limits.keep_every)
            stalled = [lane for lane in list(self._lanes.values()) if self._is_stalled(lane)]
            for lane in stalled:
                await self._keep_or_warn(lane)
            NOTIFICATION_QUEUE.set(self.items_waiting)

    async def keep_all(self) -> None:
        """Move everything that waits in memory to the outbox."""
        for lane in list(self._lanes.values()):
            await self._keep_or_warn(lane)

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

    # -------------------------------------------------------------------------------- a lane's life

    def _lane(self, compiled: CompiledSubscription) -> Lane:
        lane = self._lanes.get(compiled.key)
        if lane is None:
            lane = Lane(compiled.key, latest_only=compiled.tells_latest_only)
            self._lanes[compiled.key] = lane
        return lane

    def _wake(self, lane: Lane) -> None:
        if lane.is_running or lane.awaits_feed or not self._is_open:
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
                        await self._serve_once(lane, compiled)
                    else:
                        await self._discard(lane)
                except NgsiLdError as error:
                    log.warning("the outbox cannot be used: %s", error.detail)
                    await asyncio.sleep(self._limits.retry.first)
        finally:
            lane.is_running = False
            if self._lanes.get(lane.key) is not lane:  # what was under way may have been put back
                self._drop(lane)

    async def _serve_once(self, lane: Lane, compiled: CompiledSubscription) -> None:
        endpoint = self._endpoint(compiled.subscription.notification.endpoint.uri)
        wait = max(endpoint.wait, lane.next_at - self._tools.monotonic())
        if wait > 0:
            await _sleep_or_change(lane, wait)
            return
        async with endpoint.slot():
            if endpoint.wait > 0:
                return
            async with lane.lock:
                items = await self._take(lane)
            if not items:
                return
            outcome = await self._send(compiled, items)
        await self._conclude(lane, compiled, items, outcome)

    async def _take(self, lane: Lane) -> list[Item]:
        most = self._limits.entities_a_notification
        if lane.is_single:
            most = 1
        elif lane.latest_only:  # a window holds one notification, whatever has changed in it
            most *= 10
        if lane.kept:
            if lane.items:  # what was put back belongs in front of what is kept
                await self._keep(lane)
            found = await self._tools.outbox.find(lane.key[0], lane.key[1], limit=most)
            if found:
                reader = Lane(lane.key, latest_only=False)
                reader.items.extend(from_kept(kept) for kept in found)
                return reader.take(most=most, most_bytes=self._limits.bytes_a_notification)
            lane.kept = 0
        before = lane.bytes_held
        items = lane.take(most=most, most_bytes=self._limits.bytes_a_notification)
        self._bytes_held += lane.bytes_held - before
        return items

    async def _send(self, compiled: CompiledSubscription, items: Sequence[Item]) -> Outcome:
        endpoint = compiled.subscription.notification.endpoint
        sender = self._tools.senders.get(endpoint.scheme)
        if sender is None:
            return _NO_SENDER
        now = self._tools.clock()
        message = message_of(
            compiled.subscription, items[0].profile, [item.body for item in items], now
        )
        started = self._tools.monotonic()
        outcome = await sender.send(endpoint, message)
        NOTIFICATION_SECONDS.observe(self._tools.monotonic() - started)
        is_delivered = outcome.verdict == "delivered"
        NOTIFICATION_ATTEMPTS.labels("ok" if is_delivered else "failed").inc()
        if is_delivered:
            NOTIFICATIONS.labels("delivered").inc(len(items))
        return outcome

    async def _conclude(
        self, lane: Lane, compiled: CompiledSubscription, items: list[Item], outcome: Outcome
    ) -> None:
        """Do what an outcome asks for."""
        reason = None if outcome.verdict == "delivered" else outcome.reason or "not delivered"
        self._tools.counters.sent(lane.key, self._tools.clock(), reason)
        endpoint = self._endpoint(compiled.subscription.notification.endpoint.uri)
        if reason is None:
            endpoint.succeeded()
            lane.rejections, lane.is_single = 0, False
            lane.next_at = self._tools.monotonic() + compiled.subscription.throttling
            await self._forget(lane, items)
            return
        log.info(
            "notification not delivered",
            extra={"subscription": lane.key[1], "tenant": lane.key[0], "reason": reason},
        )
        if outcome.verdict == "rejected":
            await self._rejected(lane, items, reason)
            return
        endpoint.failed(
            retry_after=outcome.retry_after,
            cooldown=compiled.subscription.notification.endpoint.cooldown,
        )
        self._bytes_held += lane.put_back(items)

    async def _rejected(self, lane: Lane, items: list[Item], reason: str) -> None:
        """Find the item a receiver does not want; give it up after some attempts."""
        lane.rejections += 1
        if len(items) == 1 and lane.rejections >= self._limits.rejections:
            lane.rejections, lane.is_single = 0, False
            await self._give_up(lane, items, reason)
            return
        if len(items) > 1:
            lane.rejections = 0
        lane.is_single = True
        lane.next_at = self._tools.monotonic() + self._limits.retry.pause(lane.rejections or 1)
        self._bytes_held += lane.put_back(items)

    async def _give_up(self, lane: Lane, items: list[Item], reason: str) -> None:
        outbox = self._tools.outbox
        new = [item for item in items if not item.kept]
        keys = [item.kept for item in items if item.kept]
        try:
            if new:
                keys += await outbox.insert(lane.key[0], to_keep(lane, new))
            await outbox.bury(lane.key[0], keys, reason)
        except NgsiLdError:
            self._bytes_held += lane.put_back(items)
            raise
        self._tools.counters.discarded(lane.key, len(items))
        NOTIFICATIONS.labels("failed").inc(len(items))
        lane.kept = max(0, lane.kept - (len(items) - len(new)))
        for item in items:
            item.release()

    async def _forget(self, lane: Lane, items: list[Item]) -> None:
        keys = [item.kept for item in items if item.kept]
        for item in items:
            item.release()
        while keys:
            try:
                await self._tools.outbox.delete(lane.key[0], keys)
            except NgsiLdError as error:
                log.warning("delivered items cannot be deleted yet: %s", error.detail)
                await asyncio.sleep(self._limits.retry.first)
            else:
                lane.kept = max(0, lane.kept - len(keys))
                return

    # -------------------------------------------------------------------------------- the outbox

    def _is_stalled(self, lane: Lane) -> bool:
        if not lane.items:
            return False
        if len(lane.items) > self._limits.items_a_lane:
            return True
        wait = lane.next_at - self._tools.monotonic()
        compiled = self._tools.find(*lane.key)
        if compiled is not None:
            uri = compiled.subscription.notification.endpoint.uri
            endpoint = self._endpoint(uri)
            wait = max(wait, endpoint.wait, self._limits.keep_after if endpoint.is_failing else 0)
        return wait >= self._limits.keep_after

    async def _keep_or_warn(self, lane: Lane) -> None:
        try:
            async with lane.lock:
                await self._keep(lane)
        except NgsiLdError as error:
            log.warning("the outbox cannot be used: %s", error.detail)

    async def _keep(self, lane: Lane) -> None:
        """Move what a lane holds in memory to the outbox; the caller holds its lock.

        Raises DatabaseUnavailable.
        """
        if lane.items and not self._tools.is_leading():
            raise DatabaseUnavailable("the lease of this engine could not be extended in time")
        items = lane.take_all()
        if not items:
            return
        self._bytes_held -= sum(len(item.body) for item in items)
        try:
            await self._tools.outbox.insert(lane.key[0], to_keep(lane, items))
        except BaseException:
            self._bytes_held += lane.put_back(items)
            raise
        lane.kept += len(items)
        for item in items:
            item.release()
        self._wake(lane)

    async def _discard(self, lane: Lane) -> None:
        """Drop what waits for a subscription that is paused or expired (clause 5.8.6)."""
        async with lane.lock:
            self._drop(lane)
            if lane.kept:
                await self._tools.outbox.clear(*lane.key)
                lane.kept = 0

    def _drop(self, lane: Lane) -> None:
        for item in lane.take_all():
            self._bytes_held -= len(item.body)
            item.release()

    def _endpoint(self, uri: str) -> EndpointState:
        state = self._endpoints.get(uri)
        if state is None:
            if len(self._endpoints) >= _ENDPOINTS_REMEMBERED:
                self._endpoints.clear()
            state = EndpointState(self._limits.retry, now=self._tools.monotonic)
            self._endpoints[uri] = state
        return state


async def _sleep_or_change(lane: Lane, seconds: float) -> None:
    lane.changed.clear()
    try:
        async with asyncio.timeout(seconds):
            await lane.changed.wait()
    except TimeoutError:
        return
