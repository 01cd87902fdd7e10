"""Counts how often each stored @context is used, without a write for every request."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.observability.tasks import run_in_background
from broker.storage.contexts import ContextStore

_PAUSE_A_USE: Final = 0.01
_LONGEST_PAUSE: Final = 0.1


class UseCounter:
    """Writes counts in the background: the first at once, and then, the more there are, the rarer.

    A client that uses an @context now and then finds its use counted; under load there are ten
    writes a second.

    A process that serves no requests has `counts_hits` False: it only tells the store that an
    @context is in use, so that it stays in the cache.
    """

    def __init__(self, store: ContextStore, *, clock: Clock, counts_hits: bool = True) -> None:
        self._store = store
        self._clock = clock
        self._hit = 1 if counts_hits else 0
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._is_writing = False

    def count(self, tenant: str, context_ids: tuple[str, ...]) -> None:
        """Count one use of each of the @contexts."""
        self._add(tenant, context_ids, self._hit)

    def keep(self, tenant: str, context_ids: tuple[str, ...]) -> None:
        """Tell the store that @contexts are in use, without a hit."""
        self._add(tenant, context_ids, 0)

    def _add(self, tenant: str, context_ids: tuple[str, ...], hits: int) -> None:
        for context_id in context_ids:
            self._waiting[tenant, context_id] += hits
        if context_ids and not self._is_writing:
            self._is_writing = True
            run_in_background(self._write(), name="count uses of @contexts")

    async def flush(self) -> int:
        """Write what has been counted so far, and return how many uses that is.

        Counts are dropped if the database is away.
        """
        waiting, self._waiting = self._waiting, Counter()
        if waiting:
            await self._store.count_uses(waiting, self._clock())
        return waiting.total()

    async def _write(self) -> None:
        try:
            while self._waiting:
                uses = await self.flush()
                await asyncio.sleep(min(uses * _PAUSE_A_USE or _LONGEST_PAUSE, _LONGEST_PAUSE))
        except NgsiLdError:
            self._waiting.clear()
        finally:
            self._is_writing = False
