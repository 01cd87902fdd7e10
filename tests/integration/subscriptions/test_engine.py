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


async def test_what_changed_while_nobody_was_subscribed_is_known_later(town: City) -> None:
    """The feed leaves it out: neither a former life nor a former value may show."""
    receiver = await town.receiver()
    async with town.engine():
        for life in range(3):
            await town.create("urn:ngsi-ld:Sensor:1", count=0, life=life)
            subscription = await town.subscribe(receiver, notification={"showChanges": True})
            await town.update("urn:ngsi-ld:Sensor:1", count=1)
            await until(lambda n=life: len(receiver.received) == n + 1)
            assert await town.subscriptions.delete("", subscription.id)
            await asyncio.sleep(0.3)  # for the feed to leave the tenant out
            await town.delete("urn:ngsi-ld:Sensor:1")
    told = [body["data"][0] for body in receiver.received]
    assert [element["life"]["value"] for element in told] == [0, 1, 2]
    assert [element["count"]["previousValue"] for element in told] == [0, 0, 0]


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


async def test_a_periodic_subscription_tells_all_matching_entities(town: City) -> None:
    receiver = await town.receiver()
    await town.create("urn:ngsi-ld:Sensor:1", temperature=20)
    await town.create("urn:ngsi-ld:Sensor:2", temperature=30)
    await town.create("urn:ngsi-ld:Sensor:3", temperature=5)
    async with town.engine():
        await town.subscribe(receiver, timeInterval=0.3, q="temperature>10")
        await until(lambda: len(receiver.received) >= 2)
    for body in receiver.received:
        ids = sorted(element["id"] for element in body["data"])
        assert ids == ["urn:ngsi-ld:Sensor:1", "urn:ngsi-ld:Sensor:2"]


async def test_a_deletion_is_told_with_its_time(town: City) -> None:
    receiver = await town.receiver()
    await town.create("urn:ngsi-ld:Sensor:1", temperature=20)
    async with town.engine():
        await town.subscribe(
            receiver, notificationTrigger=["entityDeleted"], notification={"sysAttrs": True}
        )
        await town.delete("urn:ngsi-ld:Sensor:1")
        await until(lambda: receiver.received)
    (element,) = receiver.received[0]["data"]
    assert element.keys() == {"id", "type", "createdAt", "modifiedAt", "deletedAt"}
    assert element["createdAt"] == element["modifiedAt"] < element["deletedAt"]


async def test_tenants_are_told_of_their_own_changes_only(town: City) -> None:
    receiver = await town.receiver()
    async with town.engine():
        await town.subscribe(receiver, tenant="north")
        await town.create("urn:ngsi-ld:Sensor:1", temperature=1)
        await town.create("urn:ngsi-ld:Sensor:1", tenant="south", temperature=2)
        await town.create("urn:ngsi-ld:Sensor:1", tenant="north", temperature=3)
        await until(lambda: receiver.received)
    assert receiver.values("temperature") == [3]
    assert receiver.headers[0]["NGSILD-Tenant"] == "north"


async def test_linked_entities_in_q_are_looked_up(town: City) -> None:
    receiver = await town.receiver()
    await town.create("urn:ngsi-ld:Device:low", type_="Device", batteryLevel=0.3)
    await town.create("urn:ngsi-ld:Device:full", type_="Device", batteryLevel=0.9)
    async with town.engine():
        await town.subscribe(receiver, q="isConnectedTo{batteryLevel}<0.5")
        await town.connect("urn:ngsi-ld:Sensor:1", "urn:ngsi-ld:Device:full")
        await town.connect("urn:ngsi-ld:Sensor:2", "urn:ngsi-ld:Device:low")
        await until(lambda: receiver.received)
    assert [element["id"] for body in receiver.received for element in body["data"]] == [
        "urn:ngsi-ld:Sensor:2"
    ]


async def test_linked_entities_come_with_the_notification(town: City) -> None:
    receiver = await town.receiver()
    await town.create("urn:ngsi-ld:Device:1", type_="Device", batteryLevel=0.3)
    async with town.engine():
        await town.subscribe(receiver, notification={"join": "flat"})
        await town.connect("urn:ngsi-ld:Sensor:1", "urn:ngsi-ld:Device:1")
        await until(lambda: receiver.received)
    assert [element["id"] for element in receiver.received[0]["data"]] == [
        "urn:ngsi-ld:Sensor:1",
        "urn:ngsi-ld:Device:1",
    ]
