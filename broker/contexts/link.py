"""The Link header that refers to an @context (clause 6.3.5; JSON-LD 1.1, 6.1)."""

from __future__ import annotations

from typing import Final

CONTEXT_RELATION: Final = "http://www.w3.org/ns/json-ld#context"
CONTEXT_TYPE: Final = "application/ld+json"


def context_link(url: str) -> str:
    """Return the value of the header for an @context."""
    return f'<{url}>; rel="{CONTEXT_RELATION}"; type="{CONTEXT_TYPE}"'
