"""Subscribers are told of registrations (clause 5.11.7): a real database, real receivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from broker.model.clock import system_clock
from broker.model.subscription import Subscription
from broker.outbound.addresses import AddressPolicy
from broker.outbound.client import OutboundClient, OutboundOptions
from broker.storage.mongo.registration_signals import MongoRegistrationSignals
from broker.storage.mongo.subscriptions import (
    TO_REGISTRATIONS,
    MongoDeliveryRecordStore,
    MongoSubscriptionStore,
)
from broker.storage.mongo.told import MongoToldStore
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.registrations.lane import LaneTools
from broker.subscriptions.registrations.notifier import RegistrationNotifier
from broker.subscriptions.senders.http import HttpSender
from tests.integration.subscriptions.city import City, CoreContexts, subscription_to, until
from tests.patience import PATIENCE
from tests.registrations import info, registration


class Sources:
    """Registrations, and subscriptions to them, of one test."""

    def __init__(self, town: City) -> None:
        self.town = town
        self.registrations = town.registrations
        self.subscriptions = MongoSubscriptionStore(
            databases=town.databases, tenants=town.tenants, collections=TO_REGISTRATIONS
        )
        self.records = MongoDeliveryRecordStore(town.databases, TO_REGISTRATIONS)

    async def register(self, number: int = 1, type_: str = "Sensor", **members: Any) -> None:
        one = registration(info(type_), id=f"urn:r:{number}", **members)
        await self.registrations.insert(replace(one, created_at=system_clock()))

    async def change(self, number: int = 1, type_: str = "Sensor", **members: Any) -> None:
        current = await self.registrations.fetch("", f"urn:r:{number}")
        assert current is not None
        changed = registration(info(type_), id=current.id, **members)
        await self.registrations.replace(replace(changed, version=current.version + 1))

    async def remove(self, number: int = 1) -> None:
        assert await self.registrations.delete("", f"urn:r:{number}")

    async def subscribe(self, receiver: Any, **members: Any) -> Subscription:
        subscription = subscription_to(receiver, **members)
        assert await self.subscriptions.insert(subscription)
        return subscription

    async def until_served(self, subscription: Subscription) -> None:
        """Wait until a subscriber has been told of what there is at first."""
        store = MongoToldStore(self.town.databases)
        async with asyncio.timeout(PATIENCE):
            while await store.fetch("", subscription.id) is None:
                await asyncio.sleep(0.01)

    async def update(self, subscription: Subscription, **members: Any) -> Subscription:
        definition = {**subscription.definition, **members}
        changed = replace(subscription, definition=definition, version=subscription.version + 1)
        assert await self.subscriptions.replace(changed)
        return changed

    @asynccontextmanager
    async def notifier(self) -> AsyncIterator[None]:
        """Run a notifier; at the end it is stopped as by an operator."""
        policy = OutboundOptions(addresses=AddressPolicy(allow_private=True))
        async with OutboundClient(policy) as client:
            notifier = RegistrationNotifier(
                subscriptions=self.subscriptions,
                signals=MongoRegistrationSignals(self.town.databases),
                tools=LaneTools(
                    log=self.registrations,
                    told=MongoToldStore(self.town.databases),
                    counters=DeliveryCounters(self.records, pause=0.01),
                    sender=HttpSender(client, timeout=PATIENCE),
                    contexts=CoreContexts(),
                    retry=RetryPolicy(first=0.02, longest=0.05),
                    clock=system_clock,
                    monotonic=monotonic,
                ),
                every=0.02,
            )
            stop = asyncio.Event()
            running = asyncio.ensure_future(notifier.run(stop))
            yield
            stop.set()
            await running


@pytest.fixture
async def sources(town: City) -> Sources:
    return Sources(town)


def told(receiver: Any) -> list[tuple[str, list[str]]]:
    """Return reasons and ids of the registrations of what a receiver got."""
    return [
        (body["triggerReason"], [one["id"][-1] for one in body["data"]])
        for body in receiver.received
    ]


def has(receiver: Any, count: int) -> Callable[[], bool]:
    return lambda: len(receiver.received) >= count


async def test_all_that_matches_is_told_at_first_and_then_every_change(sources: Sources) -> None:
    receiver = await sources.town.receiver()
    await sources.register(1)
    await sources.register(2, "Other")
    async with sources.notifier():
        subscription = await sources.subscribe(receiver)
        await until(has(receiver, 1))
        await sources.register(3)
        await until(has(receiver, 2))
        await sources.change(3, scope="/a")
        await until(has(receiver, 3))
        await sources.change(2)
        await until(has(receiver, 4))
        await sources.change(1, "Other")
        await until(has(receiver, 5))
        await sources.remove(3)
        await until(has(receiver, 6))
    assert told(receiver) == [
        ("newlyMatching", ["1"]),
        ("newlyMatching", ["3"]),
        ("updated", ["3"]),
        ("newlyMatching", ["2"]),
        ("noLongerMatching", ["1"]),
        ("noLongerMatching", ["3"]),
    ]
    first = receiver.received[0]
    assert (first["type"], first["subscriptionId"]) == (
        "ContextSourceNotification",
        subscription.id,
    )
    assert "json-ld#context" in receiver.headers[0]["Link"]
    records = await sources.records.fetch_many("", [subscription.id])
    assert (records[subscription.id].times_sent, records[subscription.id].status) == (6, "ok")


async def test_what_happened_while_nobody_notified_is_told_later(sources: Sources) -> None:
    receiver = await sources.town.receiver()
    await sources.subscribe(receiver)
    await sources.register(1)
    async with sources.notifier():
        await until(has(receiver, 1))
    await sources.register(2)
    await sources.register(3, "Other")
    await sources.remove(1)
    async with sources.notifier():
        await until(has(receiver, 3))
        await sources.register(4)
        await until(has(receiver, 4))
    assert told(receiver) == [
        ("newlyMatching", ["1"]),
        ("newlyMatching", ["2"]),
        ("noLongerMatching", ["1"]),
        ("newlyMatching", ["4"]),
    ]


async def test_a_receiver_that_is_down_is_told_when_it_is_back(sources: Sources) -> None:
    receiver = await sources.town.receiver()
    await receiver.stop()
    async with sources.notifier():
        subscription = await sources.subscribe(receiver)
        await sources.register(1)
        async with asyncio.timeout(PATIENCE):
            while True:
                records = await sources.records.fetch_many("", [subscription.id])
                if records and records[subscription.id].times_failed >= 2:
                    break
                await asyncio.sleep(0.02)
        assert records[subscription.id].status == "failed"
        await sources.change(1, scope="/a")
        await receiver.start()
        await until(has(receiver, 1))
    assert told(receiver)[0] == ("newlyMatching", ["1"])


async def test_what_a_receiver_rejects_is_given_up(sources: Sources) -> None:
    receiver = await sources.town.receiver(
        status=lambda body: 400 if body["data"][0]["id"] == "urn:r:1" else 200
    )
    subscription = await sources.subscribe(receiver)
    async with sources.notifier():
        await sources.until_served(subscription)
        await sources.register(1)
        await until(lambda: receiver.attempts >= 3)
        await sources.register(2)
        await until(has(receiver, 1))
    assert told(receiver) == [("newlyMatching", ["2"])]


async def test_an_updated_subscription_is_told_of_all_that_matches_now(sources: Sources) -> None:
    receiver = await sources.town.receiver()
    await sources.register(1)
    await sources.register(2, "Other")
    async with sources.notifier():
        subscription = await sources.subscribe(receiver)
        await until(has(receiver, 1))
        both = subscription_to(receiver, entities=[{"type": "Sensor,Other"}]).definition["entities"]
        subscription = await sources.update(subscription, entities=both)
        await until(has(receiver, 2))
        subscription = await sources.update(subscription, isActive=False)
        await sources.change(1, scope="/a")
        await asyncio.sleep(0.3)
        assert len(receiver.received) == 2
        await sources.update(subscription, isActive=True)
        await until(has(receiver, 3))
    everything = ("newlyMatching", ["1", "2"])
    assert told(receiver) == [("newlyMatching", ["1"]), everything, everything]


async def test_periodic_notifications_tell_of_all_that_matches(sources: Sources) -> None:
    receiver = await sources.town.receiver()
    await sources.register(1)
    async with sources.notifier():
        await sources.subscribe(receiver, timeInterval=0.2)
        await until(has(receiver, 3))
        assert set(map(str, told(receiver))) == {str(("newlyMatching", ["1"]))}
        await sources.register(2)
        await until(lambda: told(receiver)[-1] == ("newlyMatching", ["1", "2"]))


async def test_where_the_log_was_forgotten_all_is_told_again(sources: Sources) -> None:
    receiver = await sources.town.receiver()
    await sources.subscribe(receiver)
    await sources.register(1)
    async with sources.notifier():
        await until(has(receiver, 1))
    for number in (2, 3, 4):
        await sources.register(number)
    await sources.registrations.forget("", before="2999-01-01T00:00:00.000000Z")
    async with sources.notifier():
        await until(has(receiver, 2))
    assert told(receiver)[1] == ("newlyMatching", ["1", "2", "3", "4"])


async def test_a_deleted_subscription_is_told_nothing_more(sources: Sources) -> None:
    receiver, other = await sources.town.receiver(), await sources.town.receiver()
    async with sources.notifier():
        subscription = await sources.subscribe(receiver)
        for one in (subscription, await sources.subscribe(other)):
            await sources.until_served(one)
        await sources.register(1)
        await until(has(receiver, 1))
        await until(has(other, 1))
        assert await sources.subscriptions.delete("", subscription.id)
        await asyncio.sleep(0.3)
        await sources.register(2)
        await until(has(other, 2))
    assert len(receiver.received) == 1
