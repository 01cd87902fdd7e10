"""The next notification of a lane: taken, sent, and concluded by what the receiver said.

Lanes that share an endpoint share its state: after a failure all of them pause, one request tries,
and when it succeeds all go on. Where a receiver rejects a notification its items are sent one by
one, so that only the one it does not want is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from broker.observability.metrics import NOTIFICATION_ATTEMPTS, NOTIFICATION_SECONDS, NOTIFICATIONS
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.delivery_tools import DeliveryLimits, DeliveryTools
from broker.subscriptions.endpoints import Endpoints, EndpointState
from broker.subscriptions.lane import Item, Lane
from broker.subscriptions.lane_outbox import LaneOutbox
from broker.subscriptions.notification import message_of
from broker.subscriptions.senders.sender import Outcome

log = logging.getLogger(__name__)


class LaneDispatcher:
    """Sends what waits in lanes; not to be asked twice at a time for one of them."""

    def __init__(self, tools: DeliveryTools, limits: DeliveryLimits, outbox: LaneOutbox) -> None:
        self._tools = tools
        self._limits = limits
        self._outbox = outbox
        self._endpoints = Endpoints(limits.retry, now=tools.monotonic)

    async def dispatch(self, lane: Lane, compiled: CompiledSubscription) -> None:
        """Send the next notification, or wait until it can be sent or the lane has changed.

        Raises DatabaseUnavailable; nothing is lost then.
        """
        endpoint = self._endpoint(compiled)
        wait = max(endpoint.wait, self._throttled(lane))
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

    def is_stalled(self, lane: Lane) -> bool:
        """Return whether what a lane holds in memory cannot be sent soon."""
        if not lane.items:
            return False
        if len(lane.items) > self._limits.items_a_lane:
            return True
        keep_after = self._limits.keep_after
        if self._throttled(lane) >= keep_after:
            return True
        compiled = self._tools.find(*lane.key)
        if compiled is None:
            return False
        endpoint = self._endpoint(compiled)
        return endpoint.is_failing or endpoint.wait >= keep_after

    def _throttled(self, lane: Lane) -> float:
        """Return for how many seconds a lane is not to send."""
        return lane.next_at - self._tools.monotonic()

    async def _take(self, lane: Lane) -> list[Item]:
        most, most_bytes = self._limits.entities_a_notification, self._limits.bytes_a_notification
        if lane.is_single:
            most = 1
        elif lane.latest_only:  # a window holds one notification, whatever has changed in it
            most *= 10
        if lane.kept:
            # what was put back belongs in front of what is kept
            await self._outbox.keep(lane)
            if items := await self._outbox.find(lane, most=most, most_bytes=most_bytes):
                return items
        return lane.take(most=most, most_bytes=most_bytes)

    async def _send(self, compiled: CompiledSubscription, items: Sequence[Item]) -> Outcome:
        endpoint = compiled.subscription.notification.endpoint
        now = self._tools.clock()
        message = message_of(
            compiled.subscription, items[0].profile, [item.body for item in items], now
        )
        started = self._tools.monotonic()
        outcome = await self._tools.sender.send(endpoint, message)
        NOTIFICATION_SECONDS.observe(self._tools.monotonic() - started)
        if outcome.failure is None:
            NOTIFICATION_ATTEMPTS.labels("ok").inc()
            NOTIFICATIONS.labels("delivered").inc(len(items))
        else:
            NOTIFICATION_ATTEMPTS.labels("failed").inc()
        return outcome

    async def _conclude(
        self, lane: Lane, compiled: CompiledSubscription, items: list[Item], outcome: Outcome
    ) -> None:
        """Do what an outcome asks for."""
        reason = outcome.failure
        self._tools.counters.sent(lane.key, self._tools.clock(), reason)
        endpoint = self._endpoint(compiled)
        if reason is None:
            endpoint.succeeded()
            lane.rejections, lane.is_single = 0, False
            lane.next_at = self._tools.monotonic() + compiled.subscription.throttling
            await self._outbox.delete(lane, items)
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
        lane.put_back(items)

    async def _rejected(self, lane: Lane, items: list[Item], reason: str) -> None:
        """Find the item a receiver does not want; give it up after some attempts."""
        lane.rejections += 1
        if len(items) == 1 and lane.rejections >= self._limits.rejections:
            lane.rejections, lane.is_single = 0, False
            await self._outbox.bury(lane, items, reason)
            self._tools.counters.discarded(lane.key, len(items))
            NOTIFICATIONS.labels("failed").inc(len(items))
            return
        if len(items) > 1:
            lane.rejections = 0
        lane.is_single = True
        lane.next_at = self._tools.monotonic() + self._limits.retry.pause(lane.rejections or 1)
        lane.put_back(items)

    def _endpoint(self, compiled: CompiledSubscription) -> EndpointState:
        return self._endpoints.state(compiled.subscription.notification.endpoint.uri)


async def _sleep_or_change(lane: Lane, seconds: float) -> None:
    lane.changed.clear()
    try:
        async with asyncio.timeout(seconds):
            await lane.changed.wait()
    except TimeoutError:
        return
