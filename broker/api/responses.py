"""Responses: JSON, its @context, and the headers every answer has (clauses 6.3.3, 6.3.6)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import web
from multidict import CIMultiDict

from broker.api.media_types import JSON
from broker.api.plain_response import PlainResponse
from broker.api.problems import problem_details, status_of
from broker.contexts.link import context_link
from broker.model.errors import MethodNotAllowed, NgsiLdError, Overloaded

API_ROOT = "/ngsi-ld/v1"


def json_response(
    body: Any, *, status: int = 200, headers: dict[str, str] | None = None, media_type: str = JSON
) -> web.Response:
    """Return any JSON value."""
    return PlainResponse(
        body=orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        status=status,
        headers=headers,
        content_type=media_type,
    )


def ngsi_ld_response(
    body: Any,
    *,
    media_type: str,
    context_url: str,
    context_body: Any = None,
    headers: CIMultiDict[str] | None = None,
    status: int = 200,
) -> web.Response:
    """Return NGSI-LD elements with their @context.

    With a `context_body` it goes into the body: into every element of a list, else into the
    object. Without one, a Link header refers to it.
    """
    if isinstance(body, list) and context_body is not None:
        body = [{"@context": context_body, **element} for element in body]
    elif context_body is not None:
        body = {"@context": context_body, **body}
    response = PlainResponse(body=orjson.dumps(body), headers=headers, status=status)
    if context_body is None:
        response.headers.add("Link", context_link(context_url))
    response.headers["Content-Type"] = media_type
    return response


def created(collection: str, identifier: str) -> web.Response:
    """Return 201 with the Location of what was created, its identifier percent-encoded."""
    location = f"{API_ROOT}{collection}/{quote(identifier, safe=':')}"
    return PlainResponse(status=201, headers={"Location": location})


def no_content() -> web.Response:
    """Return 204."""
    return PlainResponse(status=204)


def problem(error: NgsiLdError) -> web.Response:
    """Return the problem details of an error (always `application/json`, clause 6.3.6)."""
    headers: dict[str, str] = {}
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return json_response(problem_details(error), status=status_of(error), headers=headers)
