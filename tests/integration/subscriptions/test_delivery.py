"""Endpoints that fail, hang, reject or are throttled: nothing is lost, nobody else waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from broker.model import patching
from broker.model.entity import Entity
from broker.model.subscription import DeliveryRecord
from tests.integration.subscriptions.city import (
    QUICK,
    VOCABULARY,
    City,
    lose_place,
    properties,
    until,
)
from tests.patience import PATIENCE

SENSOR = "urn:ngsi-ld:Sensor:1"


async def record_of(town: City, subscription_id: str) -> DeliveryRecord:
    found = await town.records.fetch_many("", [subscription_id])
    return found.get(subscription_id, DeliveryRecord())


async def test_an_endpoint_that_is_down_loses_nothing_and_gets_it_in_order(town: City) -> None:
    receiver = await town.receiver()
    await receiver.stop()
    await town.create(SENSOR, count=0)
    async with town.engine():
        subscription = await town.subscribe(receiver)
        for number in range(1, 31):
            await town.update(SENSOR, count=number)
        await until_kept(town, 1)
        await receiver.start()
        await until(lambda: len(receiver.values("count")) >= 30)
    assert receiver.values("count") == list(range(1, 31))
    record = await record_of(town, subscription.id)
    assert record.status == "ok"
    assert record.times_failed > 0
    assert "cannot be reached" in (record.last_error or "")
    assert await town.outbox.waiting() == {}


async def test_a_hanging_endpoint_delays_nobody_else(town: City) -> None:
    slow = await town.receiver(delay=3600.0)
    quick = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        for _ in range(5):
            await town.subscribe(slow, notification={"endpoint": {"uri": slow.url, "timeout": 300}})
        await town.subscribe(quick)
        for number in range(1, 21):
            await town.update(SENSOR, count=number)
            await until(lambda n=number: quick.values("count")[-1:] == [n])
    assert quick.values("count") == list(range(1, 21))


async def test_answers_that_are_no_success_are_counted_and_repeated(town: City) -> None:
    answers = iter([503, 500, 429])
    receiver = await town.receiver(status=lambda _: next(answers, 204))
    async with town.engine():
        subscription = await town.subscribe(receiver)
        await town.create(SENSOR, count=1)
        await until(lambda: receiver.received)
    record = await record_of(town, subscription.id)
    assert (record.times_sent, record.times_failed, record.status) == (4, 3, "ok")


async def test_a_notification_that_is_rejected_again_and_again_is_given_up(town: City) -> None:
    def judge(body: dict) -> int:
        return 400 if any(element["count"]["value"] == 2 for element in body["data"]) else 200

    receiver = await town.receiver(status=judge)
    await town.create(SENSOR, count=0)
    async with town.engine():
        subscription = await town.subscribe(receiver)
        for number in range(1, 5):
            await town.update(SENSOR, count=number)
        await until(lambda: receiver.values("count") == [1, 3, 4])
    record = await record_of(town, subscription.id)
    assert record.discarded == 1
    buried = await town.databases.of("")["deliveries"].find().to_list()
    assert [document["x"][:40] for document in buried] == ["the endpoint answered with status 400"]


async def test_throttling_tells_the_last_state_when_the_time_is_over(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        await town.subscribe(receiver, throttling=1.5)
        for number in range(1, 6):
            await town.update(SENSOR, count=number)
            await asyncio.sleep(0.02)
        await until(lambda: receiver.values("count")[-1:] == [5])
    values = receiver.values("count")
    assert values == sorted(set(values))
    times = [datetime.fromisoformat(body["notifiedAt"]) for body in receiver.received]
    assert all(later - earlier >= timedelta(seconds=1.5) for earlier, later in pairwise(times))


async def test_what_waits_survives_a_restart(town: City) -> None:
    receiver = await town.receiver()
    await receiver.stop()
    await town.create(SENSOR, count=0)
    async with town.engine():
        await town.subscribe(receiver)
        for number in range(1, 6):
            await town.update(SENSOR, count=number)
        await until_kept(town, 1)
    await town.update(SENSOR, count=6)
    await receiver.start()
    async with town.engine():
        await until(lambda: receiver.values("count")[-1:] == [6])
    assert receiver.values("count") == [1, 2, 3, 4, 5, 6]


async def test_what_waits_is_told_after_what_its_process_died_with(town: City) -> None:
    receiver = await town.receiver()
    await receiver.stop()
    await town.create(SENSOR, count=0)
    positions, deliveries = town.databases.system["positions"], town.databases.of("")["deliveries"]
    async with town.engine():
        await town.subscribe(receiver)
    before = await positions.find_one({})
    assert before is not None
    async with town.engine():
        for number in (1, 2):
            await town.update(SENSOR, count=number)
        await until_kept(town, 2)
    # As if it had been killed while the first was under way and the second was kept already.
    await deliveries.delete_one({"v": 2})
    await positions.update_one({}, {"$set": {"token": before["token"], "at": before["at"]}})
    await receiver.start()
    async with town.engine():
        await until(lambda: receiver.values("count")[-1:] == [2])
    assert receiver.values("count") == [1, 2]


async def test_an_entity_made_anew_is_told_after_its_deletion_though_both_had_to_wait(
    town: City,
) -> None:
    receiver = await town.receiver()
    await receiver.stop()
    for number in range(3):
        await (town.update if number else town.create)(SENSOR, count=number)
    async with town.engine():
        await town.subscribe(receiver, notificationTrigger=["entityCreated", "entityDeleted"])
        anew = Entity(SENSOR, (VOCABULARY + "Sensor",), attributes=properties({"count": 9}))
        together = [
            (SENSOR, patching.delete_entity(SENSOR)),
            (SENSOR, patching.create_entity(anew)),
        ]
        await town.entities.apply_many("", together)
        await until_kept(town, 2)
    await receiver.start()
    async with town.engine():
        await until(lambda: receiver.values("count")[-1:] == [9])
    assert ["deletedAt" in one for body in receiver.received for one in body["data"]] == [
        True,
        False,
    ]


async def test_changes_while_no_engine_runs_are_told_later(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        early = await town.subscribe(receiver)
    for number in (1, 2):
        await town.update(SENSOR, count=number)
    late = await town.subscribe(receiver, description="created while the engine was down")
    await town.update(SENSOR, count=3)
    async with town.engine():
        await until(lambda: len(receiver.values("count")) == 4)
    told = {
        one.id: [
            element["count"]["value"]
            for body in receiver.received
            if body["subscriptionId"] == one.id
            for element in body["data"]
        ]
        for one in (early, late)
    }
    assert told == {early.id: [1, 2, 3], late.id: [3]}


async def test_the_first_engine_ever_finds_what_happened_before_it_started(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    await town.subscribe(receiver)
    await town.update(SENSOR, count=1)
    await town.update(SENSOR, count=2)
    async with town.engine():
        await until(lambda: len(receiver.values("count")) == 2)
    assert receiver.values("count") == [1, 2]


async def test_an_engine_whose_place_in_the_feed_is_lost_reads_the_change_log(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        await town.subscribe(receiver)
        await town.update(SENSOR, count=1)
        await until(lambda: receiver.received)
    for number in (2, 3):
        await town.update(SENSOR, count=number)
    await lose_place(town)
    async with town.engine():
        await until(lambda: receiver.values("count")[-1:] == [3])
    values = receiver.values("count")
    # The log is read from a minute before, which may be from before the subscription: the 0.
    told = [value for place, value in enumerate(values) if value and value not in values[:place]]
    assert told == [1, 2, 3]


async def test_a_standby_takes_over_and_two_never_notify(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine() as first:
        await town.subscribe(receiver)
        async with town.engine(ready=False) as second:
            await town.update(SENSOR, count=1)
            await until(lambda: receiver.received)
            assert first.is_leader
            assert not second.is_leader
        assert receiver.values("count") == [1]
        assert first.is_ready


async def test_a_new_endpoint_gets_what_the_old_one_missed(town: City) -> None:
    gone = await town.receiver()
    await gone.stop()
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        subscription = await town.subscribe(gone)
        await town.update(SENSOR, count=1)
        await until_kept(town, 1)
        await town.change(subscription, notification={"endpoint": {"uri": receiver.url}})
        await until(lambda: receiver.received)
    assert receiver.values("count") == [1]


async def test_a_throttling_outlasts_its_engine(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        throttled = await town.subscribe(receiver, throttling=1000)
        await town.update(SENSOR, count=1)
        await until(lambda: receiver.received)
        while (await record_of(town, throttled.id)).last_success is None:
            await asyncio.sleep(0.02)
    async with town.engine():
        await town.update(SENSOR, count=2)
        await until_kept(town, 1)
    assert receiver.values("count") == [1]


async def test_a_throttling_that_is_taken_away_holds_nothing_back(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        throttled = await town.subscribe(receiver, throttling=1000)
        for number in (1, 2):
            await town.update(SENSOR, count=number)
            await until(lambda: receiver.received)
        await until_kept(town, 1)
        await town.change(throttled, throttling=0.01)
        await until(lambda: 2 in receiver.values("count"))
    assert receiver.values("count") == [1, 2]


async def test_a_paused_subscription_is_told_nothing(town: City) -> None:
    receiver = await town.receiver()
    await town.create(SENSOR, count=0)
    async with town.engine():
        subscription = await town.subscribe(receiver, isActive=False)
        await town.update(SENSOR, count=1)
        await town.change(subscription, isActive=True)
        await town.update(SENSOR, count=2)
        await until(lambda: receiver.received)
    assert receiver.values("count") == [2]


async def test_a_full_memory_moves_to_the_outbox(town: City) -> None:
    receiver = await town.receiver(delay=0.02)
    few = replace(QUICK.deliveries, items_a_lane=5, entities_a_notification=2, bytes_held=500)
    small = replace(QUICK, deliveries=few)
    await town.create(SENSOR, count=0)
    async with town.engine(small):
        await town.subscribe(receiver)
        for number in range(1, 61):
            await town.update(SENSOR, count=number)
        await until(lambda: len(receiver.values("count")) == 60)
    assert receiver.values("count") == list(range(1, 61))


async def until_kept(town: City, least: int) -> None:
    """Wait until the outbox holds something."""
    async with asyncio.timeout(PATIENCE):
        while sum((await town.outbox.waiting()).values()) < least:
            await asyncio.sleep(0.02)
