"""Entities that wait to be written: bounded, and in order for each id.

An entity is in one batch at a time, so writes to one entity arrive in the order they were queued,
however many connections there are. `put` waits for room, which is the back-pressure that reaches
the source.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.runtime.batch import Written
from adapters.runtime.errors import NotWritten, Rejected
from adapters.runtime.metrics import WRITER_PENDING
from adapters.runtime.writing import WriterLimits, WriterState


@dataclass(slots=True, eq=False)
class QueuedEntity:
    """The JSON of an entity and the future of its fate; with `entity` itself if it is looked at."""

    entity_id: str
    body: bytes
    entity: Mapping[str, Any] | None
    done: asyncio.Future[Written]
    is_settled: bool = False


class EntityQueue:
    """What is queued takes room until it is settled, also while it is being sent."""

    def __init__(self, limits: WriterLimits, state: WriterState, *, once_a_batch: bool) -> None:
        """Make an empty queue; with `once_a_batch` no batch holds an id more than once."""
        self._limits = limits
        self._state = state
        self._once_a_batch = once_a_batch
        self._by_id: dict[str, deque[QueuedEntity]] = {}
        self._ready: deque[str] = deque()
        self._bytes = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._is_closed = False

    async def put(
        self, entity_id: str, body: bytes, entity: Mapping[str, Any] | None = None
    ) -> asyncio.Future[Written]:
        """Queue an entity, waiting for room. Raises `NotWritten` when the queue is closed."""
        async with self._turn:
            while not self._is_closed and self._is_full(len(body)):
                self._freed.clear()
                await self._freed.wait()
            if self._is_closed:
                raise NotWritten("the writer is closed")
            item = QueuedEntity(entity_id, body, entity, asyncio.get_running_loop().create_future())
            self._append(item)
            return item.done

    def _is_full(self, size: int) -> bool:
        """Return whether so many bytes more are too much; a queue that is empty takes any."""
        pending = self._state.pending
        return pending > 0 and (
            pending >= self._limits.capacity or self._bytes + size > self._limits.capacity_bytes
        )

    def _append(self, item: QueuedEntity) -> None:
        self._state.pending += 1
        WRITER_PENDING.inc()
        self._bytes += len(item.body)
        queue = self._by_id.get(item.entity_id)
        if queue is None:
            self._by_id[item.entity_id] = deque([item])
            self._ready.append(item.entity_id)
            self._arrived.set()
        else:
            queue.append(item)

    async def take(self) -> list[QueuedEntity]:
        """Wait for the next batch; its entities stay reserved until it is released."""
        while not (items := self._next_batch()):
            self._arrived.clear()
            await self._arrived.wait()
        return items

    def _next_batch(self) -> list[QueuedEntity]:
        items: list[QueuedEntity] = []
        size = 0
        while self._ready and len(items) < self._limits.batch_items:
            queue = self._by_id[self._ready[0]]
            if items and size + len(queue[0].body) > self._limits.batch_bytes:
                break
            self._ready.popleft()
            for item in queue:
                if len(items) >= self._limits.batch_items or size > self._limits.batch_bytes:
                    break
                items.append(item)
                size += len(item.body)
                if self._once_a_batch:
                    break
        return items

    def release(self, items: Sequence[QueuedEntity]) -> None:
        """Let later states of the entities of a batch go: it has been dealt with."""
        for item in items:
            self._by_id[item.entity_id].popleft()
        for entity_id in dict.fromkeys(item.entity_id for item in items):
            if self._by_id[entity_id]:
                self._ready.append(entity_id)
            else:
                del self._by_id[entity_id]
        if self._ready:
            self._arrived.set()

    def settle(self, item: QueuedEntity, outcome: Written | Rejected | NotWritten) -> None:
        """Tell who waits for an entity what became of it, and make room; the first time counts."""
        if item.is_settled:
            return
        item.is_settled = True
        self._state.pending -= 1
        WRITER_PENDING.dec()
        self._bytes -= len(item.body)
        self._freed.set()
        if item.done.done():  # nobody waits any more
            return
        if isinstance(outcome, Written):
            item.done.set_result(outcome)
            return
        item.done.set_exception(outcome)
        if isinstance(outcome, NotWritten):
            item.done.exception()  # whoever waits still gets it; a stop is no fault to log

    async def settled(self) -> None:
        """Return when everything queued so far is settled."""
        if futures := [item.done for item in self._items()]:
            await asyncio.wait(futures)

    def close(self) -> None:
        """Take nothing more; what is queued can still be taken."""
        self._is_closed = True
        self._freed.set()

    def give_up(self, reason: str) -> None:
        """Take nothing more, and settle what is queued or being sent as not written."""
        self.close()
        for item in self._items():
            self.settle(item, NotWritten(f"{item.entity_id} was not written: {reason}"))

    def _items(self) -> list[QueuedEntity]:
        return [item for queue in self._by_id.values() for item in queue]
