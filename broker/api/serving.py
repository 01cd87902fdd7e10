"""The API on sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from broker.api.accepting import Loads
from broker.api.responses import problem
from broker.model.errors import InvalidRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpApi:
    """The whole API: what answers its requests, and what is open while it does."""

    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    opened: Callable[[], AbstractAsyncContextManager[None]]

    @asynccontextmanager
    async def serving(
        self, *, shutdown_timeout: float = 60.0, loads: Loads | None = None, **options: Any
    ) -> AsyncIterator[web.ServerRunner]:
        """Serve as long as the context lasts, at the sites that are added to the runner.

        At the end, requests under way have `shutdown_timeout` seconds. `loads` is told of the
        connections that go. The options are those of aiohttp's server.
        """
        async with self.opened():
            server = _Server(self.answer, loads, **options)
            runner = web.ServerRunner(server, shutdown_timeout=shutdown_timeout)
            await runner.setup()
            try:
                yield runner
            finally:
                await runner.cleanup()


class _Server(web.Server):
    def __init__(
        self,
        answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        loads: Loads | None,
        **options: Any,
    ) -> None:
        super().__init__(answer, **options)
        self._loads = loads
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Count the connection out."""
        super().connection_lost(handler, exc)
        if self._loads is not None:
            self._loads.add(-1)


class _Connection(web.RequestHandler):
    """A connection on which anybody may send anything."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP with problem details: nobody's fault but the client's."""
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        fault = (message or "").partition("\n")[0].rstrip(": ")
        log.info("what came from %s is no HTTP request: %s", request.remote, fault)
        response = problem(InvalidRequest(f"this is not a valid HTTP request: {fault}"))
        response.force_close()
        return response
