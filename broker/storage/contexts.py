"""What the @context cache and the hosting of @contexts need of a store (clause 5.13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias
from uuid import UUID, uuid5

ContextKind: TypeAlias = Literal["Cached", "Hosted", "ImplicitlyCreated"]
CONTEXT_KINDS: Final[tuple[ContextKind, ...]] = ("Cached", "Hosted", "ImplicitlyCreated")

_CACHED: Final = UUID("8e0c2f5e-5f1c-4c53-9d62-3f8a0c9d1f27")
_IMPLICIT: Final = UUID("c7a5a0c1-0b0e-4a35-8f0b-6a3c1f0f6a11")


@dataclass(frozen=True, slots=True)
class StoredContext:
    """One @context in the store.

    `content` is the JSON text of an object with the member `@context` (empty in lists), `url` the
    address a Cached one was fetched from. Times are in the fixed-width form of the model's clock;
    `expires_at`, `etag` and `last_modified` exist for Cached ones.
    """

    id: str
    tenant: str
    kind: ContextKind
    content: str
    created_at: str
    url: str | None = None
    expires_at: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    last_used_at: str | None = None
    hits: int = 0


def cached_id(tenant: str, url: str) -> str:
    """Return the local identifier of the Cached @context of a URL."""
    return str(uuid5(_CACHED, f"{tenant}\n{url}"))


def implicit_id(tenant: str, content: str) -> str:
    """Return the local identifier of the ImplicitlyCreated @context of a content."""
    return str(uuid5(_IMPLICIT, f"{tenant}\n{content}"))


class ContextStore(Protocol):
    """@contexts of all tenants; none sees those of another (clause 5.5.10).

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def prepare(self) -> None:
        """Create what the store needs, unless it is there."""

    async def insert(self, context: StoredContext) -> None:
        """Store a Hosted or ImplicitlyCreated @context; one that is there already stays."""

    async def replace(self, context: StoredContext) -> None:
        """Store a Cached @context instead of what there is of its URL.

        Its count of hits goes on; all processes drop what they derived from the old content.
        """

    async def postpone(self, context: StoredContext, expires_at: str) -> bool:
        """Give a Cached @context a later expiry, if it still has the one of `context`.

        False means that another process was faster.
        """

    async def fetch(self, tenant: str, context_id: str) -> StoredContext | None:
        """Return an @context with its content."""

    async def find(self, tenant: str, kind: ContextKind | None) -> list[StoredContext]:
        """Return the tenant's @contexts (of one kind), oldest first, without their content."""

    async def delete(self, tenant: str, context_id: str) -> bool:
        """Remove an @context; all processes drop what they derived from it. False: not there."""

    async def count_uses(self, uses: Mapping[tuple[str, str], int], at: str) -> None:
        """Add to the hits of @contexts, given as (tenant, identifier)."""

    async def changes(self) -> list[str]:
        """Return identifiers replaced or deleted since the last call on this object.

        The first call returns nothing. Each process asks for itself, again and again.
        """
