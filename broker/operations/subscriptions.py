"""Context information subscription (clauses 5.8.1 to 5.8.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from broker.contexts.context import Context
from broker.contexts.resolver import ContextResolver
from broker.model.clock import Clock
from broker.model.entity import NULL
from broker.model.errors import AlreadyExists, BadRequestData, Overloaded, ResourceNotFound
from broker.model.subscription import DeliveryRecord, Subscription
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy
from broker.storage.subscriptions import DeliveryRecordStore, SubscriptionStore
from broker.subscriptions.compiled import NotificationContext
from broker.subscriptions.compiling import check_queries, compile_subscription
from broker.subscriptions.reading import (
    check_expiry,
    check_whole,
    read_fragment,
    read_subscription,
)
from broker.subscriptions.registrations.matching import check_for_registrations

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class SubscriptionKind:
    """What is particular to one kind of subscriptions.

    `check` raises BadRequestData or TooComplexQuery for one that could not be served; it is given
    the @context its queries are read with. `names_context` says whether jsonldContext is filled in
    where the client leaves it out, and not only where nobody could know it otherwise.
    """

    check: Callable[[Subscription, Context], None]
    names_context: bool


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription together with what became of its notifications."""

    subscription: Subscription
    record: DeliveryRecord


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """Some of the subscriptions; `count` is how many there are, where it was asked for."""

    states: list[SubscriptionState]
    has_more: bool
    count: int | None = None


class SubscriptionOperations:
    """Subscriptions of one kind: to entities, or (clauses 5.11.2 to 5.11.6) to registrations.

    Each method returns when its result is durable; all raise DatabaseUnavailable.
    """

    def __init__(
        self,
        *,
        subscriptions: SubscriptionStore,
        records: DeliveryRecordStore,
        contexts: ContextResolver,
        tenancy: Tenancy,
        clock: Clock,
        kind: SubscriptionKind,
    ) -> None:
        self._subscriptions = subscriptions
        self._records = records
        self._contexts = contexts
        self._tenancy = tenancy
        self._clock = clock
        self._check = kind.check
        self._names_context = kind.names_context

    def now(self) -> str:
        """Return the time that decides the status of subscriptions."""
        return self._clock()

    async def create_subscription(
        self, caller: Caller, body: Any, context: Context, context_url: str
    ) -> str:
        """Create Subscription (5.8.1); return its identifier.

        `context` is that of the request, `context_url` where notifications refer to it. Raises
        BadRequestData, TooComplexQuery, LdContextNotAvailable, AlreadyExists.
        """
        now = self._clock()
        definition = read_subscription(body, context, now=now)
        subscription_id = definition.pop("id", None) or f"urn:ngsi-ld:Subscription:{uuid4()}"
        await self._check_notification_context(caller, definition)
        if self._names_context or context.url is None:
            definition.setdefault("jsonldContext", context_url)
        subscription = Subscription(
            id=subscription_id,
            tenant=caller.space,
            snapshot=caller.snapshot,
            definition=definition,
            context=context.reference,
            query_context=context.reference,
            created_at=now,
            modified_at=now,
        )
        self._check(subscription, context)
        if not await self._subscriptions.insert(subscription):
            raise AlreadyExists(f"the subscription <{subscription_id}> exists already")
        return subscription_id

    async def update_subscription(
        self, caller: Caller, subscription_id: str, body: Any, context: Context
    ) -> None:
        """Update Subscription (5.8.2).

        Raises BadRequestData, TooComplexQuery, LdContextNotAvailable, ResourceNotFound,
        NonexistentTenant, Overloaded.
        """
        fragment = read_fragment(body, context, subscription_id=subscription_id)
        await self._check_notification_context(caller, fragment)
        for _ in range(_ATTEMPTS):
            current = await self._require(caller, subscription_id)
            updated = await self._updated(current, fragment, context)
            if await self._subscriptions.replace(updated):
                return
        raise Overloaded(f"the subscription <{subscription_id}> is being changed too often")

    async def retrieve_subscription(
        self, caller: Caller, subscription_id: str
    ) -> SubscriptionState:
        """Retrieve Subscription (5.8.3). Raises ResourceNotFound, NonexistentTenant."""
        subscription = await self._require(caller, subscription_id)
        return (await self._states(caller, [subscription]))[0]

    async def query_subscriptions(
        self, caller: Caller, *, limit: int, offset: int, with_count: bool
    ) -> SubscriptionPage:
        """Query Subscriptions (5.8.4). Raises NonexistentTenant."""
        await self._tenancy.require(caller)
        found: list[Subscription] = []
        if limit:
            found = await self._subscriptions.find(caller.space, offset=offset, limit=limit + 1)
        count = await self._subscriptions.count(caller.space) if with_count else None
        return SubscriptionPage(
            states=await self._states(caller, found[:limit]),
            has_more=len(found) > limit,
            count=count,
        )

    async def delete_subscription(self, caller: Caller, subscription_id: str) -> None:
        """Delete Subscription (5.8.5). Raises ResourceNotFound, NonexistentTenant."""
        await self._tenancy.require(caller)
        if not await self._subscriptions.delete(caller.space, subscription_id):
            raise _not_found(subscription_id)

    async def _require(self, caller: Caller, subscription_id: str) -> Subscription:
        await self._tenancy.require(caller)
        subscription = await self._subscriptions.fetch(caller.space, subscription_id)
        if subscription is None:
            raise _not_found(subscription_id)
        return subscription

    async def _states(
        self, caller: Caller, subscriptions: list[Subscription]
    ) -> list[SubscriptionState]:
        if not subscriptions:
            return []
        ids = [subscription.id for subscription in subscriptions]
        records = await self._records.fetch_many(caller.space, ids)
        return [
            SubscriptionState(subscription, records.get(subscription.id, DeliveryRecord()))
            for subscription in subscriptions
        ]

    async def _check_notification_context(self, caller: Caller, definition: dict[str, Any]) -> None:
        """Raise LdContextNotAvailable or BadRequestData if jsonldContext cannot be used."""
        reference = definition.get("jsonldContext", NULL)
        if reference == NULL:
            return
        try:
            await self._contexts.resolve(reference, tenant=caller.tenant)
        except BadRequestData as error:
            raise BadRequestData(error.detail, pointer="/jsonldContext") from error

    async def _updated(
        self, current: Subscription, fragment: dict[str, Any], context: Context
    ) -> Subscription:
        now = self._clock()
        removed = {name for name, value in fragment.items() if value == NULL}
        definition = {
            name: value
            for name, value in {**current.definition, **fragment}.items()
            if name not in removed
        }
        check_whole(definition)
        if "expiresAt" in fragment and "expiresAt" not in removed:
            check_expiry(fragment["expiresAt"], now)
            if "isActive" not in fragment and current.status(now) == "expired":
                definition.pop("isActive", None)  # only a later expiry: active again (5.8.2.4)
        updated = current.evolve(
            definition=definition,
            query_context=context.reference if "q" in fragment else current.query_context,
            modified_at=now,
            version=current.version + 1,
        )
        query_terms = await self._contexts.resolve(updated.query_context, tenant=current.owner)
        self._check(updated, query_terms)
        return updated


def check_for_entities(subscription: Subscription, query_terms: Context) -> None:
    """Raise BadRequestData or TooComplexQuery if the matcher could not use the subscription."""
    check_queries(subscription.definition, query_terms)
    context = NotificationContext.of(query_terms)
    _ = compile_subscription(subscription, context=context, query_terms=query_terms)


TO_ENTITIES = SubscriptionKind(check_for_entities, names_context=True)
TO_REGISTRATIONS = SubscriptionKind(check_for_registrations, names_context=False)


def _not_found(subscription_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"there is no subscription <{subscription_id}>")
