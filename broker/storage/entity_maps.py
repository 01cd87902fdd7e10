"""What operations need of a store of entity maps (clause 5.14)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredEntityMap:
    """An entity map without its entries.

    `expires_at` is in the fixed-width form; `query` stands for what the map was made for: two
    queries that look for the same have the same text.
    """

    id: str
    expires_at: str
    query: str = ""


Entries = list[tuple[int, str]]
"""Entities by id, each with its place in the map: the first made is 0, none is given twice."""


class EntityMapStore(Protocol):
    """Entity maps of all tenants. What has expired by `now` is never returned.

    The place of an entry is its own for good: taking others away moves none.
    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def insert(
        self, tenant: str, entity_map: StoredEntityMap, entity_ids: Sequence[str], *, most: int
    ) -> None:
        """Store a map. Where that makes more than `most`, those that end soonest are deleted."""

    async def fetch(self, tenant: str, map_id: str, now: str) -> StoredEntityMap | None:
        """Return a map, or None."""

    async def replace_expiry(self, tenant: str, map_id: str, expires_at: str, now: str) -> bool:
        """Let a map end at another time; false if there is none."""

    async def delete(self, tenant: str, map_id: str, now: str) -> bool:
        """Delete a map; false if there is none."""

    async def place(self, tenant: str, map_id: str, offset: int) -> int:
        """Return the place of the entry that has `offset` entries before it, or the end."""

    def entries(
        self, tenant: str, map_id: str, start: int = 0, *, is_backward: bool = False
    ) -> AsyncIterator[Entries]:
        """Yield entries in portions: from a place on, or those before it, the nearest first."""

    async def remove(self, tenant: str, map_id: str, places: Sequence[int]) -> None:
        """Take entries away."""
