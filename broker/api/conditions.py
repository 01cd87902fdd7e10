"""Preconditions of a request: the `type` parameter, If-Match and If-None-Match (RFC 9110)."""

from __future__ import annotations

import re

from broker.api.incoming import Incoming
from broker.api.queries import type_selection
from broker.contexts.context import Context
from broker.model.errors import InvalidRequest
from broker.operations.conditions import UNCONDITIONAL, Conditions

_TAGS = re.compile(r'\s*(?:\*|(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*)\s*')
_TAG = re.compile(r'\*|"[^"]*"')


def conditions_of(incoming: Incoming, terms: Context) -> Conditions:
    """Return what the request demands of the entity it is about."""
    headers = incoming.request.headers
    is_free = "If-Match" not in headers and "If-None-Match" not in headers
    if is_free and "type" not in incoming.parameters:
        return UNCONDITIONAL
    return Conditions(
        types=type_selection(incoming.parameters, terms),
        if_match=_tags(incoming, "If-Match"),
        if_none_match=_tags(incoming, "If-None-Match"),
    )


def _tags(incoming: Incoming, name: str) -> tuple[str, ...] | None:
    value = incoming.request.headers.get(name)
    if value is None:
        return None
    if not _TAGS.fullmatch(value):
        raise InvalidRequest(
            f'the header {name} is a list of entity tags such as "7-1f2e3d4c", or *; not {value!r}'
        )
    return tuple(_TAG.findall(value))
