"""What lanes keep in the outbox of their tenant, and take from there.

An item gives its ticket of the feed back only when the outbox has it, and goes back to memory, in
front, when the outbox does not answer: at any moment one of the two has it. `Lane.kept` is counted
here, but for what an earlier process has left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from broker.model.errors import DatabaseUnavailable, NgsiLdError
from broker.storage.deliveries import Outbox
from broker.subscriptions.lane import Item, Lane, from_kept, next_batch, to_keep

log = logging.getLogger(__name__)


class LaneOutbox:
    """The outbox as lanes use it; whoever calls `keep`, `find` or `clear` holds the lane's lock."""

    def __init__(self, outbox: Outbox, *, is_leading: Callable[[], bool], pause: float) -> None:
        """Make it; `pause` is how long to wait for a database that does not answer (seconds)."""
        self._outbox = outbox
        self._is_leading = is_leading
        self._pause = pause

    async def keep(self, lane: Lane) -> None:
        """Move what a lane holds in memory to the outbox. Raises DatabaseUnavailable."""
        if lane.items and not self._is_leading():
            raise DatabaseUnavailable("the lease of this engine could not be extended in time")
        items = lane.take_all()
        if not items:
            return
        try:
            await self._outbox.insert(lane.key[0], to_keep(lane, items))
        except BaseException:
            lane.put_back(items)
            raise
        lane.kept += len(items)
        for item in items:
            item.release()

    async def find(self, lane: Lane, *, most: int, most_bytes: int) -> list[Item]:
        """Return what one notification can hold of what is kept. Raises DatabaseUnavailable."""
        found = await self._outbox.find(*lane.key, limit=most)
        if not found:
            lane.kept = 0
        return next_batch(map(from_kept, found), most=most, most_bytes=most_bytes)

    async def clear(self, lane: Lane) -> None:
        """Forget what is kept for a lane. Raises DatabaseUnavailable."""
        if lane.kept:
            await self._outbox.clear(*lane.key)
            lane.kept = 0

    async def delete(self, lane: Lane, items: Sequence[Item]) -> None:
        """Let go items that were delivered, however long the database takes to answer."""
        for item in items:
            item.release()
        keys = [item.kept for item in items if item.kept]
        while keys:
            try:
                await self._outbox.delete(lane.key[0], keys)
            except NgsiLdError as error:
                log.warning("delivered items cannot be deleted yet: %s", error.detail)
                await asyncio.sleep(self._pause)
            else:
                lane.kept = max(0, lane.kept - len(keys))
                return

    async def bury(self, lane: Lane, items: Sequence[Item], reason: str) -> None:
        """Give items up; they stay to be looked at. Raises DatabaseUnavailable; they wait then."""
        kept = [item.kept for item in items if item.kept]
        new = [item for item in items if not item.kept]
        try:
            inserted = await self._outbox.insert(lane.key[0], to_keep(lane, new)) if new else []
            await self._outbox.bury(lane.key[0], kept + inserted, reason)
        except NgsiLdError:
            lane.put_back(items)
            raise
        lane.kept = max(0, lane.kept - len(kept))
        for item in items:
            item.release()
