"""What the engine process of a node does: several parts beside each other, until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Protocol


class EnginePart(Protocol):
    """One duty of the engine, such as notifying subscribers."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is under way."""


class Engine:
    """Runs its parts while the resources they share are open.

    A part that fails ends the process; the supervisor starts it again, and each part goes on
    where it had recorded to be.
    """

    def __init__(
        self,
        *,
        parts: Sequence[EnginePart],
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
    ) -> None:
        self._parts = parts
        self._resources = resources

    async def run(self, stop: asyncio.Event) -> None:
        """Run every part until `stop` is set; raises what a part raised."""
        async with AsyncExitStack() as opened:
            for resource in self._resources:
                await opened.enter_async_context(resource)
            async with asyncio.TaskGroup() as working:
                for part in self._parts:
                    working.create_task(part.run(stop))
                await stop.wait()
