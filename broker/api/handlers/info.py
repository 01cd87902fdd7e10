"""What the broker tells of itself (clause 6.33)."""

from __future__ import annotations

from aiohttp import web

from broker.api.incoming import Incoming
from broker.api.media_types import DOCUMENT_TYPES, JSON_LD
from broker.api.responses import ngsi_ld_response


async def retrieve_source_identity(incoming: Incoming) -> web.Response:
    """GET /info/sourceIdentity (6.33.3.1)."""
    media_type = incoming.accepted(DOCUMENT_TYPES)
    identity = await incoming.app.source_identity.retrieve_source_identity(incoming.caller)
    body = {
        "id": identity.id,
        "type": "ContextSourceIdentity",
        "contextSourceAlias": identity.alias,
        "contextSourceUptime": f"PT{identity.uptime}S",
        "contextSourceTimeAt": identity.time_at,
    }
    context = await incoming.context()
    return ngsi_ld_response(
        body,
        media_type=media_type,
        context_url=await incoming.url_of(context),
        context_body=context.body if media_type == JSON_LD else None,
    )
