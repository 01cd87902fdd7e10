"""Which context source registrations are wanted, as one value (clauses 5.10.2, 5.11.2, 5.12)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from broker.query.ast import Expression, GeoQuery, ScopeExpression
from broker.query.entity_query import EntitySelector
from broker.query.temporal import TimeQuery


@dataclass(frozen=True, slots=True)
class RegistrationQuery:
    """The request for entities that sources are to be found for; what is empty restricts nothing.

    `attributes` are all the request names (expanded): in its list, in q and in the geo-query. `geo`
    and `scope` are compared with the areas and scopes of a registration, `source_filter` (csf) with
    its members. Without `time` only sources of the present state match, with it only those of
    temporal evolutions.
    """

    selectors: tuple[EntitySelector, ...] = ()
    attributes: frozenset[str] = frozenset()
    geo: GeoQuery | None = None
    scope: ScopeExpression = ()
    source_filter: Expression | None = None
    time: TimeQuery | None = None
    dataset_ids: frozenset[str] = frozenset()

    def evolve(self, **changes: Any) -> RegistrationQuery:
        """Return a copy with some members replaced."""
        return replace(self, **changes)
