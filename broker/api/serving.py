"""The API on sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from broker.api.accepting import Loads
from broker.api.answer_buffer import AnswerBuffer
from broker.api.connection import Connection


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
        super().__init__(answer, **options, request_factory=self._begin)
        self.answers = AnswerBuffer()
        self._loads = loads
        self._options = options
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> web.RequestHandler:
        return Connection(self, self.answers, loop=self._loop, **self._options)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Count the connection out."""
        super().connection_lost(handler, exc)
        if self._loads is not None:
            self._loads.add(-1)

    def _begin(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        connection: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        assert isinstance(connection, Connection)
        if self.answers.is_holding(connection.transport):  # answers keep the order of the requests
            self.answers.send()
        connection.under_way = payload
        return web.BaseRequest(message, payload, connection, writer, task, self._loop)
