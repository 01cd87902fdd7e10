"""Writes that wait for the next group of one tenant in one process, and when a group is due.

A transaction costs much the same for 20 writes as for 60, so a group should take what is about to
arrive, and a lone write should wait for nobody. Two kinds of writes are about to arrive: those of
requests that are there and still to be parsed, and those of clients that were just answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from broker.model.changes import EntityOperation, Transition
from broker.model.errors import Overloaded
from broker.observability.metrics import COMMIT_QUEUE, COMMIT_REFUSED
from broker.observability.tasks import pause
from broker.storage.mongo.conversation import LINGERING

_QUIET_TURNS = 2
_PATIENCE = 0.3
"""For how long a group waits for clients to return, as a share of what the last one took."""


@dataclass(slots=True)
class WaitingWrite:
    """One waiting operation; `done` resolves when it is durable."""

    entity_id: str
    operation: EntityOperation
    done: asyncio.Future[Transition]
    token: str | None = None


class WriteQueue:
    """The writes that wait, at most `limit`; a group takes at most `group_limit` of them."""

    def __init__(self, *, limit: int, group_limit: int) -> None:
        self._limit = limit
        self._group_limit = group_limit
        self._waiting: list[WaitingWrite] = []
        self._measured = 0
        self._callers = 0
        self._expected = 0
        self._complete = asyncio.Event()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(
        self,
        writes: Sequence[tuple[str, EntityOperation]],
        tokens: Sequence[str | None] | None = None,
    ) -> list[asyncio.Future[Transition]]:
        """Queue the operations of one caller in order, each with its token if there are any.

        Raises Overloaded, and queues nothing, when the queue is full.
        """
        if len(self._waiting) + len(writes) > self._limit:
            COMMIT_REFUSED.inc(len(writes))
            raise Overloaded("too many writes are waiting; try again in a moment", retry_after=1)
        loop = asyncio.get_running_loop()
        entered: list[asyncio.Future[Transition]] = []
        for number, (entity_id, operation) in enumerate(writes):
            done = loop.create_future()
            token = tokens[number] if tokens else None
            self._waiting.append(WaitingWrite(entity_id, operation, done, token))
            entered.append(done)
        self._arrived.set()
        self._callers += 1
        if self._callers == self._expected:
            self._complete.set()
        return entered

    async def groups(self) -> AsyncIterator[list[WaitingWrite]]:
        """Yield group after group until nobody comes; who asks for the next has done the last."""
        loop = asyncio.get_running_loop()
        expected, until = 0, 0.0
        while await self._is_due(expected, until):
            started = loop.time()
            callers = self._callers
            yield self._take()
            expected = self._callers + callers
            until = loop.time() + (loop.time() - started) * _PATIENCE

    async def _is_due(self, expected: int, until: float) -> bool:
        """Wait until it is time for a group; return whether there is anything for it."""
        if not self._waiting:
            self._measure()
            self._arrived.clear()
            await pause(self._arrived, LINGERING)
        await self._let_join()
        await self._let_return(expected, until)
        return bool(self._waiting)

    async def _let_join(self) -> None:
        """Wait as long as each turn of the loop brings another write."""
        quiet_turns = 0
        while quiet_turns < _QUIET_TURNS and len(self._waiting) < self._group_limit:
            waiting = len(self._waiting)
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if len(self._waiting) == waiting else 0

    async def _let_return(self, expected: int, until: float) -> None:
        """Wait for as many callers as expected, at most until a time of the loop.

        Nobody is waited for while nobody waits.
        """
        patience = until - asyncio.get_running_loop().time()
        is_full = len(self._waiting) >= self._group_limit
        if is_full or patience <= 0 or not 0 < self._callers < expected:
            return
        self._expected = expected
        self._complete.clear()
        await pause(self._complete, patience)
        self._expected = 0

    def _take(self) -> list[WaitingWrite]:
        group = self._waiting[: self._group_limit]
        self._waiting = self._waiting[self._group_limit :]
        self._callers = 0
        self._measure()
        return group

    def _measure(self) -> None:
        """Tell how long the queue is: once a group, as once a write would cost more."""
        COMMIT_QUEUE.inc(len(self._waiting) - self._measured)
        self._measured = len(self._waiting)
