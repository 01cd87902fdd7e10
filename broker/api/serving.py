"""The API on sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class HttpApi:
    """The whole API: what answers its requests, and what is open while it does."""

    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    opened: Callable[[], AbstractAsyncContextManager[None]]

    @asynccontextmanager
    async def serving(
        self, *, shutdown_timeout: float = 60.0, **options: Any
    ) -> AsyncIterator[web.ServerRunner]:
        """Serve as long as the context lasts, at the sites that are added to the runner.

        At the end, requests under way have `shutdown_timeout` seconds. The options are those of
        aiohttp's server.
        """
        async with self.opened():
            server = web.Server(self.answer, **options)
            runner = web.ServerRunner(server, shutdown_timeout=shutdown_timeout)
            await runner.setup()
            try:
                yield runner
            finally:
                await runner.cleanup()
