"""Clients that ask without waiting, ask no more, or do not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from broker.api.body import read_bytes
from broker.api.plain_response import PlainResponse
from broker.api.responses import problem
from broker.api.serving import HttpApi
from broker.model.errors import InvalidRequest
from tests.patience import PATIENCE

BODY = b"x" * 60_000


@dataclass
class Served:
    """What the server has seen: how many requests, the most bytes that waited to be sent."""

    port: int = 0
    requests: int = 0
    waiting: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        self.requests += 1
        self.waiting = max(self.waiting, request.transport.get_write_buffer_size())
        await self.may_answer.wait()
        await request.read()
        return PlainResponse(body=BODY)


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    async with HttpApi(served.answer, nothing).serving(access_log=None) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        served.port = runner.addresses[0][1]
        yield served


async def read_answers(reader: asyncio.StreamReader, count: int) -> str:
    """Read some answers; returns the head of the last one."""
    head = b""
    for _ in range(count):
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(BODY)) == BODY
    return head.decode()


@pytest.mark.parametrize("is_early", [True, False])
@pytest.mark.parametrize("count", [1, 3])
async def test_who_asks_no_more_is_answered(served: Served, count: int, is_early: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * count)
    while not is_early and not served.requests:
        await asyncio.sleep(0.001)
    writer.write_eof()
    asyncio.get_running_loop().call_later(0.05, served.may_answer.set)
    head = await read_answers(reader, count)
    assert "\r\nConnection: close\r\n" in head
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_small_answers_keep_the_order_of_the_requests() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/large":
            return PlainResponse(body=BODY)
        if request.path == "/own":
            return web.Response(text="own")
        return PlainResponse(body=request.path.encode())

    asked = ["/1", "/2", "/large", "/3", "/own", "/4", "/5"]
    async with HttpApi(answer, nothing).serving(access_log=None) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        requests = [f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n" for path in asked]
        last = "GET /last HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        writer.write("".join([*requests, last]).encode())
        answers = (await reader.read()).split(b"HTTP/1.1 200 OK\r\n")[1:]
        writer.close()
        await writer.wait_closed()
    bodies = [one.partition(b"\r\n\r\n")[2] for one in answers]
    assert bodies == [b"/1", b"/2", BODY, b"/3", b"own", b"/4", b"/5", b"/last"]


async def test_many_small_answers_reach_everybody() -> None:
    may_answer = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await may_answer.wait()
        return PlainResponse(body=request.path.encode())

    async with HttpApi(answer, nothing).serving(access_log=None) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
        for number, (_, writer) in enumerate(connections):
            writer.write(f"GET /{number:02d} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        connections[7][1].close()  # it went away
        await asyncio.sleep(0.05)
        may_answer.set()
        for number, (reader, writer) in enumerate(connections):
            if number != 7:
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"Content-Length: 3" in head
                assert await reader.readexactly(3) == f"/{number:02d}".encode()
                writer.close()
            await writer.wait_closed()


async def test_who_ends_while_the_answer_waits_for_the_end_of_the_turn_gets_it() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        connection, transport = request.protocol, request.transport
        assert transport is not None

        def end() -> None:  # as the loop does when the client's end comes in
            if not connection.eof_received():
                transport.close()

        asyncio.get_running_loop().call_soon(end)
        return PlainResponse(body=b"here")

    async with HttpApi(answer, nothing).serving(access_log=None) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\nhere")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("count", [0, 1])
async def test_who_is_owed_nothing_and_asks_no_more_is_let_go(served: Served, count: int) -> None:
    served.may_answer.set()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * count)
    await read_answers(reader, count)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_answers_do_not_pile_up_for_who_does_not_read(served: Served) -> None:
    served.may_answer.set()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 400)
    before = -1
    while before < served.requests:
        before = served.requests
        await asyncio.sleep(0.2)
    await read_answers(reader, 400)
    assert served.waiting < 1_000_000
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("comes", [True, False])
async def test_a_body_under_way_when_the_server_stops(comes: bool) -> None:
    served = Served()
    served.may_answer.set()
    patience = 60.0 if comes else 0.2
    serving = HttpApi(served.answer, nothing).serving(access_log=None, shutdown_timeout=patience)
    runner = await serving.__aenter__()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nhello")
    while not served.requests:
        await asyncio.sleep(0.001)
    stopping = asyncio.ensure_future(serving.__aexit__(None, None, None))
    await asyncio.sleep(0.05)
    if comes:
        writer.write(b"world")
        assert "\r\nConnection: close\r\n" in await read_answers(reader, 1)
    assert await reader.read() == b""
    await stopping
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_never_comes_is_not_waited_for_for_ever() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        try:
            await read_bytes(request, largest=1000, patience=0.05)
        except InvalidRequest as error:
            return problem(error)
        raise AssertionError("the body came")

    async with HttpApi(answer, nothing).serving(access_log=None, lingering_time=0.1) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n{")
        async with asyncio.timeout(PATIENCE):
            answered = await reader.read()  # up to the end of the connection
        writer.close()
    assert b" 400 " in answered
    assert b"did not come within 0.05 seconds" in answered


REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
SPLIT = (REQUEST[:9], REQUEST[9:])


@pytest.mark.parametrize("pieces", [(REQUEST,), SPLIT, (REQUEST, REQUEST), (*SPLIT, REQUEST)])
async def test_who_is_quiet_is_let_go_but_not_while_an_answer_is_made(
    pieces: tuple[bytes, ...],
) -> None:
    quiet = 0.05

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(3 * quiet)
        return PlainResponse(body=BODY)

    async with HttpApi(answer, nothing).serving(access_log=None, keepalive_timeout=quiet) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        await read_answers(reader, sum(piece.endswith(b"\r\n\r\n") for piece in pieces))
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
