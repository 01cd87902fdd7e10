"""The change feed: hands every committed change to its consumer, in order, and keeps its place.

The place that is stored is always one before which nothing is left to do (`progress`), so that a
process that takes over after a crash begins there and nothing is lost; some events may be handed
out twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from broker.changes.progress import Progress, Ticket
from broker.model.clock import Clock, format_time
from broker.model.errors import NgsiLdError
from broker.observability.metrics import FEED_CHANGES, FEED_LAG_SECONDS
from broker.observability.tasks import end, spawn
from broker.storage.feed import ChangeSource, EntityChanged, FeedEvent, Position, PositionStore

log = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY_SECONDS = 0.5
_EVENTS_AT_A_STRETCH = 100
_LONGEST_FIRST_REPLAY = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(minutes=1)


class FeedConsumer(Protocol):
    """Reacts to the events of the feed."""

    async def begin(self, place: Position | None) -> str | None:
        """Prepare for the events after a place (None: the very first start).

        Returns since when changes matter at the very first start, None: from now.
        """

    async def handle(self, events: Sequence[FeedEvent], ticket: Ticket) -> None:
        """React to events, in order; a hold on the ticket keeps the feed's place before them.

        It does not raise: it waits for a database that does not answer.
        """

    def caught_up(self) -> None:
        """Go on from here: all that was committed before the feed was opened has been handled."""


class ChangeFeed:
    """Reads the feed on behalf of one consumer."""

    def __init__(
        self,
        name: str,
        *,
        source: ChangeSource,
        positions: PositionStore,
        consumer: FeedConsumer,
        clock: Clock,
        save_every: float = 0.5,
    ) -> None:
        self._name = name
        self._source = source
        self._positions = positions
        self._consumer = consumer
        self._clock = clock
        self._save_every = save_every
        self._progress = Progress()
        self._saved: Position | None = None
        self._read: Position | None = None
        self._is_superseded = False
        self._behind_until: str | None = None
        self.is_ready = False

    async def run(self, term: int, stop: asyncio.Event) -> None:
        """Read until `stop` is set or another leader turns out to have taken over."""
        self._is_superseded = False
        self._progress = Progress()
        stored = await insist(lambda: self._positions.fetch(self._name))
        opened = await insist(lambda: self._source.open(stored))
        since = await insist(lambda: self._consumer.begin(stored))
        self._read = opened.position
        self._behind_until = opened.at
        if stored is not None and not opened.is_complete:
            await self._replay(_before(stored.at))
        elif stored is None and since is not None:
            await self._replay(self._first_replay(since))
        self._progress.begin(opened.position).release()
        await self.save(term)
        self.is_ready = True
        saver = spawn(self._save_now_and_then(term), name=f"position of {self._name}")
        try:
            while not stop.is_set() and not self._is_superseded:
                await self._read_batch()
        finally:
            self.is_ready = False
            await end(saver)
            await self._source.close()

    async def save(self, term: int) -> None:
        """Store how far everything is done. Raises DatabaseUnavailable."""
        safe = self._progress.safe
        if safe is None or safe == self._saved:
            return
        if await self._positions.replace(self._name, safe, term):
            self._saved = safe
        else:
            log.warning("another process has taken over the feed", extra={"term": term})
            self._is_superseded = True

    async def _read_batch(self) -> None:
        try:
            batch = await self._source.read()
        except NgsiLdError as error:
            log.warning("the change feed is interrupted: %s", error.__cause__ or error.detail)
            await asyncio.sleep(_RETRY_SECONDS)
            await self._reopen()
            return
        ticket = self._progress.begin(batch.position)
        for start in range(0, len(batch.events), _EVENTS_AT_A_STRETCH):
            await self._hand_out(batch.events[start : start + _EVENTS_AT_A_STRETCH], ticket)
        ticket.release()
        self._read = batch.position
        self._measure(batch.events)
        behind_until = self._behind_until
        if behind_until is not None and (not batch.events or batch.position.at > behind_until):
            self._behind_until = None
            self._consumer.caught_up()

    def _measure(self, events: Sequence[FeedEvent]) -> None:
        changes = [event for event in events if isinstance(event, EntityChanged)]
        if changes:
            FEED_CHANGES.inc(len(changes))
            now = datetime.fromisoformat(self._clock())
            lag = now - datetime.fromisoformat(changes[-1].change.at)
            FEED_LAG_SECONDS.set(max(0.0, lag.total_seconds()))

    async def _hand_out(self, events: Sequence[FeedEvent], ticket: Ticket) -> None:
        await self._consumer.handle(events, ticket)
        await asyncio.sleep(0)  # let the senders work, too

    async def _reopen(self) -> None:
        last = self._read
        opened = await insist(lambda: self._source.open(last))
        if last is not None and not opened.is_complete:
            await self._replay(_before(last.at))
        self._read = opened.position

    async def _replay(self, since: str) -> None:
        """Hand out changes from the change log; their place is that of the feed as it is now."""
        log.warning("changes are taken from the change log", extra={"since": since})
        position = self._read
        if position is None:
            return
        ticket = self._progress.begin(position)
        events: list[FeedEvent] = []
        async for event in self._source.replay(since):
            events.append(event)
            if len(events) == _EVENTS_AT_A_STRETCH:
                await self._hand_out(events, ticket)
                events = []
        await self._hand_out(events, ticket)
        ticket.release()

    def _first_replay(self, since: str) -> str:
        """Limit how far the very first start looks back."""
        now = datetime.fromisoformat(self._clock())
        return max(since, format_time(now - _LONGEST_FIRST_REPLAY))

    async def _save_now_and_then(self, term: int) -> None:
        while True:
            await asyncio.sleep(self._save_every)
            try:
                await self.save(term)
            except NgsiLdError as error:
                log.warning("the position of the feed cannot be stored: %s", error.detail)


def _before(at: str) -> str:
    """Return a time before which nobody wrote what came after a place of the feed.

    The place has the database's time, a change that of the process that wrote it.
    """
    return format_time(datetime.fromisoformat(at) - _CLOCKS_DIFFER)


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """Repeat something until the database answers."""
    while True:
        try:
            return await work()
        except NgsiLdError as error:
            log.warning("the change feed waits for the database: %s", error.detail)
            await asyncio.sleep(_RETRY_SECONDS)
