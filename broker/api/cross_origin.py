"""Requests that scripts of web pages from elsewhere send: CORS, as the Fetch standard has it.

A browser lets a script read an answer only if its headers name the origin of the page, and asks
first (a preflight, by OPTIONS) before a request that a form could not have sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from aiohttp import web
from aiohttp.hdrs import (
    ACCEPT,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD,
    ALLOW,
    AUTHORIZATION,
    CONTENT_TYPE,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    LINK,
    LOCATION,
    ORIGIN,
    RETRY_AFTER,
    VARY,
)

from broker.api import entity_maps, repeats
from broker.api.incoming import SNAPSHOT_HEADER, TENANT_HEADER
from broker.api.paging import RESULTS_COUNT
from broker.api.preferences import PREFER, PREFERENCE_APPLIED

EVERYBODY: Final = "*"
"""In place of an origin: pages from anywhere."""
_REMEMBERED: Final = "7200"
"""Seconds; browsers ask again no sooner, and none remembers for longer."""
_TAKEN: Final = ", ".join(
    [
        ACCEPT, CONTENT_TYPE, LINK, PREFER, IF_MATCH, IF_NONE_MATCH, AUTHORIZATION, TENANT_HEADER,
        SNAPSHOT_HEADER, entity_maps.HEADER, repeats.HEADER,
    ]
)  # fmt: skip
"""What a script may send. Authorization is for a gateway in front."""
_SHOWN: Final = ", ".join(
    [
        LINK, LOCATION, ETAG, RETRY_AFTER, ALLOW, PREFERENCE_APPLIED, RESULTS_COUNT, TENANT_HEADER,
        SNAPSHOT_HEADER, entity_maps.HEADER,
    ]
)  # fmt: skip
"""What a script may read of the headers of an answer."""

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class CrossOrigin:
    """Lets pages of some origins use what `answer` answers; others get the answer unsaid.

    Origins are as browsers send them (`https://map.example`), or EVERYBODY.
    """

    def __init__(self, answer: Answer, origins: Collection[str]) -> None:
        self._answer = answer
        self._origins = frozenset(origins)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, and tell a browser whose page may read the answer."""
        response = await self._answer(request)
        if response.prepared:
            return response
        headers = response.headers
        if EVERYBODY not in self._origins:
            headers.add(VARY, ORIGIN)  # so that no cache gives one page the answer of another
        allowed = self._allowed(request.headers.get(ORIGIN))
        if allowed is None:
            return response
        headers[ACCESS_CONTROL_ALLOW_ORIGIN] = allowed
        if request.method == "OPTIONS" and ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            headers[ACCESS_CONTROL_ALLOW_METHODS] = headers.get(ALLOW, "")
            headers[ACCESS_CONTROL_ALLOW_HEADERS] = _TAKEN
            headers[ACCESS_CONTROL_MAX_AGE] = _REMEMBERED
        else:
            headers[ACCESS_CONTROL_EXPOSE_HEADERS] = _SHOWN
        return response

    def _allowed(self, origin: str | None) -> str | None:
        if origin is None:
            return None
        if EVERYBODY in self._origins:
            return EVERYBODY
        return origin if origin in self._origins else None
