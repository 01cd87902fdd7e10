"""What a PlainResponse sends is what aiohttp would have sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from broker.api.plain_response import PlainResponse
from broker.api.serving import HttpApi

KINDS = {"/plain": PlainResponse, "/aiohttp": web.Response}
ANSWERS = {
    "204": {"status": 204},
    "201": {"status": 201, "headers": {"Location": "/x"}},
    "200": {"body": b"[]", "content_type": "application/json"},
    "large": {"body": b"x" * 500_000, "headers": {"Content-Type": "text/plain", "Link": "<a>"}},
    "304": {"status": 304},
    "empty": {"status": 404},
    "broken": {"headers": {"Location": "/x\r\nSet-Cookie: a=b"}},
}


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    response = KINDS[request.path](**ANSWERS[request.headers["Answer"]])
    assert not response.prepared
    return response


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with HttpApi(answer, nothing).serving(access_log=None) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]


async def asked(port: int, path: str, method: str, version: str, name: str, more: str = "") -> str:
    """Return what comes back, the fields in order, without date and server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    line = f"{method} {path} HTTP/{version}\r\nHost: here\r\nAnswer: {name}\r\n{more}\r\n"
    writer.write(line.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = [one for one in head.split("\r\n") if not one.startswith(("Date: ", "Server: "))]
    length = next((int(one[16:]) for one in fields if one.startswith("Content-Length: ")), 0)
    body = b"" if method == "HEAD" else await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return "\n".join([fields[0], *sorted(fields[1:])]) + body.decode()


@pytest.mark.parametrize("more", ["", "Connection: close\r\n", "Connection: keep-alive\r\n"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "broken"])
async def test_it_is_what_aiohttp_sends(
    port: int, name: str, method: str, version: str, more: str
) -> None:
    plain = await asked(port, "/plain", method, version, name, more)
    assert plain == await asked(port, "/aiohttp", method, version, name, more)


@pytest.mark.parametrize(
    "line", ["GET /plain HTTP/1.1", "HEAD /plain HTTP/1.1", "GET /plain HTTP/1.0", "no HTTP"]
)
async def test_what_the_server_is_made_of_is_not_told(port: int, line: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line}\r\nHost: here\r\nAnswer: empty\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    await writer.wait_closed()
    assert [one for one in head.split("\r\n") if one.startswith("Server: ")] == ["Server: Mutsura"]


async def test_the_date_is_told(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /plain HTTP/1.1\r\nHost: here\r\nAnswer: 204\r\n\r\n")
    assert b"\r\nDate: " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"GET /plain HTTP/1.1\r\nHost: here\r\nAnswer: 200\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"\r\n\r\n[]")  # the server closed the connection
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("path", KINDS)
async def test_a_line_break_cannot_begin_another_header(port: int, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: here\r\nAnswer: broken\r\n\r\n".encode())
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
