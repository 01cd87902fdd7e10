"""Requests that are answered at once are answered as aiohttp would have them answered."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.api import connection
from broker.api.plain_response import PlainResponse
from broker.api.request_heads import RequestHead, find_head
from broker.api.serving import HttpApi


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


ASLEEP: set[web.BaseRequest] = set()
"""Requests of which it is certain that they will be answered."""


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """Tell all that a handler can see of a request."""
    if "slow" in request.path:
        ASLEEP.add(request)
        await asyncio.sleep(0.003)
        ASLEEP.discard(request)
    body = await request.read()
    if "refuse" in request.path:
        raise web.HTTPExpectationFailed(text="as asked")
    if "fault" in request.path:
        raise ValueError("as asked")
    seen = [
        request.method, request.path, request.path_qs, list(request.query.items()),
        list(request.headers.items()), body.hex(), request.keep_alive, request.content_length,
        request.host, request.scheme, request.remote, request.can_read_body,
    ]  # fmt: skip
    kind = web.Response if "own" in request.path else PlainResponse
    padding = b" " * 10_000 if "large" in request.path else b""
    return kind(body=orjson.dumps(seen, default=str) + padding, content_type="application/json")


@dataclass(frozen=True)
class Conversation:
    """What a client sends, in which pieces, and whether it then says that there is no more.

    Between the pieces it waits for `pause` seconds.
    """

    pieces: Sequence[bytes]
    ends: bool
    pause: float = 0.0


@dataclass(frozen=True)
class Heard:
    """What a client was sent, without dates, and whether the connection was closed."""

    answers: bytes
    is_closed: bool


@dataclass
class Noticed:
    """Whether what was looked at could be answered at once; it can be left to aiohttp."""

    at_once: list[bool] = field(default_factory=list)
    is_allowed: bool = True

    def find_head(self, data: bytes) -> RequestHead | None:
        head = find_head(data) if self.is_allowed else None
        self.at_once.append(head is not None and head.end == len(data))
        return head


TURNS = 30
"""Turns of the event loop after which nothing happens by itself."""
OPTIONS: Mapping[str, Any] = {"access_log": None, "lingering_time": 0}
METHODS = st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"])
TARGETS = st.sampled_from(
    [
        "/a", "/slow", "/own", "/large", "/fault", "/refuse", "/slow/large/own", "/a?q=b%20c&d",
        "/a?", "/a/../b", "/%E6%B9%96/x", "/a;b?c?d", "/a#b", "//a/b", "http://other:1/a", "/a b",
    ]
)  # fmt: skip
FIELDS = st.sampled_from(
    [
        "Connection: close", "Connection: keep-alive", "Accept: a/b", "X: a\r\nX: b",
        "x:a", "X:   spaces   ", "Content-Encoding: gzip", "Transfer-Encoding: chunked",
        "Content-Length: 3", "Expect: 100-continue", "Upgrade: websocket", "X: \u00e9", "No colon",
        "NGSILD-Tenant: t",
    ]
)  # fmt: skip
BODIES = st.sampled_from([b"", b"{}", b"abc", b"x" * 3_000, gzip.compress(b"packed"), b"\r\n\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    body = draw(BODIES)
    fields = ["Host: here", *draw(st.lists(FIELDS, max_size=2))]
    if body and draw(st.integers(0, 9)):
        fields.append(f"Content-Length: {len(body)}")
    version = draw(st.sampled_from(["1.1"] * 9 + ["1.0"]))
    line = f"{draw(METHODS)} {draw(TARGETS)} HTTP/{version}"
    return "\r\n".join([line, *fields, "", ""]).encode() + body


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    pieces = draw(st.lists(requests(), min_size=1, max_size=4))
    if draw(st.booleans()):  # cut it anywhere instead of after each request
        text = b"".join(pieces)
        cuts = sorted(draw(st.lists(st.integers(1, max(1, len(text) - 1)), max_size=3)))
        edges = [0, *cuts, len(text)]
        pieces = [text[a:b] for a, b in pairwise(edges) if a < b]
    return Conversation(pieces, draw(st.booleans()), draw(st.sampled_from([0.0, 0.001, 0.006])))


class Wire(asyncio.Transport):
    """The way to a client: what is sent on it, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.sent = b""
        self.is_closed = asyncio.Event()
        self.is_paused = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.is_closed.is_set()

    def close(self) -> None:
        self.is_closed.set()

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[web.Server, Noticed]]:
    """Give a server, and what is noticed of the heads it looks at."""
    noticed = Noticed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "find_head", noticed.find_head)
        async with HttpApi(echo, nothing).serving(**OPTIONS) as runner:
            assert runner.server is not None
            yield runner.server, noticed


async def answers_to(server: web.Server, said: Conversation) -> Heard:
    """Return what comes of a conversation."""
    wire, protocol = Wire(), server()
    protocol.connection_made(wire)
    last = b"GET /last HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    for piece in [*said.pieces, last]:
        await asyncio.sleep(said.pause)
        while wire.is_paused and not wire.is_closing():
            await asyncio.sleep(0.001)
        if not wire.is_closing():
            protocol.data_received(piece)
    if said.ends and not wire.is_closing() and not protocol.eof_received():
        wire.close()
    await all_is_quiet()
    protocol.connection_lost(None)
    await all_is_quiet()
    lines = wire.sent.split(b"\r\n")
    answers = b"\r\n".join(line for line in lines if not line.startswith(b"Date: "))
    return Heard(answers, wire.is_closing())


async def all_is_quiet() -> None:
    """Wait until nothing is to be expected any more."""
    turns = 0
    while turns < TURNS:
        turns = 0 if ASLEEP else turns + 1
        await asyncio.sleep(0.001 if ASLEEP else 0)


@settings(max_examples=300, deadline=None)
@given(said=conversations())
def test_the_answers_are_those_of_aiohttp(said: Conversation) -> None:
    async def compare() -> None:
        async with watched() as (server, noticed):
            at_once = await answers_to(server, said)
            noticed.is_allowed = False
            by_aiohttp = await answers_to(server, said)
        assert at_once == by_aiohttp

    asyncio.run(compare())


async def test_plain_requests_are_answered_at_once() -> None:
    body = b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"
    split = [body[:-1], body[-1:]]
    async with watched() as (server, noticed):
        await answers_to(server, Conversation([body, *split, body], ends=False, pause=0.02))
    assert noticed.at_once == [True, False, True, False]  # the last one ends the connection
