"""What waits for a subscription, and is counted for it, while that comes, goes or is made ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic

import pytest

from broker.changes.progress import Progress
from broker.model.clock import system_clock
from broker.model.subscription import DeliveryRecord, Endpoint
from broker.observability.tasks import end, spawn
from broker.storage.feed import Position
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.deliveries import Deliveries
from broker.subscriptions.delivery_tools import DeliveryLimits, DeliveryTools
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.lane import Item
from broker.subscriptions.senders.sender import DELIVERED, Message, Outcome
from tests.integration.subscriptions.city import City, until
from tests.subscriptions import compiled, subscription

SENSOR = "urn:ngsi-ld:Sensor:1"


class HeldSender:
    """Tells what it is to send, and answers when it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.outcome = DELIVERED
        self.sent: list[bytes] = []

    async def send(self, _endpoint: Endpoint, message: Message) -> Outcome:
        """Send a notification."""
        self.sent.append(message.body)
        await self.released.wait()
        return self.outcome


class Process:
    """The deliveries of one engine process, and the subscriptions it knows."""

    def __init__(self, town: City) -> None:
        self.sender = HeldSender()
        self.known: dict[tuple[str, str], CompiledSubscription] = {}
        self.progress = Progress()
        self.deliveries = Deliveries(
            DeliveryTools(
                sender=self.sender,
                outbox=town.outbox,
                counters=DeliveryCounters(town.records),
                find=lambda tenant, name: self.known.get((tenant, name)),
                is_leading=lambda: True,
                clock=system_clock,
                monotonic=monotonic,
            ),
            DeliveryLimits(
                keep_after=0.0, keep_every=0.005, retry=RetryPolicy(first=0.01, longest=0.02)
            ),
        )

    def offer(self, one: CompiledSubscription, version: int) -> None:
        """Queue a state of the sensor, as the feed does."""
        ticket = self.progress.begin(Position(str(version), ""))
        ticket.hold()
        body = b'{"id":"%d"}' % version
        self.deliveries.offer(
            one, Item(SENSOR, version, f"{version:03d}", one.profile, body, ticket)
        )
        ticket.release()

    @property
    def place(self) -> str:
        """How far everything is done."""
        return self.progress.safe.token if self.progress.safe else ""


@pytest.fixture
async def process(town: City) -> AsyncIterator[Process]:
    await town.tenants.ensure("")
    made = Process(town)
    keeping = spawn(made.deliveries.run(), name="outbox")
    yield made
    await end(keeping)
    await made.deliveries.abandon()


async def known(process: Process, **members: object) -> CompiledSubscription:
    one = compiled(**members)
    process.known[one.key] = one
    return one


async def until_kept(town: City, condition: Callable[[int], bool]) -> None:
    waiting = -1
    while not condition(waiting):
        await asyncio.sleep(0.005)
        waiting = sum((await town.outbox.waiting()).values())


async def test_what_is_under_way_when_its_subscription_is_deleted_holds_nothing_up(
    process: Process,
) -> None:
    one = await known(process)
    process.offer(one, 1)
    await until(lambda: process.sender.sent)
    del process.known[one.key]
    await process.deliveries.subscription_removed(one.key)
    process.sender.outcome = Outcome("try again", "the endpoint answered with status 500")
    assert process.place != "1"
    process.sender.released.set()
    await until(lambda: process.place == "1")
    assert len(process.sender.sent) == 1


async def test_what_was_kept_after_a_subscription_was_deleted_goes_with_it(
    town: City, process: Process
) -> None:
    one = await known(process, throttling=3600)
    process.deliveries.start_at(one, 3600)
    process.offer(one, 1)
    await until_kept(town, lambda waiting: waiting == 1)
    del process.known[one.key]
    await process.deliveries.subscription_removed(one.key)
    assert await town.outbox.waiting() == {}


@pytest.mark.parametrize(("last", "times_sent"), [("2020-01-01T00:00:00Z", 0), ("2999", 1)])
async def test_counts_of_a_former_subscription_go_and_those_of_the_new_one_stay(
    town: City, last: str, times_sent: int
) -> None:
    await town.tenants.ensure("")
    one = subscription()
    await town.records.add({("", one.id): DeliveryRecord(times_sent=1, last_notification=last)})
    assert await town.subscriptions.insert(one)
    found = await town.records.fetch_many("", [one.id])
    assert found.get(one.id, DeliveryRecord()).times_sent == times_sent


async def test_the_latest_state_is_told_though_it_came_while_an_earlier_one_was_tried_again(
    town: City, process: Process
) -> None:
    one = await known(process, throttling=0.01)
    process.sender.outcome = Outcome("try again", "the endpoint answered with status 500")
    process.sender.released.set()
    process.offer(one, 1)
    await until_kept(town, lambda waiting: waiting == 1)
    process.sender.released.clear()
    tried = len(process.sender.sent)
    await until(lambda: len(process.sender.sent) > tried)
    process.offer(one, 2)
    await until(lambda: process.place == "2")  # it is kept, while the first one is under way
    process.sender.outcome = DELIVERED
    process.sender.released.set()
    await until(lambda: b'"id":"2"' in process.sender.sent[-1])
    await until_kept(town, lambda waiting: waiting == 0)
    assert [b'"id":"2"' in body for body in process.sender.sent[tried:]] == [False, True]


async def test_what_is_in_the_outbox_waits_for_the_feed_though_its_subscription_is_ready_late(
    town: City, process: Process
) -> None:
    one = await known(process)
    process.deliveries.start_at(one, 3600)
    process.offer(one, 1)
    await until_kept(town, lambda waiting: waiting == 1)
    later = Process(town)
    later.sender.released.set()
    await later.deliveries.resume()  # the subscription stands aside
    later.known[one.key] = one
    later.deliveries.take_up(one, 1)
    later.offer(one, 0)
    await asyncio.sleep(0.05)
    assert later.sender.sent == []
    later.deliveries.go_on()
    await until(lambda: len(later.sender.sent) == 2)
    assert [b'"id":"0"' in body for body in later.sender.sent] == [True, False]
    await later.deliveries.abandon()
