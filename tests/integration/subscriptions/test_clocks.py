"""Clocks that go wrong: those of two machines differ, and any of them may be set back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from broker.model.clock import format_time, system_clock
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.entities import MongoEntityStore
from tests.integration.subscriptions.city import City, lose_place, until

SENSOR = "urn:ngsi-ld:Sensor:1"


def behind(hours: float) -> Callable[[], str]:
    """Return a clock that is some hours behind."""

    def clock() -> str:
        return format_time(datetime.fromisoformat(system_clock()) - timedelta(hours=hours))

    return clock


def by_clock_behind(town: City, hours: float) -> MongoEntityStore:
    """Return the entities as a worker sees them whose clock is some hours behind."""
    return MongoEntityStore(
        databases=town.databases, tenants=town.tenants, clock=behind(hours), limits=GroupLimits()
    )


async def test_the_change_log_is_read_from_what_a_slow_clock_takes_for_now(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        await town.subscribe(receiver)
        await asyncio.sleep(1.1)  # the place of the feed is kept to the second
        await town.update(SENSOR, count=1)
        await until(lambda: receiver.received)
    town.entities = by_clock_behind(town, 0.01)
    await town.update(SENSOR, count=2)
    await lose_place(town)
    async with town.engine():
        await until(lambda: 2 in receiver.values("count"))
    assert receiver.values("count")[0] == 1


async def test_a_clock_that_is_set_back_takes_no_notification_away(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0, room="here")
    async with town.engine():
        await town.subscribe(receiver, q='room=="here"')
        await asyncio.sleep(1.1)  # the place of the feed is kept to the second
        await town.update(SENSOR, count=0.5)
        await until(lambda: receiver.received)
    for number in (1, 2, 3):
        town.entities = by_clock_behind(town, number)
        await town.update(SENSOR, count=number)
    async with town.engine():
        await until(lambda: 3 in receiver.values("count"))
        town.entities = by_clock_behind(town, 4)
        await town.update(SENSOR, count=4)
        await until(lambda: 4 in receiver.values("count"))
    assert receiver.values("count") == [0.5, 1, 2, 3, 4]
    assert receiver.values("room") == ["here"] * 5
