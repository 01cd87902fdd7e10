"""What operations need of an entity store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.model.changes import EntityOperation, Transition
from broker.model.entity import Entity
from broker.model.errors import NgsiLdError
from broker.query.entity_query import EntityQuery


@dataclass(frozen=True, slots=True)
class EntityPage:
    """One page of a query's result, and the cursors of its neighbours (None: there is none)."""

    entities: list[Entity]
    next_cursor: str | None = None
    previous_cursor: str | None = None


class EntityStore(Protocol):
    """Entities of all tenants. Reads never return what has expired (clause 4.22).

    Every method raises DatabaseUnavailable while the database does not answer.
    """

    async def apply(
        self, tenant: str, entity_id: str, operation: EntityOperation, token: str | None = None
    ) -> Transition:
        """Apply an operation to one entity and return when the result is durable.

        What was committed with a token before is not applied again: the transition tells the
        change and the outcome of then, not the entity.
        Raises what the operation raises, and Overloaded when too many writes wait.
        """

    async def apply_many(
        self,
        tenant: str,
        operations: Sequence[tuple[str, EntityOperation]],
        tokens: Sequence[str | None] | None = None,
    ) -> list[Transition | NgsiLdError]:
        """Apply operations in order, each by itself: one that fails does not undo another.

        `tokens` has one for each operation, as for `apply`.
        """

    async def fetch(self, tenant: str, entity_id: str) -> Entity | None:
        """Return an entity, or None."""

    async def fetch_many(self, tenant: str, entity_ids: Sequence[str]) -> dict[str, Entity]:
        """Return those of the entities that exist, by id."""

    async def find(self, tenant: str, query: EntityQuery) -> EntityPage:
        """Return one page of the entities that match."""

    async def count(self, tenant: str, query: EntityQuery) -> int:
        """Return how many entities match, whatever the page."""

    async def find_ids(
        self, tenant: str, query: EntityQuery, *, most: int, among: Sequence[str] | None = None
    ) -> list[str]:
        """Return the ids of all that match in their order (or of those `among` some).

        At most one more than `most` is returned; it tells that there are more.
        """

    async def find_among(
        self, tenant: str, query: EntityQuery, entity_ids: Sequence[str]
    ) -> dict[str, Entity]:
        """Return those of some entities that match, whatever the page, by id."""
