"""Counts requests and the time they take, by route."""

from __future__ import annotations

from time import perf_counter

from aiohttp import web
from aiohttp.hdrs import METH_ALL
from aiohttp.typedefs import Handler

from broker.observability.metrics import record_request


@web.middleware
async def measure_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record the answer under the pattern of its path; to stand outside all other middlewares."""
    started = perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = "(none)" if resource is None else resource.canonical
    method = request.method if request.method in METH_ALL else "(other)"
    record_request(method, route, response.status, perf_counter() - started)
    return response
