"""A small installation for the tests of notifications: stores, an engine, receivers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from pymongo import AsyncMongoClient

from broker.contexts.context import Context, core_context
from broker.embedded.ports import free_port
from broker.model import patching
from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.model.fragment import Fragment
from broker.model.subscription import Subscription
from broker.outbound.addresses import AddressPolicy
from broker.outbound.client import OutboundClient, OutboundOptions
from broker.storage.mongo.change_stream import MongoChangeLog, MongoChangeSource
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.deliveries import MongoOutbox
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.leases import MongoLease, MongoPositionStore
from broker.storage.mongo.registrations import MongoRegistrationStore
from broker.storage.mongo.subscriptions import MongoDeliveryRecordStore, MongoSubscriptionStore
from broker.storage.mongo.tenants import Tenants
from broker.subscriptions.delivery_tools import DeliveryLimits
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.engine import EngineLimits, SubscriptionEngine
from broker.subscriptions.reading import read_subscription
from broker.subscriptions.senders.http import HttpSender
from broker.subscriptions.stores import EngineStores
from tests.patience import PATIENCE

CORE = core_context()
VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
QUICK = EngineLimits(
    lease=30.0,
    deliveries=DeliveryLimits(retry=RetryPolicy(first=0.05, longest=0.2), keep_after=0.05),
)


class CoreContexts:
    """Knows the Core @context only."""

    async def resolve(self, reference: Any, *, tenant: str = "") -> Context:
        """Return the Core @context."""
        return CORE


@dataclass
class Receiver:
    """An HTTP endpoint that keeps what it is sent and answers as told."""

    port: int = field(default_factory=free_port)
    status: int | Callable[[dict[str, Any]], int] = 200
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    attempts: int = 0
    delay: float = 0.0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/notify"

    async def start(self) -> Receiver:
        application = web.Application(client_max_size=10_000_000)
        application.router.add_post("/notify", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.attempts += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        status = self.status if isinstance(self.status, int) else self.status(body)
        if status < 300:
            self.received.append(body)
            self.headers.append(dict(request.headers))
        return web.Response(status=status)

    def values(self, attribute: str, entity_id: str | None = None) -> list[Any]:
        """Return the values of an attribute in the order of their arrival."""
        return [
            element[attribute]["value"]
            for body in self.received
            for element in body["data"]
            if attribute in element and entity_id in {None, element["id"]}
        ]


class City:
    """What the processes of an installation share, for one test."""

    def __init__(self, client: AsyncMongoClient[Document], prefix: str) -> None:
        self.databases = Databases(client, prefix=prefix)
        self.tenants = Tenants(self.databases)
        self.entities = MongoEntityStore(
            databases=self.databases, tenants=self.tenants, clock=system_clock, limits=GroupLimits()
        )
        self.subscriptions = MongoSubscriptionStore(databases=self.databases, tenants=self.tenants)
        self.registrations = MongoRegistrationStore(
            databases=self.databases, tenants=self.tenants, clock=system_clock
        )
        self.records = MongoDeliveryRecordStore(self.databases)
        self.outbox = MongoOutbox(
            databases=self.databases, tenants=self.tenants, clock=system_clock, days_buried=7
        )
        self.receivers: list[Receiver] = []
        self._owners = itertools.count(1)

    async def receiver(self, **settings: Any) -> Receiver:
        """Start a receiver."""
        receiver = await Receiver(**settings).start()
        self.receivers.append(receiver)
        return receiver

    async def create(
        self, entity_id: str, *, tenant: str = "", type_: str = "Sensor", **values: Any
    ) -> None:
        """Create an entity with a property for each value."""
        entity = Entity(entity_id, (VOCABULARY + type_,), attributes=properties(values))
        await self.entities.apply(tenant, entity_id, patching.create_entity(entity))

    async def connect(self, entity_id: str, target: str) -> None:
        """Create a sensor with a relationship to another entity."""
        link = {VOCABULARY + "isConnectedTo": [{"type": "Relationship", "object": target}]}
        entity = Entity(entity_id, (VOCABULARY + "Sensor",), attributes=link)
        await self.entities.apply("", entity_id, patching.create_entity(entity))

    async def update(self, entity_id: str, *, tenant: str = "", **values: Any) -> None:
        """Update properties of an entity."""
        fragment = Fragment(attributes=properties(values))
        await self.entities.apply(
            tenant, entity_id, patching.append_attributes(entity_id, fragment, overwrite=True)
        )

    async def delete(self, entity_id: str, *, tenant: str = "") -> None:
        """Delete an entity."""
        await self.entities.apply(tenant, entity_id, patching.delete_entity(entity_id))

    async def subscribe(
        self, receiver: Receiver | str, *, tenant: str = "", **members: Any
    ) -> Subscription:
        """Store a subscription to all sensors, changed by `members`."""
        subscription = subscription_to(receiver, tenant=tenant, **members)
        assert await self.subscriptions.insert(subscription)
        return subscription

    async def change(self, subscription: Subscription, **members: Any) -> Subscription:
        """Store a new version of a subscription."""
        changed = replace(
            subscription,
            definition={**subscription.definition, **members},
            version=subscription.version + 1,
        )
        assert await self.subscriptions.replace(changed)
        return changed

    @asynccontextmanager
    async def engine(
        self, limits: EngineLimits = QUICK, *, ready: bool = True
    ) -> AsyncIterator[SubscriptionEngine]:
        """Run an engine; at the end it is stopped as by an operator."""
        stop = asyncio.Event()
        policy = AddressPolicy(allow_private=True)
        async with OutboundClient(OutboundOptions(addresses=policy)) as client:
            engine = SubscriptionEngine(
                stores=self.stores(limits),
                contexts=CoreContexts(),
                sender=HttpSender(client, timeout=PATIENCE),
                clock=system_clock,
                limits=limits,
            )
            running = asyncio.ensure_future(engine.run(stop))
            try:
                if ready:
                    await until(lambda: engine.is_ready or running.done())
                yield engine
            finally:
                stop.set()
                await running

    def stores(self, limits: EngineLimits) -> EngineStores:
        """Return the stores of one engine."""
        return EngineStores(
            lease=MongoLease(
                self.databases,
                name="engine",
                owner=f"engine {next(self._owners)}",
                seconds=limits.lease,
            ),
            source=MongoChangeSource(self.databases),
            log=MongoChangeLog(self.databases),
            positions=MongoPositionStore(self.databases),
            subscriptions=self.subscriptions,
            records=self.records,
            outbox=self.outbox,
            entities=self.entities,
        )


@asynccontextmanager
async def city(client: AsyncMongoClient[Document], prefix: str) -> AsyncIterator[City]:
    """Open the stores of an installation."""
    made = City(client, prefix)
    try:
        yield made
    finally:
        for receiver in made.receivers:
            await receiver.stop()
        await client.close()


def properties(values: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return attributes with these values."""
    return {
        VOCABULARY + name: [{"type": "Property", "value": value}] for name, value in values.items()
    }


def subscription_to(receiver: Receiver | str, *, tenant: str = "", **members: Any) -> Subscription:
    """Return a subscription to all sensors, changed by `members`."""
    url = receiver if isinstance(receiver, str) else receiver.url
    notification = {"endpoint": {"uri": url}} | members.pop("notification", {})
    body = {
        "id": f"urn:ngsi-ld:Subscription:{next(_NUMBERS)}",
        "type": "Subscription",
        "entities": [{"type": "Sensor"}],
        "notification": notification,
    } | members
    now = system_clock()
    definition = read_subscription(body, CORE, now=now)
    return Subscription(definition.pop("id"), tenant, definition, created_at=now, modified_at=now)


async def lose_place(town: City) -> None:
    """Let the place the engine has stored be one the database does not know any more.

    It is the token of an event, at a time when there was none.
    """
    async with await town.databases.of("")["changes"].watch() as stream:
        await town.create("urn:ngsi-ld:Sensor:another", type_="Another")
        token: str = (await stream.next())["_id"]["_data"]
    second, number = token[:10], int(token[10:18], 16)
    lost = f"{second}{number - 1:08X}{token[18:]}"
    await town.databases.system["positions"].update_one({}, {"$set": {"token": lost}})


async def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds; fail when it never does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


_NUMBERS = itertools.count(1)
