"""One subscription's queue of notification items, in memory in front of the outbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from broker.changes.progress import Ticket
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


class Lane:
    """What waits for one subscription. The outbox, if anything is in it, comes first.

    `kept` is how many items the outbox holds (at least), `next_at` the monotonic time before which
    nothing is sent; nor is anything while it `awaits_feed`. Whoever takes items out, or moves them
    into the outbox, holds `lock`.
    """

    __slots__ = (
        "_latest",
        "awaits_feed",
        "bytes_held",
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

    def __init__(self, key: tuple[str, str], *, latest_only: bool) -> None:
        self.key = key
        self.latest_only = latest_only
        self._latest: dict[str, Item] = {}
        self.items: deque[Item] = deque()
        self.bytes_held = 0
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

    def append(self, item: Item) -> int:
        """Queue an item; return by how many bytes the lane grew.

        Where only the latest state of an entity counts, an item that still waits is replaced.
        """
        growth = len(item.body)
        waiting = self._latest.get(item.entity_id)
        if waiting is None:
            self.items.append(item)
            if self.latest_only:
                self._latest[item.entity_id] = item
        else:
            growth -= len(waiting.body)
            waiting.supersede(item)
        self.bytes_held += growth
        return growth

    def take(self, *, most: int, most_bytes: int) -> list[Item]:
        """Take the items of the next notification: one context and format, each entity once."""
        taken: list[Item] = []
        entities: set[str] = set()
        size = 0
        while self.items and len(taken) < most:
            item = self.items[0]
            is_other = item.profile != taken[0].profile if taken else False
            if is_other or item.entity_id in entities:
                break
            size += len(item.body)
            if taken and size > most_bytes:
                break
            taken.append(self.items.popleft())
            entities.add(item.entity_id)
            self._latest.pop(item.entity_id, None)
            self.bytes_held -= len(item.body)
        return taken

    def take_all(self) -> list[Item]:
        """Take everything that is held in memory."""
        taken = list(self.items)
        self.items.clear()
        self._latest.clear()
        self.bytes_held = 0
        return taken

    def put_back(self, items: Iterable[Item]) -> int:
        """Put items that were not delivered in front again; return by how many bytes it grew.

        Kept ones are in the outbox still, superseded ones are let go.
        """
        before = self.bytes_held
        for item in reversed(list(items)):
            if item.entity_id in self._latest:
                item.release()
            elif not item.kept:
                self.items.appendleft(item)
                self.bytes_held += len(item.body)
                if self.latest_only:
                    self._latest[item.entity_id] = item
        return self.bytes_held - before


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
