"""Subscriptions ready for matching: names resolved, queries compiled, contexts at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from broker.contexts.context import Context
from broker.contexts.core import CORE_CONTEXT_URL
from broker.model.datetimes import canonical_time
from broker.model.entity import Entity
from broker.model.subscription import Subscription, SubscriptionKey
from broker.model.terms import Terms
from broker.query.ast import linked_depth
from broker.query.entity_query import EntityQuery
from broker.representations.conformance import Version
from broker.representations.options import RepresentationOptions

Predicate = Callable[[Entity], bool]


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """The @context notifications are written under: names, its address, its value in a body."""

    terms: Terms
    url: str
    body: object

    @classmethod
    def of(cls, context: Context) -> NotificationContext:
        """Return what there is to know of an @context; one without an address has the core's."""
        return cls(context, context.url or CORE_CONTEXT_URL, context.body)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledSubscription:
    """A subscription with everything the matcher looks at, prepared once.

    `query` finds the subscribed entities; `selects` tells whether an entity is one of them and
    meets q, geoQ and scopeQ, except that a `q` with linked entities (`follows_links`) is left to
    the database.
    `expires_at` is in the fixed-width form. `profile` is the text of how its notifications are
    written (`broker.subscriptions.notification.Profile`). `version` is the one of the standard
    that notifications conform to, None: the present one.
    """

    subscription: Subscription
    context: NotificationContext
    profile: str
    query: EntityQuery
    selects: Predicate
    options: RepresentationOptions
    watched: frozenset[str]
    triggers: frozenset[str]
    expires_at: str | None
    version: Version | None = None

    @property
    def follows_links(self) -> bool:
        """Whether `q` looks at linked entities."""
        condition = self.query.condition
        return condition is not None and linked_depth(condition) > 0

    @property
    def tells_latest_only(self) -> bool:
        """Whether states that nobody was told of may be passed over (throttled, periodic)."""
        return self.subscription.throttling > 0 or self.subscription.time_interval is not None

    @property
    def key(self) -> SubscriptionKey:
        """That of the subscription."""
        return self.subscription.key

    def is_active(self, now: str) -> bool:
        """Say whether notifications are sent at a time in the fixed-width form (clause 5.8.6)."""
        if not self.subscription.definition.get("isActive", True):
            return False
        return self.expires_at is None or self.expires_at > now


def expiry_of(subscription: Subscription) -> str | None:
    """Return when a subscription expires, in the fixed-width form."""
    expires_at = subscription.definition.get("expiresAt")
    return None if expires_at is None else canonical_time(expires_at)
