"""Transient entities and attributes are removed in time, and subscribers are told."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from broker.model import patching
from broker.model.clock import format_time, system_clock
from broker.model.entity import Entity
from broker.operations.expiry import ExpiryTimer
from tests.integration.subscriptions.city import VOCABULARY, City, until

SENSOR = "urn:ngsi-ld:Sensor:1"


def soon(seconds: float = 0.3) -> str:
    return format_time(datetime.fromisoformat(system_clock()) + timedelta(seconds=seconds))


async def create(town: City, attributes: dict, expires_at: str | None = None) -> None:
    entity = Entity(SENSOR, (VOCABULARY + "Sensor",), attributes, expires_at=expires_at)
    await town.entities.apply("north", SENSOR, patching.create_entity(entity))


async def test_what_expires_is_removed_and_told(town: City) -> None:
    receiver = await town.receiver()
    triggers = ["entityDeleted", "attributeDeleted"]
    stop = asyncio.Event()
    timer = ExpiryTimer(
        entities=town.entities, registrations=town.registrations, clock=system_clock, every=0.05
    )
    async with town.engine():
        await town.subscribe(receiver, tenant="north", notificationTrigger=triggers)
        running = asyncio.ensure_future(timer.run(stop))
        transient = {"type": "Property", "value": 1, "expiresAt": soon()}
        lasting = {"type": "Property", "value": 2}
        await create(town, {VOCABULARY + "a": [transient], VOCABULARY + "b": [lasting]})
        await until(lambda: len(receiver.received) == 1)
        await town.delete(SENSOR, tenant="north")
        await until(lambda: len(receiver.received) == 2)
        await create(town, {VOCABULARY + "b": [lasting]}, expires_at=soon())
        await until(lambda: len(receiver.received) == 3)
        stop.set()
        await running
    first, _, third = (body["data"][0] for body in receiver.received)
    assert first["a"]["value"] == "urn:ngsi-ld:null"
    assert first["b"]["value"] == 2
    assert "deletedAt" in third
    assert await town.databases.of("north")["entities"].count_documents({}) == 0


async def test_an_entity_may_be_created_again_before_the_old_one_is_removed(town: City) -> None:
    await create(town, {}, expires_at=soon(0.05))
    await asyncio.sleep(0.1)
    await create(town, {VOCABULARY + "b": [{"type": "Property", "value": 1}]})
    fetched = await town.entities.fetch("north", SENSOR)
    assert fetched is not None
    assert fetched.attributes.keys() == {VOCABULARY + "b"}
    assert await town.entities.find_expired(system_clock(), limit=10) == []
