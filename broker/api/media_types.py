"""Content negotiation of responses (clause 6.3.4): RFC 9110 Accept with q-values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from broker.model.errors import NotAcceptable

JSON = "application/json"
JSON_LD = "application/ld+json"
GEO_JSON = "application/geo+json"

ENTITY_TYPES = (JSON, JSON_LD, GEO_JSON)
DOCUMENT_TYPES = (JSON, JSON_LD)


@lru_cache(maxsize=512)
def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """Return the media type of `offered` (best first) that the Accept header prefers.

    Raises NotAcceptable, naming what is offered, when the header allows none of them.
    """
    if not accept or accept == "*/*":
        return offered[0]
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    best: tuple[float, int] | None = None
    for place, media_type in enumerate(offered):
        quality = _quality(media_type, ranges)
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, place)
    if best is None:
        raise NotAcceptable(f"the response can be: {', '.join(offered)}; not {accept[:200]!r}")
    return offered[best[1]]


@lru_cache(maxsize=512)
def media_type_of(content_type: str | None) -> str:
    """Return the media type of a Content-Type header, in lower case, without parameters.

    Without such a header it is empty.
    """
    if content_type is None:
        return ""
    return content_type.partition(";")[0].strip().lower() or "application/octet-stream"


def _media_range(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 1.0  # what is no weight says nothing (RFC 9110, 12.4.2)
    return media_range, quality


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Return the quality of the most specific range that covers the type, 0 if none does."""
    group = media_type.partition("/")[0]
    for candidate in (media_type, f"{group}/*", "*/*"):
        for media_range, quality in ranges:
            if media_range == candidate:
                return quality
    return 0.0
