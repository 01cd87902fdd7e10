"""One subscription's queue of notification items, in memory in front of the outbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from broker.changes.progress import Ticket
from broker.model.subscription import SubscriptionKey
from broker.storage.deliveries import KeptItem


@dataclass(slots=True)
class Item:
    """One entity's state to be told to one subscription.

    `body` is the JSON of the element of `data`, `profile` how it was written. An item either
    holds a `ticket` of the feed or is `kept` under a key in the outbox: one of the two makes sure
    that a crash does not lose it. One with neither (periodic notifications) may be lost.
    """

    entity_id: str
    version: int
    order: str
    profile: str
    body: bytes
    ticket: Ticket | None = None
    kept: str = ""

    def release(self) -> None:
        """Let the feed go on: the item is delivered, kept or of no use any more."""
        if self.ticket is not None:
            self.ticket.release()
            self.ticket = None

    def supersede(self, later: Item) -> None:
        """Become a later state of the same entity."""
        self.release()
        self.version, self.order = later.version, later.order
        self.profile, self.body, self.ticket = later.profile, later.body, later.ticket


class HeldBytes:
    """How many bytes of items the lanes that share it hold in memory."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0


class Lane:
    """What waits for one subscription. The outbox, if anything is in it, comes first.

    `kept` is how many items the outbox holds (at least), `next_at` the monotonic time before which
    nothing is sent; nor is anything while it `awaits_feed`. With `is_single` items are sent one by
    one, to find the one a receiver rejects. Whoever takes items out, or moves them into the outbox,
    holds `lock`.
    """

    __slots__ = (
        "_held",
        "_latest",
        "awaits_feed",
        "changed",
        "is_running",
        "is_single",
        "items",
        "kept",
        "key",
        "latest_only",
        "lock",
        "next_at",
        "rejections",
    )

    def __init__(self, key: SubscriptionKey, *, latest_only: bool, held: HeldBytes) -> None:
        self.key = key
        self.latest_only = latest_only
        self._held = held
        self._latest: dict[str, Item] = {}
        self.items: deque[Item] = deque()
        self.kept = 0
        self.next_at = 0.0
        self.is_running = False
        self.awaits_feed = False
        self.is_single = False
        self.rejections = 0
        self.lock = asyncio.Lock()
        self.changed = asyncio.Event()

    @property
    def has_work(self) -> bool:
        """Whether anything waits, in memory or in the outbox."""
        return bool(self.items) or self.kept > 0

    def append(self, item: Item) -> None:
        """Queue an item; one that still waits is replaced where only the latest state counts."""
        waiting = self._latest.get(item.entity_id)
        if waiting is None:
            self.items.append(item)
            if self.latest_only:
                self._latest[item.entity_id] = item
        else:
            self._held.total -= len(waiting.body)
            waiting.supersede(item)
        self._held.total += len(item.body)

    def take(self, *, most: int, most_bytes: int) -> list[Item]:
        """Take the items of the next notification."""
        batch = next_batch(self.items, most=most, most_bytes=most_bytes)
        for item in batch:
            self.items.popleft()
            self._latest.pop(item.entity_id, None)
            self._held.total -= len(item.body)
        return batch

    def take_all(self) -> list[Item]:
        """Take everything that is held in memory."""
        taken = list(self.items)
        self.items.clear()
        self._latest.clear()
        self._held.total -= sum(len(item.body) for item in taken)
        return taken

    def put_back(self, items: Iterable[Item]) -> None:
        """Put items that were not delivered in front again.

        Kept ones are in the outbox still, superseded ones are let go.
        """
        for item in reversed(list(items)):
            if item.entity_id in self._latest:
                item.release()
            elif not item.kept:
                self.items.appendleft(item)
                self._held.total += len(item.body)
                if self.latest_only:
                    self._latest[item.entity_id] = item

    def drop(self) -> None:
        """Let go everything that is held in memory."""
        for item in self.take_all():
            item.release()


def next_batch(waiting: Iterable[Item], *, most: int, most_bytes: int) -> list[Item]:
    """Return the first items as one notification can hold them: one profile, each entity once."""
    batch: list[Item] = []
    entities: set[str] = set()
    size = 0
    for item in waiting:
        size += len(item.body)
        if batch and (
            len(batch) >= most
            or size > most_bytes
            or item.profile != batch[0].profile
            or item.entity_id in entities
        ):
            break
        batch.append(item)
        entities.add(item.entity_id)
    return batch


def to_keep(lane: Lane, items: Iterable[Item]) -> list[KeptItem]:
    """Return items in the form the outbox keeps."""
    return [
        KeptItem(
            subscription_id=lane.key[1],
            entity_id=item.entity_id,
            version=item.version,
            order=item.order,
            profile=item.profile,
            body=item.body,
            is_latest_only=lane.latest_only,
        )
        for item in items
    ]


def from_kept(kept: KeptItem) -> Item:
    """Return an item read from the outbox."""
    return Item(kept.entity_id, kept.version, kept.order, kept.profile, kept.body, kept=kept.key)
