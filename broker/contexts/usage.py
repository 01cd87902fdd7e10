"""Counts how often each stored @context is used, without a write for every request."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from broker.model.clock import Clock
from broker.model.errors import NgsiLdError
from broker.observability.tasks import run_in_background
from broker.storage.contexts import ContextStore

_PAUSE_SECONDS: Final = 0.1


class UseCounter:
    """Writes counts in the background: the first at once, then ten times a second at most."""

    def __init__(self, store: ContextStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._is_writing = False

    def count(self, tenant: str, context_ids: tuple[str, ...]) -> None:
        """Count one use of each of the @contexts."""
        for context_id in context_ids:
            self._waiting[tenant, context_id] += 1
        if context_ids and not self._is_writing:
            self._is_writing = True
            run_in_background(self._write(), name="count uses of @contexts")

    async def flush(self) -> None:
        """Write what has been counted so far; counts are dropped if the database is away."""
        waiting, self._waiting = self._waiting, Counter()
        if waiting:
            await self._store.count_uses(waiting, self._clock())

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self.flush()
                await asyncio.sleep(_PAUSE_SECONDS)
        except NgsiLdError:
            self._waiting.clear()
        finally:
            self._is_writing = False
