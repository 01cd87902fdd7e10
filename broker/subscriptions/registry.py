"""The subscriptions of all tenants in memory, kept up to date by the feed."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any, Protocol

from broker.contexts.context import Context
from broker.model.changes import Change
from broker.model.errors import DatabaseUnavailable, NgsiLdError
from broker.model.subscription import Subscription, SubscriptionKey
from broker.subscriptions.candidates import Candidates
from broker.subscriptions.compiled import CompiledSubscription, NotificationContext
from broker.subscriptions.compiling import compile_subscription

log = logging.getLogger(__name__)


class ContextResolver(Protocol):
    """Gives an @context its meaning."""

    async def resolve(self, reference: Any, *, tenant: str = "") -> Context:
        """Return the @context of a reference; raises LdContextNotAvailable, BadRequestData."""


class Registry:
    """Finds subscriptions by id, by what a change touches, and the periodic ones.

    A subscription that cannot be made ready (its @context is not to be had, say) stands aside and
    is tried again by `retry`; the others are not affected.
    """

    def __init__(self, contexts: ContextResolver) -> None:
        self._contexts = contexts
        self._candidates = Candidates()
        self._all: dict[SubscriptionKey, CompiledSubscription] = {}
        self._aside: dict[SubscriptionKey, Subscription] = {}

    def __len__(self) -> int:
        return len(self._all)

    def clear(self) -> None:
        """Forget everything (before the subscriptions are loaded again)."""
        self._candidates = Candidates()
        self._all.clear()
        self._aside.clear()

    def find(self, tenant: str, subscription_id: str) -> CompiledSubscription | None:
        """Return a subscription that is ready."""
        return self._all.get((tenant, subscription_id))

    def of(self, tenant: str, change: Change) -> Collection[CompiledSubscription]:
        """Return the subscriptions a change could concern."""
        return self._candidates.of(tenant, change)

    def periodic(self) -> list[CompiledSubscription]:
        """Return the subscriptions with a timeInterval."""
        return [one for one in self._all.values() if one.subscription.time_interval is not None]

    def throttled(self) -> list[CompiledSubscription]:
        """Return the subscriptions with a throttling."""
        return [one for one in self._all.values() if one.subscription.throttling > 0]

    @property
    def tenants(self) -> set[str]:
        """The tenants that have subscriptions."""
        return {tenant for tenant, _ in (*self._all, *self._aside)}

    def keys_of_tenant(self, tenant: str) -> list[SubscriptionKey]:
        """Return the keys of a tenant's subscriptions."""
        return [key for key in (*self._all, *self._aside) if key[0] == tenant]

    async def put(self, subscription: Subscription) -> CompiledSubscription | None:
        """Add a subscription or its new version; None if it has to stand aside.

        Raises DatabaseUnavailable, and changes nothing then: it would miss what happens meanwhile.
        """
        compiled = await self._made_ready(subscription)
        key = subscription.key
        self.remove(key)
        if compiled is None:
            self._aside[key] = subscription
        else:
            self._add(compiled)
        return compiled

    async def retry(self) -> list[CompiledSubscription]:
        """Try again to make those ready that stand aside; return the ones to `admit`."""
        ready: list[CompiledSubscription] = []
        for waiting in list(self._aside.values()):
            try:
                compiled = await self._made_ready(waiting)
            except DatabaseUnavailable:
                break
            if compiled is not None:
                ready.append(compiled)
        return ready

    def admit(self, compiled: CompiledSubscription) -> bool:
        """Add a subscription that stood aside; false if the feed told of something newer since."""
        if self._aside.get(compiled.key) is not compiled.subscription:
            return False
        del self._aside[compiled.key]
        self._add(compiled)
        return True

    def remove(self, key: SubscriptionKey) -> None:
        """Take a subscription out, if it is in."""
        self._all.pop(key, None)
        self._aside.pop(key, None)
        self._candidates.remove(*key)

    def _add(self, compiled: CompiledSubscription) -> None:
        self._all[compiled.key] = compiled
        if compiled.subscription.time_interval is None:
            self._candidates.put(compiled)

    async def _made_ready(self, subscription: Subscription) -> CompiledSubscription | None:
        about = {"tenant": subscription.tenant, "subscription": subscription.id}
        try:
            return await self._compile(subscription)
        except DatabaseUnavailable:
            raise
        except NgsiLdError as error:
            log.warning("a subscription cannot be used for now: %s", error.detail, extra=about)
        except Exception:
            log.exception("a subscription cannot be used", extra=about)
        return None

    async def _compile(self, subscription: Subscription) -> CompiledSubscription:
        tenant = subscription.owner
        terms = await self._contexts.resolve(subscription.query_context, tenant=tenant)
        context = await self._contexts.resolve(subscription.notification_context, tenant=tenant)
        return compile_subscription(
            subscription,
            context=NotificationContext.of(context),
            query_terms=terms,
        )
