"""From a request to its operation and back: finds the route, makes an answer of every error.

Everything the application is asked leads here. Looking a path up by its segments, and doing in one
place what surrounds every handler, took a quarter of the worker's time off a PATCH (310 to 225 us,
the database left out) against a regular expression a path and a chain of middlewares. To do without
aiohttp's application, its router and its match info took off another 20 us.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias

from aiohttp import HttpVersion11, web
from aiohttp.hdrs import EXPECT, METH_ALL

from broker.api.body import PATCH_TYPES
from broker.api.incoming import SNAPSHOT_HEADER, TENANT_HEADER
from broker.api.plain_response import PlainResponse
from broker.api.responses import API_ROOT, problem
from broker.api.route_tree import Found, RouteTree
from broker.model.errors import (
    BadRequestData,
    BodyTooLarge,
    InternalError,
    MethodNotAllowed,
    NgsiLdError,
    ResourceNotFound,
)
from broker.observability.metrics import record_request

log = logging.getLogger(__name__)

_ABOVE = frozenset({API_ROOT[:end] for end, char in enumerate(f"{API_ROOT}/") if char == "/"})
"""Paths above those of the API, at which people look first."""
_ECHOED = (TENANT_HEADER, SNAPSHOT_HEADER)

PathParts: TypeAlias = Mapping[str, str]
Handle: TypeAlias = Callable[[web.BaseRequest, PathParts], Awaitable[web.StreamResponse]]
"""Answers a request; the variable parts of its path are decoded."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a method and a path stand for. `path` is the pattern it is counted under."""

    path: str
    handle: Handle


class Dispatcher:
    """Answers every request of the application."""

    def __init__(self) -> None:
        self._tree: RouteTree[Target] = RouteTree()

    def add(self, method: str, path: str, handle: Handle) -> None:
        """Let `handle` answer a method on a path; GET answers HEAD, too (RFC 9110)."""
        target = Target(path, handle)
        self._tree.add(method, path, target)
        if method == "GET":
            self._tree.add("HEAD", path, target)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, with problem details where something is wrong (clause 6.3.3).

        Raises HTTPExpectationFailed.
        """
        if EXPECT in request.headers:
            await _invite_body(request)
        started = perf_counter()
        method = request.method
        found = self._tree.find(request.rel_url.raw_path)
        target = None if found is None else found.targets.get(method)
        response: web.StreamResponse
        if found is None or target is None:
            response = _nothing_found(request, found)
        else:
            try:
                response = await target.handle(request, found.parts)
            except Exception as error:  # noqa: BLE001 - every error becomes an answer
                response = _refusal(request, error)
        for name in _ECHOED:
            value = request.headers.get(name)
            if value is not None and value.isascii() and not response.prepared:
                response.headers[name] = value
        record_request(
            method if method in METH_ALL else "(other)",
            "(none)" if target is None else target.path,
            response.status,
            perf_counter() - started,
        )
        return response


async def _invite_body(request: web.BaseRequest) -> None:
    """Tell a client that waits for it to send the body (RFC 9110, 10.1.1)."""
    expected = request.headers[EXPECT]
    if not expected or request.version != HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text=f"Unknown Expect: {expected}")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun
    await request.writer.drain()


def _refusal(request: web.BaseRequest, error: Exception) -> web.Response:
    """Return the answer that tells of an error; those that are answers of aiohttp are raised."""
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return problem(BodyTooLarge("the body is larger than this broker allows"))
    if isinstance(error, web.HTTPException):
        raise error
    if isinstance(error, NgsiLdError) and not isinstance(error, InternalError):
        return problem(error)
    log.error("request failed", exc_info=error, extra=_about(request))
    if isinstance(error, InternalError):
        return problem(error)
    return problem(InternalError("the request failed; the log of the broker says why"))


def _nothing_found(request: web.BaseRequest, found: Found[Target] | None) -> web.Response:
    if found is None:
        return problem(_nothing_at(request.path))
    allowed = tuple(sorted(found.targets))
    if request.method == "OPTIONS":
        headers = {"Allow": ", ".join((*allowed, "OPTIONS"))}
        if "PATCH" in allowed:
            headers["Accept-Patch"] = ", ".join(PATCH_TYPES)  # RFC 5789, 3.1
        return PlainResponse(status=204, headers=headers)
    return problem(
        MethodNotAllowed(
            f"{request.method} is not possible here; possible: {', '.join(allowed)}",
            allowed=allowed,
        )
    )


def _nothing_at(path: str) -> NgsiLdError:
    if path.startswith(API_ROOT) and "//" in path:
        return BadRequestData(f"an identifier is missing in the path {path[:300]}")
    if path.startswith(f"/{API_ROOT}"):
        return ResourceNotFound(f"the path {path[:300]} has a slash too many: {API_ROOT}/…")
    if path.rstrip("/") in _ABOVE:
        return ResourceNotFound(
            f"there is no resource at {path}; entities are at {API_ROOT}/entities (?local=true"
            " gives all), what else there is says /openapi.json"
        )
    return ResourceNotFound(f"there is no resource at {path[:300]}")


def _about(request: web.BaseRequest) -> dict[str, str]:
    return {"method": request.method, "path": request.path}
