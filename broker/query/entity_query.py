"""What "Query Entities" looks for, as one value (clauses 5.7.2, 5.2.23, 5.2.33)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from broker.query.ast import Expression, GeoQuery, Ordering, ScopeExpression, TypeExpression


@dataclass(frozen=True, slots=True)
class EntitySelector:
    """Entities by id, id pattern and type; what is empty or None selects nothing out.

    `ids` take precedence over `id_pattern` (clause 5.2.33).
    """

    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    types: TypeExpression = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the result is wanted (clause 5.5.9).

    `cursor` is the opaque text a page before gave; with it, `offset` counts from there. `limit`
    0 is for a request that only counts.
    """

    limit: int = 20
    offset: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """A query over the entities of one tenant; what is empty or None restricts nothing.

    An entity matches if one of `selectors` selects it, it has at least one of `attributes`
    (expanded names), and `condition` (q), `geo` and `scope` hold for it. Entities that expired
    before `now` (fixed-width form of `broker.model.clock`) never match. `dataset_ids` choose the
    attribute instances to return, they do not restrict the result.
    """

    selectors: tuple[EntitySelector, ...] = ()
    attributes: tuple[str, ...] = ()
    condition: Expression | None = None
    geo: GeoQuery | None = None
    scope: ScopeExpression = ()
    dataset_ids: tuple[str, ...] = ()
    ordering: Ordering | None = None
    page: Page = Page()
    with_count: bool = False
    is_local: bool = False
    now: str = ""

    @property
    def only_type(self) -> str | None:
        """The type, if having it is all that is asked of an entity."""
        match self.selectors:
            case (EntitySelector(ids=(), id_pattern=None, types=((only,),)),):
                pass
            case _:
                return None
        restricted = self.attributes or self.condition or self.geo or self.scope
        return None if restricted else only

    def evolve(self, **changes: Any) -> EntityQuery:
        """Return a copy with some members replaced."""
        return replace(self, **changes)
