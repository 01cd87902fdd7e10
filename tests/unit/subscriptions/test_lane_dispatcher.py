"""The next notification of a lane, and what becomes of it, without time or database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
import pytest

from broker.model.subscription import DeliveryRecord, Endpoint, SubscriptionKey
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.counters import DeliveryCounters
from broker.subscriptions.delivery_tools import DeliveryLimits, DeliveryTools
from broker.subscriptions.endpoints import RetryPolicy
from broker.subscriptions.lane import HeldBytes, Item, Lane
from broker.subscriptions.lane_dispatcher import LaneDispatcher
from broker.subscriptions.lane_outbox import LaneOutbox
from broker.subscriptions.senders.sender import DELIVERED, Message, Outcome
from tests.subscriptions import NOW, compiled
from tests.unit.subscriptions.outbox import FailingOutbox

LIMITS = DeliveryLimits(
    entities_a_notification=3, items_a_lane=5, keep_after=1.0, retry=RetryPolicy(first=2.0)
)


class Records:
    def __init__(self) -> None:
        self.added: dict[SubscriptionKey, DeliveryRecord] = {}

    async def add(self, records: Mapping[SubscriptionKey, DeliveryRecord]) -> None:
        self.added |= records

    async def fetch_many(self, _tenant: str, _ids: Sequence[str]) -> dict[str, DeliveryRecord]:
        return {}


class Receiver:
    """Takes notifications but those with an entity it does not want, or all while it is down."""

    def __init__(self) -> None:
        self.unwanted = ""
        self.is_down = False
        self.got: list[list[str]] = []

    async def send(self, _endpoint: Endpoint, message: Message) -> Outcome:
        ids = [one["id"] for one in orjson.loads(message.body)["data"]]
        self.got.append(ids)
        if self.is_down:
            return Outcome("try again", "status 503", retry_after=30.0)
        return Outcome("rejected", "status 400") if self.unwanted in ids else DELIVERED


class Town:
    """A lane with items a, b, … and everything it is served with; `now` is the time in seconds."""

    def __init__(self, entities: str, **members: object) -> None:
        self.now = 100.0
        self.subscription: CompiledSubscription | None = compiled(**members)
        self.receiver, self.stored, self.records = Receiver(), FailingOutbox(), Records()
        self.counters = DeliveryCounters(self.records)
        tools = DeliveryTools(
            sender=self.receiver,
            outbox=self.stored,
            counters=self.counters,
            find=lambda _tenant, _id: self.subscription,
            is_leading=lambda: True,
            clock=lambda: NOW,
            monotonic=lambda: self.now,
        )
        self.outbox = LaneOutbox(self.stored, is_leading=lambda: True, pause=0)
        self.dispatcher = LaneDispatcher(tools, LIMITS, self.outbox)
        one = compiled(**members)
        self.lane = Lane(one.key, latest_only=one.tells_latest_only, held=HeldBytes())
        for entity_id in entities:
            body = orjson.dumps({"id": entity_id})
            self.lane.append(Item(entity_id, 1, "0", one.profile, body))

    async def dispatch(self, times: int = 1) -> None:
        """Send notifications, each when it is due."""
        for _ in range(times):
            self.now = max(self.now, self.lane.next_at)
            assert self.subscription is not None
            await self.dispatcher.dispatch(self.lane, self.subscription)

    @property
    def waiting(self) -> list[str]:
        return [one.entity_id for one in self.lane.items]

    async def record(self) -> DeliveryRecord:
        await self.counters.flush()
        return self.records.added[self.lane.key]


async def test_a_notification_takes_what_waits_within_its_limits() -> None:
    town = Town("abcd")
    await town.dispatch(2)
    assert town.receiver.got == [["a", "b", "c"], ["d"]]
    assert not town.lane.has_work


async def test_a_window_holds_one_notification_whatever_has_changed_in_it() -> None:
    town = Town("abcdefgh", throttling=60)
    await town.dispatch()
    assert town.receiver.got == [list("abcdefgh")]
    assert town.lane.next_at == 160.0


async def test_what_is_kept_is_sent_before_what_waits_in_memory() -> None:
    town = Town("ab")
    await town.outbox.keep(town.lane)
    town.lane.append(Item("c", 1, "0", compiled().profile, b'{"id":"c"}'))
    await town.dispatch()
    assert town.receiver.got == [["a", "b", "c"]]
    assert (town.stored.kept, town.lane.has_work) == ({}, False)


async def test_a_receiver_that_is_down_is_left_alone_and_misses_nothing() -> None:
    town = Town("ab")
    town.receiver.is_down = True
    await town.dispatch()
    assert town.waiting == ["a", "b"]
    assert town.dispatcher.is_stalled(town.lane)
    town.receiver.is_down = False
    town.now += 30.0  # as long as it asked for
    await town.dispatch()
    assert town.receiver.got == [["a", "b"], ["a", "b"]]
    assert not town.dispatcher.is_stalled(town.lane)
    assert (await town.record()).times_failed == 1


async def test_only_the_entity_a_receiver_does_not_want_is_given_up() -> None:
    town = Town("abc")
    town.receiver.unwanted = "b"
    await town.dispatch(6)
    assert town.receiver.got == [["a", "b", "c"], ["a"], ["b", "c"], ["b"], ["b"], ["b"]]
    assert list(town.stored.buried.values()) == ["status 400"]
    await town.dispatch()
    assert town.receiver.got[-1] == ["c"]
    assert not town.lane.has_work
    assert (await town.record()).discarded == 1


async def test_between_rejections_the_receiver_has_a_pause() -> None:
    town = Town("a")
    town.receiver.unwanted = "a"
    await town.dispatch()
    assert 101.5 <= town.lane.next_at <= 102.5
    assert town.dispatcher.is_stalled(town.lane)


@pytest.mark.parametrize(
    ("entities", "expected"), [("", False), ("abcde", False), ("abcdef", True)]
)
def test_a_lane_that_is_full_is_stalled(entities: str, expected: bool) -> None:
    town = Town(entities)
    assert town.dispatcher.is_stalled(town.lane) is expected
    town.subscription = None
    assert town.dispatcher.is_stalled(town.lane) is expected
