"""A small HTTP server for adapters: provisioning APIs and the reception of webhooks.

Handlers take a `Request` and return a `Response`, and know nothing of the server library.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import orjson
from aiohttp import web

from adapters.runtime.errors import AdapterError, Misconfigured, RetryLater, SkipRecord

log = logging.getLogger(__name__)
LARGEST_BODY = 8_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case, `path_values` are the `{names}` of the path."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    path_values: Mapping[str, str]

    def json(self) -> Any:
        """Return the body as JSON; raises `SkipRecord` (answered as 400) for something else."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise SkipRecord(f"the body is not JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Response:
    """One response; `json` (anything but None) is sent as JSON, else `body`."""

    status: int = 200
    json: Any = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Route(NamedTuple):
    """A handler for a method and a path such as `/iot/devices/{device}`."""

    method: str
    path: str
    handler: Handler


class ServerAddress(NamedTuple):
    """Where a server listens; `port` is the real one when 0 was asked for."""

    host: str
    port: int


@asynccontextmanager
async def serve(routes: Sequence[Route], *, host: str, port: int) -> AsyncIterator[ServerAddress]:
    """Serve while the block runs; raises `Misconfigured` when the address cannot be used.

    `SkipRecord` raised by a handler is answered 400, `RetryLater` 503 with Retry-After, both with
    the detail; so is what no route is for (404, 405) and what is too large (413).
    """
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_in_json])
    for route in routes:
        app.router.add_route(route.method, route.path, _bound(route.handler))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        bound = runner.addresses[0]
        yield ServerAddress(bound[0], bound[1])
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0).lower()}"
        ) from error


@web.middleware
async def _in_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPError as error:
        detail = f"{request.method} {request.path}: {error.reason}"
        if isinstance(error, web.HTTPMethodNotAllowed):
            detail += f"; possible: {', '.join(sorted(error.allowed_methods))}"
        body = {"name": type(error).__name__.removeprefix("HTTP"), "message": detail}
        kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return _web_response(Response(error.status, body, headers=kept))


def _bound(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            response = await handler(await _request(request))
        except SkipRecord as error:
            response = Response(400, {"name": type(error).__name__, "message": error.detail})
        except RetryLater as error:
            wait = {"Retry-After": str(max(1, round(error.after or 1)))}
            response = Response(
                503, {"name": type(error).__name__, "message": error.detail}, headers=wait
            )
        except AdapterError as error:
            log.exception("request failed", extra={"path": request.path})
            response = Response(500, {"name": type(error).__name__, "message": error.detail})
        return _web_response(response)

    return handle


async def _request(request: web.Request) -> Request:
    return Request(
        request.method,
        request.path,
        dict(request.query),
        {name.lower(): value for name, value in request.headers.items()},
        await request.read(),
        dict(request.match_info),
    )


def _web_response(response: Response) -> web.Response:
    if response.json is None:
        return web.Response(
            status=response.status, body=response.body, headers=dict(response.headers)
        )
    return web.Response(
        status=response.status,
        body=orjson.dumps(response.json),
        content_type="application/json",
        headers=dict(response.headers),
    )
