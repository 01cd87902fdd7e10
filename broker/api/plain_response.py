"""Responses whose head and body go out in one piece."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.hdrs import SERVER
from multidict import CIMultiDict

_WITHOUT_LENGTH = frozenset({204, 304})
_NAME = "Mutsura"
"""What the server calls itself. Which release of what it is made of is nobody's business: an
operator finds it at `/version`."""


class PlainResponse(web.Response):
    """A response with neither cookies, compression nor chunks; its body is bytes or nothing.

    To write it without the steps aiohttp takes for all of these saves 30 of the 88 us it spends on
    a small request and its answer. What is rare (HEAD, HTTP/1.0) is left to aiohttp.
    """

    _is_sent = False
    _stays_open = True

    def in_full(self, request: web.BaseRequest) -> bytes | None:
        """Return all that is to be sent, head and body; None where that is left to aiohttp.

        It counts as sent from then on.
        """
        if self._is_sent or request.version != HttpVersion11 or request.method == "HEAD":
            return None
        body = self.body or b""
        assert isinstance(body, bytes)
        self._stays_open = request.keep_alive and super().keep_alive is not False
        if body or self.headers or not self._stays_open:
            answer = self._head(len(body)) + body
        else:
            answer = _empty(self.status, int(time()))
        self._is_sent = True
        return answer

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the response, head and body."""
        if self._is_sent:
            return None
        await request.writer.drain()  # a client may ask and never read
        answer = self.in_full(request)
        if answer is None:
            self.headers.setdefault(SERVER, _NAME)
            return await super().prepare(request)
        await request.writer.write(answer)
        await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing where all has been sent."""
        if not self._is_sent:
            await super().write_eof(data)

    @property
    def prepared(self) -> bool:
        """Whether it is too late to change a header."""
        return self._is_sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection is for further requests, too."""
        return self._stays_open if self._is_sent else super().keep_alive

    @property
    def body_length(self) -> int:
        """How many bytes the body has, for the access log."""
        body = self.body
        return len(body) if self._is_sent and isinstance(body, bytes) else super().body_length

    def _head(self, length: int) -> bytes:
        lines = _first_lines(self.status, int(time()))
        if length or self.status not in _WITHOUT_LENGTH:
            lines += f"Content-Length: {length}\r\n"
        if not self._stays_open:
            lines += "Connection: close\r\n"
        return (lines + _fields(self.headers) + "\r\n").encode()


@lru_cache(maxsize=32)
def _first_lines(status: int, now: int) -> str:
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Date: {formatdate(now, usegmt=True)}\r\nServer: {_NAME}\r\n"
    )


@lru_cache(maxsize=32)
def _empty(status: int, now: int) -> bytes:
    """Return a response that says no more than its status: that of most writes."""
    length = "" if status in _WITHOUT_LENGTH else "Content-Length: 0\r\n"
    return f"{_first_lines(status, now)}{length}\r\n".encode()


def _fields(headers: CIMultiDict[str]) -> str:
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        raise ValueError("a header of the response has a line break in it")
    return text
