"""What the resources that hold documents share: subscriptions and registrations (6.8 to 6.13)."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from broker.api.incoming import Incoming
from broker.api.media_types import JSON_LD
from broker.api.responses import ngsi_ld_response
from broker.contexts.context import Context
from broker.model.errors import BadRequestData
from broker.model.names import is_uri

_OPTIONS = frozenset({"sysAttrs"})


def refuse_empty(incoming: Incoming, what: str) -> None:
    """Raise BadRequestData for an empty object in place of a document, named by `what`."""
    if incoming.body == {}:
        raise BadRequestData(f"the body is an empty object; {what} has members")


def uri_part(incoming: Incoming, name: str, example: str) -> str:
    """Return the identifier in the path. Raises BadRequestData unless it is a URI."""
    value = incoming.part(name)
    if not is_uri(value):
        raise BadRequestData(f"the id {value[:200]!r} is not a URI; for example {example}")
    return value


def asks_for_sys_attrs(incoming: Incoming) -> bool:
    """Whether documents are wanted with the times of their making (6.3.11).

    Raises BadRequestData for options that documents do not have.
    """
    return "sysAttrs" in incoming.parameters.options(_OPTIONS)


async def answer_document(
    incoming: Incoming,
    body: Any,
    context: Context,
    media_type: str,
    headers: CIMultiDict[str] | None = None,
) -> web.Response:
    """Return a document, or a page of them, with its @context in the body or by Link (6.3.6)."""
    in_body = media_type == JSON_LD
    return ngsi_ld_response(
        body,
        media_type=media_type,
        context_url="" if in_body else await incoming.url_of(context),
        context_body=context.body if in_body else None,
        headers=headers,
    )
