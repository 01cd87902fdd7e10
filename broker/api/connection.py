"""One connection of a client: what arrives on it, and how its end is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import StreamReader, web
from aiohttp.hdrs import UPGRADE
from aiohttp.http import StreamWriter
from aiohttp.streams import EmptyStreamReader

from broker.api.answer_buffer import LARGEST, AnswerBuffer
from broker.api.plain_response import PlainResponse
from broker.api.request_heads import RequestHead, find_head
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


class Connection(web.RequestHandler):
    """A connection on which anybody may send anything.

    Most requests have a plain head and arrive whole (`request_heads.py`); they are answered without
    aiohttp's parser and its loop over the requests of a connection, which takes a tenth of the
    worker's time off a PATCH. All others go to aiohttp, and so does what follows them until it is
    certain where a request ends.

    `under_way` is the body of the request that is being answered, `answers` where answers wait for
    the end of the turn.
    """

    __slots__ = (
        "_answered", "_early", "_has_ended", "_is_answering", "_is_closing", "_next",
        "_plain_requests", "_unread", "answers", "under_way",
    )  # fmt: skip

    def __init__(self, server: web.Server, answers: AnswerBuffer, **options: Any) -> None:
        super().__init__(server, **options)
        self.answers = answers
        self.under_way: StreamReader | None = None
        self._plain_requests: asyncio.Task[None] | None = None
        self._next: asyncio.Future[web.BaseRequest | None] | None = None
        self._is_answering = False
        self._early = b""
        self._unread: int | None = 0
        self._answered: asyncio.Event | None = None
        self._has_ended = False
        self._is_closing = False

    # ---------------------------------------------------------------------------- what arrives

    def data_received(self, data: bytes) -> None:
        """Take what a client sends: a whole request at best, or anything."""
        if self._is_answering and data:
            self._put_off(data)
            return
        if self._unread == 0 and data:
            head = find_head(data)
            if head is not None and head.end == len(data) and self._is_idle():
                self._answer(self._request(head, data))
                return
            self._unread = None if head is None else head.end
        if self._unread is not None:
            left = self._unread - len(data)
            self._unread = left if left >= 0 else None
        super().data_received(data)

    def _is_idle(self) -> bool:
        """Whether aiohttp waits for a request."""
        return self._waiter is not None and not self._waiter.done() and not self._messages

    def _put_off(self, data: bytes) -> None:
        """Keep what came before the request ahead of it was answered, and take no more."""
        self._early += data
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def _request(self, head: RequestHead, data: bytes) -> web.BaseRequest:
        assert self._request_factory is not None
        return self._request_factory(
            head.message,
            _WholeBody(data[head.start :]),
            self,
            StreamWriter(self, self._loop),
            None,  # type: ignore[arg-type] # no handler asks for its task
        )

    def _answer(self, request: web.BaseRequest) -> None:
        """Have a plain request answered, by one task for all those of a connection."""
        self._is_answering = True
        if self._next is None:
            self._plain_requests = self._loop.create_task(self._answer_all(request))
        else:
            self._next.set_result(request)

    async def _answer_all(self, first: web.BaseRequest) -> None:
        request: web.BaseRequest | None = first
        try:
            while request is not None and await self._carry_out(request):
                self._next = self._loop.create_future()
                self._is_answering = False
                self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                if self._early:
                    self._go_on()
                request = await self._next
        finally:
            self.force_close()

    async def _carry_out(self, request: web.BaseRequest) -> bool:
        """Answer a request; return whether another one may follow."""
        assert self._request_handler is not None
        started = self._loop.time()
        try:
            response, _ = await self._handle_request(request, started, self._request_handler)
        except ConnectionError:  # the client went away
            return False
        except Exception as error:  # noqa: BLE001 - logged; the client is told by the end
            self.log_exception("Unhandled exception", exc_info=error)
            return False
        return bool(response.keep_alive) and not self._close and not self._force_close

    def _go_on(self) -> None:
        early, self._early = self._early, b""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        self.data_received(early)
        if self._has_ended and not self._is_answering:
            last = self._messages[-1][1] if self._messages else None
            if last is None or not last.is_eof():
                self.force_close()

    def _process_keepalive(self) -> None:
        if self._is_answering:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    # ------------------------------------------------------------------------------- its end

    def connection_lost(self, exc: BaseException | None) -> None:
        """End what waits for further requests."""
        super().connection_lost(exc)
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

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
            if isinstance(resp, PlainResponse) and self._send(request, resp):
                if self._paused:  # by a large one
                    await self._drain_helper()
                self.log_access(request, resp, start_time)
                return resp, False
            return await super().finish_response(request, resp, start_time)
        finally:
            self.under_way = None
            if self._answered is not None:
                self._answered.set()
            if self._is_last():
                self.answers.send()
                self.close()

    def _send(self, request: web.BaseRequest, response: PlainResponse) -> bool:
        """Send a response in one piece; False if that is not possible, or the client is slow."""
        transport = self.transport
        if transport is None or self._paused or UPGRADE in request.headers:
            return False
        answer = response.in_full(request)
        if answer is None:
            return False
        if response.keep_alive and len(answer) <= LARGEST:
            self.answers.put(transport, answer)
        else:
            transport.write(answer)
        return True

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
        if self._plain_requests is not None:
            self._plain_requests.cancel()

    def _is_coming(self) -> bool:
        return self.under_way is not None and not self.under_way.is_eof()

    def _is_last(self) -> bool:
        has_more = bool(self._messages or self._early)
        return self._is_closing or self._force_close or (self._has_ended and not has_more)

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


class _WholeBody(EmptyStreamReader):
    """A body that arrived with its head."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def read_nowait(self, n: int = -1) -> bytes:
        """Return the body, or what is left of it."""
        body = self._body
        taken = body if n < 0 else body[:n]
        self._body = body[len(taken) :]
        return taken

    async def read(self, n: int = -1) -> bytes:
        """Return the body, or what is left of it."""
        return self.read_nowait(n)

    async def readany(self) -> bytes:
        """Return the body, or nothing when it was read."""
        return self.read_nowait()
