"""Counts of deliveries are not lost when the database is away."""

from __future__ import annotations

from collections.abc import Mapping

from broker.model.errors import DatabaseUnavailable
from broker.model.subscription import DeliveryRecord
from broker.subscriptions.counters import DeliveryCounters, Key

KEY = ("", "urn:ngsi-ld:Subscription:1")
EARLY, LATE = "2026-11-22T06:00:00.000000Z", "2026-11-22T07:00:00.000000Z"


class Records:
    """A store that fails as long as it is told to; what it takes does not add up here."""

    def __init__(self) -> None:
        self.is_away = True
        self.taken: list[Mapping[Key, DeliveryRecord]] = []

    async def add(self, records: Mapping[Key, DeliveryRecord]) -> None:
        """Take records."""
        if self.is_away:
            raise DatabaseUnavailable("away")
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
