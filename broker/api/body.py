"""Request bodies: limits, media types, JSON (clauses 6.3.2, 6.3.4)."""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from typing import Any

import orjson
from aiohttp import web

from broker.model.errors import BodyTooLarge, InvalidRequest, LengthRequired, UnsupportedMediaType

JSON = "application/json"
JSON_LD = "application/ld+json"
GEO_JSON = "application/geo+json"
MERGE_PATCH = "application/merge-patch+json"
PATCH_TYPES = (JSON, JSON_LD, MERGE_PATCH)
"""What the body of a PATCH may be: one type more than that of other requests (6.3.4)."""

_ACCEPTED = frozenset({JSON, JSON_LD})
_STRING_OR_KEY = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?', re.DOTALL)
_WHITE_SPACE = b" \t\n\r"
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_ONE_KIND_OF_BRACKET = bytes.maketrans(b"{}", b"[]")
DEEPEST = 64
LONGEST = 120.0
"""Seconds a body may take: a client that says no more would hold its connection for ever."""


async def read_bytes(request: web.BaseRequest, *, largest: int, patience: float = LONGEST) -> bytes:
    """Return the body of a request.

    Raises BodyTooLarge (`largest` is in bytes), and InvalidRequest where it does not come whole,
    not within `patience` seconds, or is not compressed as it says.
    """
    length = request.content_length
    if length is not None and length > largest:
        raise _too_large(largest)
    try:
        content = request.content
        if length is not None and content.is_eof():  # all of it has arrived with the head
            return content.read_nowait()
        async with asyncio.timeout(patience):
            return await request.clone(client_max_size=largest).read()
    except TimeoutError as error:
        raise InvalidRequest(
            f"the body did not come within {patience:g} seconds; send it at once, or in parts"
        ) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large(largest) from error
    except web.RequestPayloadError as error:
        fault = str(error).splitlines()[-1].strip()
        raise InvalidRequest(f"the body cannot be read: {fault}") from error
    except ConnectionError as error:
        raise InvalidRequest("the connection ended before the body did") from error


def check_length(request: web.BaseRequest) -> None:
    """Raise LengthRequired unless it is known how long the body is, or that it comes in chunks."""
    if request.content_length is None and "Transfer-Encoding" not in request.headers:
        raise LengthRequired("the Content-Length header is missing")


def check_media_type(media_type: str, method: str) -> None:
    """Raise UnsupportedMediaType unless the body is JSON or JSON-LD (merge-patch for PATCH).

    Raises InvalidRequest where the client does not say what it is.
    """
    if media_type in _ACCEPTED or (method == "PATCH" and media_type in PATCH_TYPES):
        return
    if not media_type:
        raise InvalidRequest(f"the Content-Type header is missing; it says {JSON} or {JSON_LD}")
    reason = "is for PATCH alone" if media_type in PATCH_TYPES else "is not supported"
    raise UnsupportedMediaType(
        f"the Content-Type {media_type!r} {reason}; send {JSON} or {JSON_LD}"
    )


def parse_json(raw: bytes, *, deepest: int = DEEPEST) -> Any:
    """Return the value of a JSON text. Raises InvalidRequest with the place of the fault.

    A byte order mark before it, as files saved on Windows have, is passed over (RFC 8259, 8.1).
    """
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not raw.strip():
            raise InvalidRequest("the request has no body; a JSON document is needed") from error
        raise InvalidRequest(
            f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from error
    is_sound = _is_as_written(raw, value) and _is_no_deeper(raw, deepest)
    if not is_sound and not _has_written(raw, _count_keys(value, deepest)):
        raise InvalidRequest(_duplicate(raw))
    return value


def _is_as_written(raw: bytes, value: Any) -> bool:
    """Return whether a JSON text is what its value would be written as: no name was lost.

    Machines write so, up to white space; to find that out takes half the time of a look at each
    member, a tenth where there are many.
    """
    try:
        written = orjson.dumps(value)
        return written.translate(None, _WHITE_SPACE) == raw.translate(None, _WHITE_SPACE)
    except orjson.JSONEncodeError:  # nested too deep for it
        return False


def _is_no_deeper(raw: bytes, levels: int) -> bool:
    """Return whether a JSON text is certainly nested no deeper than so many levels."""
    if raw.count(b"{") + raw.count(b"[") <= levels:
        return True
    brackets = raw.translate(_ONE_KIND_OF_BRACKET, _NO_BRACKETS)
    for _ in range(levels):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"")  # takes the innermost level away
    return not brackets


def _has_written(raw: bytes, keys: int) -> bool:
    """Return whether a JSON text names as many members as its value has: none of them twice.

    Without white space each member shows as `":`; texts with the same two characters only make
    their number larger, and then every string is looked at.
    """
    if raw.translate(None, _WHITE_SPACE).count(b'":') == keys:
        return True
    return sum(1 for colon in _STRING_OR_KEY.findall(raw) if colon) == keys


def _count_keys(value: Any, levels: int) -> int:
    """Count the members of all objects, so that a name given twice shows.

    `levels` is how deep the value may still go.
    """
    if levels < 0:
        raise InvalidRequest("the body is nested deeper than this broker allows")
    kind = type(value)
    if kind is dict:
        count = len(value)
        inner = value.values()
    elif kind is list:
        count = 0
        inner = value
    else:
        return 0
    for member in inner:
        kind = type(member)
        if kind is dict or kind is list:
            count += _count_keys(member, levels - 1)
    return count


def _duplicate(raw: bytes) -> str:
    """Name the first duplicate; slow, but only on the way to an error."""
    found: list[str] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name, value in members:
            if name in seen:
                found.append(name)
            seen[name] = value
        return seen

    json.loads(raw, object_pairs_hook=pairs)
    name = found[0] if found else "?"
    return f"the name {name!r} occurs twice in one object; which value is meant cannot be known"


def _too_large(largest: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"the body is larger than {largest} bytes, the limit of this broker; split the request"
    )
