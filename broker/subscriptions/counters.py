"""Counts and times of deliveries, written together and soon, but never one by one under load."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from broker.model.errors import NgsiLdError
from broker.model.subscription import DeliveryRecord, SubscriptionKey
from broker.storage.subscriptions import DeliveryRecordStore

log = logging.getLogger(__name__)


class DeliveryCounters:
    """Collects what happens to notifications and adds it to the stored records.

    The first count after a quiet moment is written at once, the ones that follow within `pause`
    seconds together.
    """

    def __init__(self, store: DeliveryRecordStore, *, pause: float = 0.25) -> None:
        self._store = store
        self._pause = pause
        self._pending: dict[SubscriptionKey, DeliveryRecord] = {}
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()

    def sent(self, key: SubscriptionKey, at: str, error: str | None) -> None:
        """Count one attempt; `error` says why it failed, None that it did not."""
        record = self._pending.get(key, DeliveryRecord())
        if error is None:
            record = replace(
                record, times_sent=record.times_sent + 1, last_notification=at, last_success=at
            )
        else:
            record = replace(
                record,
                times_sent=record.times_sent + 1,
                times_failed=record.times_failed + 1,
                last_notification=at,
                last_failure=at,
                last_error=error,
            )
        self._pending[key] = record
        self._news.set()

    def discarded(self, key: SubscriptionKey, count: int) -> None:
        """Count notifications that were given up."""
        record = self._pending.get(key, DeliveryRecord())
        self._pending[key] = replace(record, discarded=record.discarded + count)
        self._news.set()

    def forget(self, key: SubscriptionKey) -> None:
        """Drop what is pending for a subscription that was deleted."""
        self._pending.pop(key, None)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._news.wait()
            await self.flush()
            await asyncio.sleep(self._pause)

    async def flush(self) -> None:
        """Write what is pending, once what is being written is; what cannot be stays pending."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        self._news.clear()
        pending, self._pending = self._pending, {}
        if not pending:
            return
        try:
            await self._store.add(pending)
        except NgsiLdError as error:
            log.warning("delivery counts could not be stored: %s", error.detail)
            for key, record in pending.items():
                self._pending[key] = _sum(record, self._pending.get(key))
            self._news.set()


def _sum(earlier: DeliveryRecord, later: DeliveryRecord | None) -> DeliveryRecord:
    if later is None:
        return earlier
    return DeliveryRecord(
        times_sent=earlier.times_sent + later.times_sent,
        times_failed=earlier.times_failed + later.times_failed,
        last_notification=later.last_notification or earlier.last_notification,
        last_success=later.last_success or earlier.last_success,
        last_failure=later.last_failure or earlier.last_failure,
        last_error=later.last_error or earlier.last_error,
        discarded=earlier.discarded + later.discarded,
    )
