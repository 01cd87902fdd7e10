"""The engine on a real database, with real receivers: what is notified, in which order."""

from __future__ import annotations

import asyncio

from tests.integration.subscriptions.city import City, until


async def test_a_change_is_notified(town: City) -> None:
    receiver = await town.receiver()
    async with town.engine():
        subscription = await town.subscribe(receiver)
        await town.create("urn:ngsi-ld:Sensor:1", temperature=20)
        await until(lambda: receiver.received)
    body = receiver.received[0]
    assert body["type"] == "Notification"
    assert body["subscriptionId"] == subscription.id
    assert body["data"][0]["id"] == "urn:ngsi-ld:Sensor:1"
    assert body["data"][0]["temperature"]["value"] == 20


async def test_a_subscription_is_honoured_for_the_very_next_change(town: City) -> None:
    receiver = await town.receiver()
    await town.create("urn:ngsi-ld:Sensor:1", count=0)
    async with town.engine():
        for number in range(1, 21):
            await town.subscribe(receiver, watchedAttributes=["count"])
            await town.update("urn:ngsi-ld:Sensor:1", count=number)
            await until(lambda n=number: receiver.values("count").count(n) == n)


async def test_every_change_arrives_in_order_per_entity(town: City) -> None:
    receiver = await town.receiver()
    ids = [f"urn:ngsi-ld:Sensor:{number}" for number in range(20)]
    async with town.engine():
        await town.subscribe(receiver)
        await asyncio.gather(*[town.create(entity_id, count=0) for entity_id in ids])
        for number in range(1, 21):
            await asyncio.gather(*[town.update(entity_id, count=number) for entity_id in ids])
        await until(lambda: len(receiver.values("count")) == 20 * 21)
    for entity_id in ids:
        assert receiver.values("count", entity_id) == list(range(21))
