"""The description of the API for programs: /openapi.json."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import orjson
from aiohttp import web

from broker.api.openapi.document import openapi_document
from broker.api.plain_response import PlainResponse
from broker.api.routes import Route


def describe(routes: Iterable[Route]) -> Callable[[web.BaseRequest], Awaitable[web.Response]]:
    """Return the handler of /openapi.json; the document is written once."""
    body = orjson.dumps(openapi_document(routes))

    async def openapi(_request: web.BaseRequest) -> web.Response:
        return PlainResponse(body=body, content_type="application/json")

    return openapi
