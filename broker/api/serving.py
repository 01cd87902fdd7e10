"""The API on sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from broker.api.accepting import Loads
from broker.api.answer_buffer import AnswerBuffer
from broker.api.responses import problem
from broker.model.errors import InvalidRequest

log = logging.getLogger(__name__)

_AT_LEAST = 0.1
"""Seconds; to aiohttp none at all mean without end."""
_EXPLANATIONS: Final[Mapping[str, str]] = {
    "Got more than": (
        "its first line or a header is too long; a long query goes into the body of"
        " POST /ngsi-ld/v1/entityOperations/query"
    ),
    "Invalid char in url": (
        "the URL has a character that has to be percent-encoded, as all beyond ASCII have"
        " (with curl: -G --data-urlencode)"
    ),
}
"""What the parser's words for a fault begin with, and what they mean to a client."""


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
        return _Connection(self, loop=self._loop, **self._options)

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
        assert isinstance(connection, _Connection)
        if self.answers.is_holding(connection.transport):  # answers keep the order of the requests
            self.answers.send()
        connection.under_way = payload
        return web.BaseRequest(message, payload, connection, writer, task, self._loop)


class _Connection(web.RequestHandler):
    """A connection on which anybody may send anything.

    `under_way` is the body of the request that is being answered, `answers` where answers wait for
    the end of the turn.
    """

    __slots__ = ("_answered", "_has_ended", "_is_closing", "answers", "under_way")

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self.answers = server.answers
        self.under_way: StreamReader | None = None
        self._answered: asyncio.Event | None = None
        self._has_ended = False
        self._is_closing = False

    def eof_received(self) -> bool:  # type: ignore[override] # as asyncio.Protocol has it
        """Stay open while there is an answer to give to a client that will ask no more.

        What it has not sent in full cannot be answered (RFC 9112, 8).
        """
        if self.answers.is_holding(self.transport):
            self.answers.send()
        last = self._messages[-1][1] if self._messages else self.under_way
        self._has_ended = last is not None and last.is_eof()
        return self._has_ended

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the response; the last one of a connection says that it is the last."""
        if self._is_last():
            resp.force_close()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.under_way = None
            if self._answered is not None:
                self._answered.set()
            if self._is_last():
                self.answers.send()
                self.close()

    def close(self) -> None:
        """Take no further requests; the body of the one under way may still come."""
        self._is_closing = True
        if not self._is_coming():
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Close after the request under way, within so many seconds."""
        if timeout and self._is_coming():
            self._answered = asyncio.Event()
            began = self._loop.time()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), timeout)
            timeout = max(_AT_LEAST, began + timeout - self._loop.time())
        await super().shutdown(timeout)

    def _is_coming(self) -> bool:
        return self.under_way is not None and not self.under_way.is_eof()

    def _is_last(self) -> bool:
        return self._is_closing or self._force_close or (self._has_ended and not self._messages)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Log a fault, but not once more a body that its client was told cannot be read."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **options)

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
        fault = _explained((message or "").partition("\n")[0].rstrip(": "))
        log.info("what came from %s is no HTTP request: %s", request.remote, fault)
        response = problem(InvalidRequest(f"this is not a valid HTTP request: {fault}"))
        response.force_close()
        return response


def _explained(fault: str) -> str:
    """Return what a client can do about a fault the parser found, or else the fault."""
    return next((text for start, text in _EXPLANATIONS.items() if fault.startswith(start)), fault)
