"""Waiting for more work a little longer than there is any.

Under load the next request arrives within a millisecond of the last answer. Who still is there then
keeps what it had borrowed: to give a connection back and to ask for one anew takes a sixth of the
time of a small commit group.
"""

from __future__ import annotations

import asyncio

_LONGEST = 0.05
"""Seconds."""


class Bell:
    """Wakes the one who waits for work."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake whoever waits."""
        if self._waiting is not None:
            _wake(self._waiting)

    async def wait(self) -> None:
        """Wait until it rings, but not for long."""
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        end = loop.call_later(_LONGEST, _wake, waiting)
        try:
            await waiting
        finally:
            end.cancel()
            self._waiting = None


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
