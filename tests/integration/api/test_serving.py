"""The API begins and ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest
from aiohttp import web

from broker.api.serving import HttpApi
from tests.api import Api


async def test_requests_under_way_are_answered_before_what_they_need_is_closed() -> None:
    events: list[str] = []
    has_come, may_go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        events.append("opened")
        yield
        events.append("closed")

    async def answer(request: web.BaseRequest) -> web.Response:
        has_come.set()
        await may_go.wait()
        events.append("answered")
        return web.Response(status=204)

    async with aiohttp.ClientSession() as session:
        async with HttpApi(answer, opened).serving(access_log=None) as runner:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            asked = asyncio.ensure_future(session.get(url))
            await has_come.wait()
            asyncio.get_running_loop().call_later(0.1, may_go.set)
        response = await asked
        assert response.status == 204
        assert response.headers["Connection"] == "close"
    assert events == ["opened", "answered", "closed"]


NO_REQUESTS = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a method that is none": b"G<T / HTTP/1.1\r\nHost: here\r\n\r\n",
    "a header that is none": b"GET / HTTP/1.1\r\nHost: here\r\nNo colon\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nHost: here\r\nX: a\x01b\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length that is no number": b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "an address without end": b"GET /?id=" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n",
    "letters beyond ASCII": "GET /?q=p=='湖' HTTP/1.1\r\nHost: here\r\n\r\n".encode(),
}
HELP = {
    "an address without end": "entityOperations/query",
    "letters beyond ASCII": "percent-encoded",
}


@pytest.mark.parametrize("what", NO_REQUESTS)
async def test_what_is_no_request_is_told_so_without_alarming_anybody(
    api: Api, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = api.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(NO_REQUESTS[what])
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.split(b" ")[1] == b"400"
    assert b"Content-Type: application/json" in head
    details = orjson.loads(body)
    assert details["type"].endswith("/InvalidRequest")
    assert details["detail"].startswith("this is not a valid HTTP request: ")
    assert HELP.get(what, "") in details["detail"]
    assert not [one for one in caplog.records if one.levelname in ("ERROR", "WARNING")]


UNREADABLE = {
    "a tenant": b"NGSILD-Tenant: \xff\r\nContent-Length: 2\r\n\r\n{}",
    "a snapshot": b"NGSILD-Snapshot: \xff\r\nContent-Length: 2\r\n\r\n{}",
    "a link": (
        b'Link: <http://here/\xff>; rel="http://www.w3.org/ns/json-ld#context"\r\n'
        b"Content-Length: 30\r\n\r\n"
        b'{"id": "urn:x:1", "type": "T"}'
    ),
    "gzip": b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnonsense",
    "deflate": b"Content-Encoding: deflate\r\nContent-Length: 8\r\n\r\nnonsense",
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_bytes_that_mean_nothing_are_answered(
    api: Api, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(*api.root.removeprefix("http://").split(":"))
    writer.write(
        b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\n" + UNREADABLE[what]
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.split(b" ")[1] == b"400"
    assert orjson.loads(body)["status"] == 400
    assert not [one for one in caplog.records if one.levelname in ("ERROR", "WARNING")]


async def test_a_body_that_ends_too_soon_alarms_nobody(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(*api.root.removeprefix("http://").split(":"))
    writer.write(
        b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        b"Content-Length: 500\r\n\r\n{"
    )
    await asyncio.sleep(0.1)  # the broker reads the body
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await api.get("/types")
    assert not [one for one in caplog.records if one.levelname in ("ERROR", "WARNING")]
