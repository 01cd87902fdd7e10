"""Which heads are plain, and what they mean."""

from __future__ import annotations

import pytest
from aiohttp import HttpVersion11

from broker.api.request_heads import find_head

PLAIN = (
    b"PATCH /ngsi-ld/v1/entities/urn:a:1/attrs?lang=ja HTTP/1.1\r\nHost: here\r\nX: a\r\nX: b\r\n"
)


async def test_a_plain_head_is_read() -> None:
    data = PLAIN + b"Content-Length: 2\r\n\r\n{}"
    head = find_head(data)
    assert head is not None
    assert data[head.start : head.end] == b"{}"
    message = head.message
    assert (message.method, message.version) == ("PATCH", HttpVersion11)
    assert message.path == "/ngsi-ld/v1/entities/urn:a:1/attrs?lang=ja"
    assert message.url.raw_path == "/ngsi-ld/v1/entities/urn:a:1/attrs"
    assert message.url.query["lang"] == "ja"
    fields = [("Host", "here"), ("X", "a"), ("X", "b"), ("Content-Length", "2")]
    assert list(message.headers.items()) == fields
    assert message.raw_headers[1] == (b"X", b"a")


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
async def test_a_request_without_a_body_ends_with_its_head(length: bytes) -> None:
    data = PLAIN + length + b"\r\n"
    head = find_head(data)
    assert head is not None
    assert head.start == head.end == len(data)


async def test_the_end_is_told_before_the_body_is_there() -> None:
    data = PLAIN + b"Content-Length: 100\r\n\r\n{"
    head = find_head(data)
    assert head is not None
    assert head.end == head.start + 100


LEFT_TO_AIOHTTP = {
    "chunks": b"Transfer-Encoding: chunked\r\n",
    "another transfer encoding": b"Transfer-Encoding: identity\r\n",
    "compression": b"Content-Encoding: gzip\r\nContent-Length: 3\r\n",
    "the end of the connection": b"Connection: close\r\n",
    "a wish to be asked for the body": b"Expect: 100-continue\r\nContent-Length: 3\r\n",
    "another protocol": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n",
    "a length that is none": b"Content-Length: +3\r\n",
    "a length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "lines that end otherwise": b"A: b\nContent-Length: 5\n\nabc\r\n",
    "a carriage return alone": b"A: b\rC: d\r\n",
    "a folded line": b"A: b\r\n c\r\n",
    "a header without a colon": b"A\r\n",
    "a header with a space in its name": b"A : b\r\n",
    "many bytes": b"A: " + b"x" * 3_000 + b"\r\n",
}


@pytest.mark.parametrize("fields", LEFT_TO_AIOHTTP.values(), ids=LEFT_TO_AIOHTTP.keys())
async def test_what_is_unusual_is_left_to_aiohttp(fields: bytes) -> None:
    assert find_head(PLAIN + b"\r\n") is not None
    assert find_head(PLAIN + fields + b"\r\n") is None


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://here/ngsi-ld/v1/entities HTTP/1.1",
        b"GET //here/ngsi-ld HTTP/1.1",
        b"GET /a#b HTTP/1.1",
        b"GET /a?q=a==\"b\" HTTP/1.1",
        b"GET /\xe6\xb9\x96 HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET  /a HTTP/1.1",
        b"GET /a  HTTP/1.1",
        b"GET /a HTTP/1.0",
        b"GET /a",
        b"get /a HTTP/1.1",
        b"HEAD /a HTTP/1.1",
        b"OPTIONS /a HTTP/1.1",
        b"CONNECT here:80 HTTP/1.1",
        b"GET /" + b"a" * 3_000 + b" HTTP/1.1",
    ],
)  # fmt: skip
async def test_a_line_that_has_to_be_looked_at_closely_is_left_to_aiohttp(line: bytes) -> None:
    assert find_head(line + b"\r\nHost: here\r\n\r\n") is None


@pytest.mark.parametrize("length", range(len(PLAIN + b"\r\n")))
async def test_a_head_that_is_not_all_there_is_none(length: int) -> None:
    assert find_head((PLAIN + b"\r\n")[:length]) is None
