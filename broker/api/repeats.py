"""The header Idempotency-Key: a request that is sent again is not applied again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import orjson
from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.plain_response import PlainResponse
from broker.api.responses import problem
from broker.model.errors import InvalidRequest, NgsiLdError
from broker.storage.repeats import Answer

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_MEANT = ("Content-Type", "Link", "If-Match", "If-None-Match")
_LARGEST_KEPT = 8 * 1024 * 1024


async def answer_once(
    incoming: Incoming,
    handle: Callable[[Incoming], Awaitable[web.StreamResponse]],
    *,
    creates_tenant: bool,
) -> web.StreamResponse:
    """Carry the request out, or answer as it was answered before.

    Answers that tell of a passing trouble (5xx) are not kept: the request may be tried again.
    Raises IdempotencyConflict, InvalidRequest and what the handler raises.
    """
    key = _key(incoming)
    repeats, caller = incoming.app.repeats, incoming.caller
    reservation = await repeats.reserve(
        caller, key, _fingerprint(incoming), creates_tenant=creates_tenant
    )
    if reservation is None:
        return await handle(incoming)
    if reservation.answer is not None:
        return _response(reservation.answer)
    incoming.caller = replace(caller, token=reservation.token)
    try:
        response = await handle(incoming)
    except NgsiLdError as error:
        response = problem(error)
        if response.status >= 500:
            raise
    if not isinstance(response, web.Response) or not is_final(response):
        return response
    given = Answer(response.status, dict(response.headers), _body(response))
    kept = await repeats.keep(caller, key, reservation.token, given)
    return response if kept == given else _response(kept)


def _key(incoming: Incoming) -> str:
    keys = incoming.request.headers.getall(HEADER)
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise InvalidRequest(
            f"the header {HEADER} is one text of 1 to 255 visible ASCII characters, such as a UUID"
        )
    return keys[0]


def _fingerprint(incoming: Incoming) -> str:
    request = incoming.request
    meant = [request.method, request.path_qs, *(str(request.headers.getall(n, [])) for n in _MEANT)]
    digest = hashlib.sha256("\n".join(meant).encode())
    digest.update(incoming.raw)
    return digest.hexdigest()


def is_final(response: web.Response) -> bool:
    """Say whether an answer is to be given again: not where trying again may bring another."""
    body = _body(response)
    if len(body) > _LARGEST_KEPT:
        return False
    if response.status != 207:
        return True
    errors = orjson.loads(body).get("errors", [])
    return all(refusal["error"]["status"] < 500 for refusal in errors)


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


def _response(answer: Answer) -> web.Response:
    return PlainResponse(
        status=answer.status, headers=dict(answer.headers), body=answer.body or None
    )
