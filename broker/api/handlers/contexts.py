"""@contexts (clauses 6.29, 6.30)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES
from broker.api.plain_response import PlainResponse
from broker.api.responses import created, json_response, no_content
from broker.contexts.documents import HOSTED_PATH
from broker.model.errors import BadRequestData
from broker.operations.contexts import ContextOperations
from broker.storage.contexts import CONTEXT_KINDS, ContextKind, StoredContext

_FLAGS: Final = {"": False, "false": False, "true": True}


async def add_context(incoming: Incoming) -> web.Response:
    """POST /jsonldContexts (6.29.3.1)."""
    identifier = await _operations(incoming).add_context(incoming.caller, incoming.body)
    return created("/jsonldContexts", identifier)


async def list_contexts(incoming: Incoming) -> web.Response:
    """GET /jsonldContexts (6.29.3.2)."""
    incoming.accepted(DOCUMENT_TYPES)
    with_details = _flag(incoming, "details")
    found = await _operations(incoming).list_contexts(incoming.caller, _kind(incoming))
    base = incoming.base_url
    if with_details:
        return json_response([_details(stored, base) for stored in found])
    return json_response([_address(stored, base) for stored in found])


async def serve_context(incoming: Incoming) -> web.Response:
    """GET /jsonldContexts/{contextId} (6.30.3.1)."""
    media_type = incoming.accepted(DOCUMENT_TYPES)
    identifier = incoming.part("contextId")
    if _flag(incoming, "details"):
        stored = await _operations(incoming).describe_context(incoming.caller, identifier)
        return json_response(_details(stored, incoming.base_url))
    content = await _operations(incoming).serve_context(incoming.caller, identifier)
    return PlainResponse(body=content.encode(), content_type=media_type)


async def delete_context(incoming: Incoming) -> web.Response:
    """DELETE /jsonldContexts/{contextId} (6.30.3.2); with `reload=true` it is fetched again."""
    identifier = incoming.part("contextId")
    if _flag(incoming, "reload"):
        await _operations(incoming).reload_context(incoming.caller, identifier)
    else:
        await _operations(incoming).delete_context(incoming.caller, identifier)
    return no_content()


def _operations(incoming: Incoming) -> ContextOperations:
    return incoming.app.context_operations


def _flag(incoming: Incoming, name: str) -> bool:
    value = incoming.request.query.get(name, "")
    if value not in _FLAGS:
        raise BadRequestData(f"the URI parameter '{name}' is true or false, not {value[:100]!r}")
    return _FLAGS[value]


def _kind(incoming: Incoming) -> ContextKind | None:
    value = incoming.request.query.get("kind")
    if not value:
        return None
    for kind in CONTEXT_KINDS:
        if kind == value:
            return kind
    raise BadRequestData(
        f"the URI parameter 'kind' is one of {', '.join(CONTEXT_KINDS)}, not {value[:100]!r}"
    )


def _address(stored: StoredContext, base: str) -> str:
    return stored.url or f"{base}{HOSTED_PATH}{quote(stored.id)}"


def _details(stored: StoredContext, base: str) -> dict[str, Any]:
    """Return the metadata of clause 5.13.3.5."""
    details: dict[str, Any] = {
        "URL": _address(stored, base),
        "localId": stored.id,
        "kind": stored.kind,
        "createdAt": stored.created_at,
        "expiresAt": stored.expires_at,
        "lastUsage": stored.last_used_at,
        "numberOfHits": stored.hits,
    }
    return {name: value for name, value in details.items() if value is not None}
