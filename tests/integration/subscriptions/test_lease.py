"""One holder at a time; a new one when the old one is silent, gives it back, or is known gone."""

from __future__ import annotations

import asyncio

from broker.storage.feed import Position
from broker.storage.mongo.leases import MongoLease, MongoPositionStore
from tests.integration.subscriptions.city import City


def lease(town: City, owner: str, *, seconds: float = 30.0, gone: str = "") -> MongoLease:
    return MongoLease(
        town.databases,
        name="engine",
        owner=owner,
        seconds=seconds,
        is_gone=lambda one: one == gone,
    )


async def test_one_holds_it_until_it_gives_it_back(town: City) -> None:
    first, second = lease(town, "first"), lease(town, "second")
    assert await first.acquire() == 1
    assert await second.acquire() is None
    assert await first.acquire() == 1
    await first.release()
    assert await second.acquire() == 2
    assert await first.acquire() is None


async def test_only_its_holder_gives_it_back(town: City) -> None:
    first, second = lease(town, "first"), lease(town, "second")
    assert await first.acquire() == 1
    await second.release()
    assert await second.acquire() is None


async def test_it_runs_out(town: City) -> None:
    assert await lease(town, "first", seconds=0.1).acquire() == 1
    await asyncio.sleep(0.2)
    assert await lease(town, "second").acquire() == 2


async def test_nobody_waits_for_a_holder_that_is_gone(town: City) -> None:
    assert await lease(town, "first").acquire() == 1
    assert await lease(town, "second", gone="another").acquire() is None
    assert await lease(town, "second", gone="first").acquire() == 2


async def test_many_that_ask_at_once_get_it_once(town: City) -> None:
    asking = [lease(town, f"engine {number}").acquire() for number in range(20)]
    assert sorted(term or 0 for term in await asyncio.gather(*asking)) == [0] * 19 + [1]


async def test_a_leader_of_an_earlier_term_cannot_store_its_position(town: City) -> None:
    positions = MongoPositionStore(town.databases)
    assert await positions.replace("feed", Position("b", "t"), 2)
    assert not await positions.replace("feed", Position("a", "t"), 1)
    assert await positions.fetch("feed") == Position("b", "t")
