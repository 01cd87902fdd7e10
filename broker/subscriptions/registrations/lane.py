"""One subscription to registrations: what its subscriber was told, and what comes next.

It goes by the log of the registrations. How far the subscriber has been told is kept after each
notification that was delivered, so that nothing is lost, and what a crash leaves undone is told
again. A receiver that does not answer is told everything later; where the log does not reach back
as far, it is told of all that matches then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.model.registration import Registration
from broker.model.subscription import Subscription
from broker.query.registration_query import RegistrationQuery
from broker.registrations.matching import Selection, compile_selection
from broker.storage.registrations import RegistrationLog, Told, ToldStore
from broker.subscriptions.compiled import NotificationContext
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.registrations.matching import registration_query_of
from broker.subscriptions.registrations.notices import Notice, message_of_notice, next_notice
from broker.subscriptions.registry import ContextResolver
from broker.subscriptions.senders.sender import Outcome, Sender

log = logging.getLogger(__name__)

_AT_ONCE = 200
_A_NOTIFICATION = 1_000
_REJECTIONS = 3
_AFTER_ERROR = 5.0


@dataclass(frozen=True, slots=True)
class LaneTools:
    """What lanes work with."""

    log: RegistrationLog
    told: ToldStore
    counters: DeliveryCounters
    sender: Sender
    contexts: ContextResolver
    retry: RetryPolicy
    clock: Clock
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A subscription with its @contexts and its query at hand."""

    context: NotificationContext
    query: RegistrationQuery
    select: Selection


class RegistrationLane:
    """Serves one version of one subscription; not to be asked twice at a time."""

    def __init__(self, subscription: Subscription, tools: LaneTools) -> None:
        self.subscription = subscription
        self._tools = tools
        self._ready: _Ready | None = None
        self._told: Told | None = None
        self._failures = 0
        self._rejections = 0
        self._not_before = 0.0

    async def advance(self) -> float | None:
        """Tell what there is to tell.

        Return after how many seconds to ask again, None: when something has changed.
        """
        pause = self._not_before - self._tools.monotonic()
        if pause > 0:
            return pause
        try:
            return await self._advance()
        except NgsiLdError as error:
            log.warning(
                "a subscription to registrations cannot be served for now: %s",
                error.detail,
                extra={"tenant": self.subscription.tenant, "subscription": self.subscription.id},
            )
            return _AFTER_ERROR

    async def _advance(self) -> float | None:
        interval = self.subscription.time_interval
        while self.subscription.status(self._tools.clock()) == "active":
            told = await self._told_last()
            if (pause := self._pause_after(told)) > 0:
                return pause
            notice = await self._next(told)
            if notice is None:
                return None
            if notice.registrations and not await self._tell(notice):
                return self._not_before - self._tools.monotonic()
            is_news = bool(notice.registrations) or interval is not None or told is None
            at = self._tools.clock() if told is None or is_news else told.at
            self._told = Told(notice.revision, self._edition, at)
            await self._tools.told.replace(*self.subscription.key, self._told)
        return None

    @property
    def _edition(self) -> str:
        """What tells this version of this subscription from others with its id."""
        return f"{self.subscription.created_at} {self.subscription.version}"

    async def _told_last(self) -> Told | None:
        """Return what the subscriber was told of this edition; nobody else tells it anything."""
        if self._told is None:
            told = await self._tools.told.fetch(*self.subscription.key)
            self._told = told if told is not None and told.edition == self._edition else None
        return self._told

    def _pause_after(self, told: Told | None) -> float:
        """Return how long the subscriber wants to be left alone."""
        if told is None:
            return 0.0
        between = self.subscription.time_interval or self.subscription.throttling
        if not between:
            return 0.0
        now = datetime.fromisoformat(self._tools.clock())
        return between - (now - datetime.fromisoformat(told.at)).total_seconds()

    async def _next(self, told: Told | None) -> Notice | None:
        """Return what comes next: all that matches at first and periodically, else changes."""
        if told is None or self.subscription.time_interval is not None:
            return await self._all()
        ready = await self._prepared()
        changes = await self._tools.log.changes(
            self.subscription.tenant, after=told.revision, limit=_AT_ONCE
        )
        if not changes:
            return None
        if changes[0].revision != told.revision + 1:
            return await self._all()
        return next_notice(changes, ready.select)

    async def _all(self) -> Notice:
        tenant, now = self.subscription.tenant, self._tools.clock()
        ready = await self._prepared()
        revision = await self._tools.log.revision(tenant)
        found: list[Registration] = []
        async for registration in self._tools.log.candidates(tenant, ready.query):
            part = None if registration.is_expired(now) else ready.select(registration)
            if part is not None:
                found.append(part)
        return Notice("newlyMatching", tuple(found), revision)

    async def _tell(self, notice: Notice) -> bool:
        """Send a notice; false if it is to be sent again later."""
        ready = await self._prepared()
        endpoint = self.subscription.notification.endpoint
        for start in range(0, len(notice.registrations), _A_NOTIFICATION):
            message = message_of_notice(
                self.subscription,
                ready.context,
                notice.registrations[start : start + _A_NOTIFICATION],
                reason=notice.reason,
                now=self._tools.clock(),
            )
            if not self._conclude(await self._tools.sender.send(endpoint, message)):
                return False
        return True

    def _conclude(self, outcome: Outcome) -> bool:
        """Count an attempt; say whether to go on, delivered or given up."""
        self._tools.counters.sent(self.subscription.key, self._tools.clock(), outcome.failure)
        if outcome.failure is None:
            self._failures = self._rejections = 0
            return True
        self._failures += 1
        self._rejections += outcome.verdict == "rejected"
        if self._rejections >= _REJECTIONS:
            self._tools.counters.discarded(self.subscription.key, 1)
            self._failures = self._rejections = 0
            return True
        cooldown = self.subscription.notification.endpoint.cooldown
        pause = self._tools.retry.pause(self._failures)
        pause = max(pause, outcome.retry_after or 0.0, cooldown or 0.0)
        self._not_before = self._tools.monotonic() + pause
        return False

    async def _prepared(self) -> _Ready:
        if self._ready is None:
            one, resolve = self.subscription, self._tools.contexts.resolve
            terms = await resolve(one.query_context, tenant=one.tenant)
            shown = await resolve(one.notification_context, tenant=one.tenant)
            query = registration_query_of(one.definition, terms)
            self._ready = _Ready(
                NotificationContext.of(shown),
                query,
                compile_selection(query, terms),
            )
        return self._ready
