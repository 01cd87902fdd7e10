"""Counts of deliveries are not lost when the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from broker.model.errors import DatabaseUnavailable
from broker.model.subscription import DeliveryRecord, SubscriptionKey
from broker.observability.tasks import end, spawn
from broker.subscriptions.counters import DeliveryCounters

KEY = ("", "urn:ngsi-ld:Subscription:1")
EARLY, LATE = "2026-11-22T06:00:00.000000Z", "2026-11-22T07:00:00.000000Z"


class Records:
    """A store that fails as long as it is told to; what it takes does not add up here."""

    def __init__(self) -> None:
        self.is_away = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.taken: list[Mapping[SubscriptionKey, DeliveryRecord]] = []

    async def add(self, records: Mapping[SubscriptionKey, DeliveryRecord]) -> None:
        """Take records."""
        if self.is_away:
            raise DatabaseUnavailable("away")
        await self.may_answer.wait()
        self.taken.append(records)

    async def fetch_many(self, _tenant: str, _ids: object) -> dict[str, DeliveryRecord]:
        """Return nothing."""
        return {}


async def test_what_cannot_be_written_is_written_later_with_what_came_meanwhile() -> None:
    store = Records()
    counters = DeliveryCounters(store)
    counters.sent(KEY, EARLY, "the endpoint answered with status 500")
    counters.discarded(KEY, 2)
    await counters.flush()
    counters.sent(KEY, LATE, None)
    await counters.flush()
    store.is_away = False
    await counters.flush()
    await counters.flush()
    expected = DeliveryRecord(
        times_sent=2,
        times_failed=1,
        last_notification=LATE,
        last_success=LATE,
        last_failure=EARLY,
        last_error="the endpoint answered with status 500",
        discarded=2,
    )
    assert store.taken == [{KEY: expected}]


async def test_what_is_being_written_is_waited_for_at_the_end() -> None:
    store = Records()
    store.is_away = False
    store.may_answer.clear()
    counters = DeliveryCounters(store)
    counters.sent(KEY, EARLY, None)
    writing = spawn(counters.run(), name="writes")
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(store.may_answer.set)
    await counters.flush()
    await end(writing)
    assert [record.times_sent for taken in store.taken for record in taken.values()] == [1]
