"""Where a request carries its @context: Link header or body, never both (clause 6.3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from broker.api.media_types import JSON_LD
from broker.contexts.context import ContextReference
from broker.contexts.link import CONTEXT_RELATION, context_link
from broker.model.errors import BadRequestData

_TARGET: Final = re.compile(r"\s*,*\s*<([^>]*)>")
_PARAMETER: Final = re.compile(
    r"""\s*;\s*(?:([^\s=;,"<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?"""
)
_TEXT: Final = re.compile(r"[^\ud800-\udfff]+")
"""Bytes of a header that are no UTF-8 come as surrogates."""
_EXAMPLE: Final = f"Link: {context_link('URL')}"
_UNREADABLE: Final = f"The Link header cannot be read; its form is: {_EXAMPLE}"


@lru_cache(maxsize=256)
def linked_context(values: tuple[str, ...]) -> str | None:
    """Return the URL of the @context that the Link headers of a request name, if they do.

    `values` are the values of all Link headers; links with other relations are passed over, and so
    is what cannot be read beside the link. Raises BadRequestData if several @contexts are named, or
    an @context is spoken of in what is not a link (RFC 8288).
    """
    found: list[str] = []
    for value in values:
        found += [
            target
            for target, parameters in _links(value)
            if CONTEXT_RELATION in parameters.get("rel", "").strip("'").split()
        ]
    if len(found) > 1:
        raise BadRequestData(
            f"The Link headers name {len(found)} @contexts ({', '.join(found)}); one is allowed."
            " Host an @context that is an array of them, or send them in an application/ld+json"
            " body."
        )
    if found and not found[0]:
        raise BadRequestData(f"The @context link has no URL; its form is: {_EXAMPLE}")
    if found and not _TEXT.fullmatch(found[0]):
        raise BadRequestData(f"The URL of the @context link is not UTF-8: {found[0]!a}")
    return found[0] if found else None


def context_of_document(
    document: Any, *, media_type: str, link: str | None, pointer: str = ""
) -> ContextReference:
    """Return the @context that applies to one JSON object of a POST, PATCH or PUT body.

    `link` is what `linked_context` gave; the result `None` means the default @context. In a batch,
    each element is such an object; `pointer` says which (`/0`). Raises BadRequestData for a mix of
    the two ways, and for `application/ld+json` without an @context.
    """
    given = isinstance(document, dict) and "@context" in document
    if media_type != JSON_LD:
        if given:
            raise BadRequestData(
                "An @context in the body needs the Content-Type application/ld+json; with"
                f" {media_type} it is given by a header: {_EXAMPLE}",
                pointer=f"{pointer}/@context",
            )
        return link
    if link is not None:
        raise BadRequestData(
            "With the Content-Type application/ld+json the @context stands in the body; remove"
            " the Link header, or send application/json without an @context in the body."
        )
    if not given or document["@context"] is None:
        raise BadRequestData(
            "The Content-Type is application/ld+json, but the body has no @context; add one, or"
            " send application/json to use the Link header or the default @context.",
            pointer=f"{pointer}/@context",
        )
    reference: ContextReference = document["@context"]
    return reference


def _links(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield target and parameters of each link of a header value; of each the first counts."""
    place = 0
    while match := _TARGET.match(value, place):
        place = match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(value, place):
            place = parameter.end()
            name, quoted, token = parameter.groups()
            if name:
                text = token or "" if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                parameters.setdefault(name.lower(), text)
        yield match.group(1).strip(), parameters
    if CONTEXT_RELATION in value[place:]:
        raise BadRequestData(_UNREADABLE)
