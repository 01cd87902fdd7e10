"""What the outbox gives up: what waited too long, and what is too much."""

from __future__ import annotations

import pytest

from broker.model.clock import system_clock
from broker.storage.deliveries import KeptItem
from tests.integration.subscriptions.city import City

ONE, OTHER = "urn:ngsi-ld:Subscription:1", "urn:ngsi-ld:Subscription:2"
EVER = "0001-01-01T00:00:00.000000Z"


def item(subscription_id: str, number: int) -> KeptItem:
    return KeptItem(subscription_id, "urn:ngsi-ld:Sensor:1", number, f"{number:03d}", "", b"{}")


async def orders(town: City, subscription_id: str) -> list[str]:
    return [one.order for one in await town.outbox.find("", subscription_id, limit=100)]


@pytest.fixture
async def five(town: City) -> City:
    items = [item(ONE, number) for number in (3, 1, 5, 2, 4)]
    await town.outbox.insert("", [*items, item(OTHER, 1)])
    return town


async def test_the_oldest_give_way_when_more_wait_than_may(five: City) -> None:
    assert await five.outbox.expire("", older_than=EVER, most=3) == {ONE: 2}
    assert await orders(five, ONE) == ["003", "004", "005"]
    assert await orders(five, OTHER) == ["001"]
    buried = await five.databases.of("")["deliveries"].count_documents({"x": {"$gt": ""}})
    assert buried == 2


async def test_what_waited_too_long_goes(five: City) -> None:
    assert await five.outbox.expire("", older_than=system_clock(), most=100) == {ONE: 5, OTHER: 1}
    assert await orders(five, ONE) == []


async def test_what_may_wait_stays(five: City) -> None:
    assert await five.outbox.expire("", older_than=EVER, most=5) == {}
    assert len(await orders(five, ONE)) == 5


def state(version: int) -> KeptItem:
    """Return a state of which only the latest counts."""
    return KeptItem(
        ONE, "urn:ngsi-ld:Sensor:1", version, f"{version:03d}", "", b"{}", is_latest_only=True
    )


@pytest.mark.parametrize("ending", ["delete", "bury"])
async def test_what_came_while_an_earlier_state_was_told_goes_on_waiting(
    town: City, ending: str
) -> None:
    await town.outbox.insert("", [state(1)])
    (under_way,) = await town.outbox.find("", ONE, limit=10)
    await town.outbox.insert("", [state(2)])
    reason = ["the receiver does not want it"] if ending == "bury" else []
    await getattr(town.outbox, ending)("", [under_way.key], *reason)
    assert await orders(town, ONE) == ["002"]


async def test_what_was_not_delivered_does_not_take_the_place_of_what_followed(town: City) -> None:
    await town.outbox.insert("", [state(2)])
    keys = await town.outbox.insert("", [state(1)])
    assert await orders(town, ONE) == ["002"]
    await town.outbox.bury("", keys, "the receiver does not want it")
    assert await orders(town, ONE) == ["002"]


async def test_what_follows_on_one_that_was_given_up_waits(town: City) -> None:
    keys = await town.outbox.insert("", [state(1)])
    await town.outbox.bury("", keys, "the receiver does not want it")
    assert await orders(town, ONE) == []
    await town.outbox.insert("", [state(2)])
    assert await orders(town, ONE) == ["002"]
