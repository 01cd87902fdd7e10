"""The heads of requests as machines send them: the same header fields every time.

A client that keeps its connection sends one request line after the other, each with a block of
header fields that was there before. aiohttp's parser is asked once what a block means; afterwards
only the request line is looked at. Whatever is not plain (chunks, compression, the end of the
connection, a URL that has to be looked at closely) is not for here: None is the answer, and aiohttp
reads the request itself.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import HttpVersion11
from aiohttp.base_protocol import BaseProtocol
from aiohttp.hdrs import CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

_LONGEST_LINE: Final = 2_000
_LONGEST_BLOCK: Final = 2_000
"""Bytes. Longer ones are rare, and what is kept of them has to have a bound."""
_BLOCKS: Final = 1_000
_LINE: Final = re.compile(
    rb"(GET|POST|PATCH|PUT|DELETE) "
    rb"(/(?!/)[\w.~:/%!$&'()*+,;=@-]*(?:\?[\w.~:/%!$&'()*+,;=@?-]*)?) HTTP/1\.1\r\n"
)
"""A request line that can only be read in one way: path and query of RFC 3986, nothing escaped by
other means, nothing left out."""
_END: Final = b"\r\n\r\n"


class _Fields(NamedTuple):
    headers: CIMultiDictProxy[str]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    content_length: int


class RequestHead(NamedTuple):
    """What a request begins with. Its body is what lies between `start` and `end` of the data."""

    message: RawRequestMessage
    start: int
    end: int


def find_head(data: bytes) -> RequestHead | None:
    """Return the head that data begin with if it is plain and complete, else None."""
    line = _LINE.match(data, 0, _LONGEST_LINE)
    if line is None:
        return None
    begin = line.end()
    end = data.find(_END, begin - 2, begin + _LONGEST_BLOCK)
    if end < begin:  # not complete, too long, or without a field
        return None
    fields = _fields(data[begin:end])
    if fields is None:
        return None
    method, target = line.groups()
    url = target.decode()
    path, _, query = url.partition("?")
    message = RawRequestMessage(
        method=method.decode(),
        path=url,
        version=HttpVersion11,
        headers=fields.headers,
        raw_headers=fields.raw_headers,
        should_close=False,
        compression=None,
        upgrade=False,
        chunked=False,
        url=URL.build(path=path, query_string=query, encoded=True),
    )
    start = end + len(_END)
    return RequestHead(message, start, start + fields.content_length)


@lru_cache(maxsize=_BLOCKS)
def _fields(block: bytes) -> _Fields | None:
    """Return what a block of header fields means, None if it asks for anything unusual."""
    if not block.count(b"\r\n") == block.count(b"\r") == block.count(b"\n"):
        return None  # whose parser takes which for the end of a line is not to matter
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(BaseProtocol(loop), loop, 1)
    try:
        messages, is_upgraded, rest = parser.feed_data(b"POST / HTTP/1.1\r\n" + block + _END)
    except HttpProcessingError:
        return None
    if len(messages) != 1 or is_upgraded or rest:
        return None
    message, body = messages[0]
    length = int(message.headers.get(CONTENT_LENGTH, 0))
    if not _is_plain(message) or body.is_eof() != (length == 0):
        return None
    return _Fields(message.headers, message.raw_headers, length)


def _is_plain(message: RawRequestMessage) -> bool:
    is_unusual = message.should_close or message.compression or message.upgrade
    headers = message.headers
    return not is_unusual and TRANSFER_ENCODING not in headers and EXPECT not in headers
