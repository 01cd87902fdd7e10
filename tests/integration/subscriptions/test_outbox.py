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
