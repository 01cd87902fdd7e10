"""Pauses between attempts: doubling, bounded, and spread so that many do not return at once."""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """Counts the attempts that failed one after the other and says how long to wait."""

    def __init__(self, *, first: float = 0.2, limit: float = 30.0) -> None:
        self._first = first
        self._limit = limit
        self.failures = 0

    def next_pause(self, at_least: float | None = None) -> float:
        """Return the seconds to wait before the next attempt (`at_least`: what was asked for)."""
        ceiling = min(self._limit, self._first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - it spreads load, it keeps no secret
        pause = ceiling * spread
        return pause if at_least is None else at_least + pause

    async def pause(self, at_least: float | None = None) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(self.next_pause(at_least))

    def reset(self) -> None:
        """Start over: the last attempt succeeded."""
        self.failures = 0
