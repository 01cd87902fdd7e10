"""What must hold of an entity before an operation touches it: its type, its version.

The type is the standard's (the `type` parameter of clauses 6.5 to 6.7). The version is RFC 9110's
If-Match and If-None-Match: a client that read version 7 changes version 7 or nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from broker.model.changes import EntityOperation, Transition
from broker.model.draft import live_version
from broker.model.entity import Entity
from broker.model.errors import EntityNotFound, PreconditionFailed
from broker.query.ast import TypeExpression
from broker.query.entity_query import EntitySelector
from broker.query.matching import compile_selector


def entity_tag(entity: Entity) -> str:
    """Return the ETag of an entity: its version, and when it was made, so that none returns."""
    made = zlib.crc32(entity.created_at.encode())
    return f'"{entity.version}-{made:08x}"'


@dataclass(frozen=True, slots=True)
class Conditions:
    """Preconditions of an operation on one entity; what is empty or None demands nothing.

    `if_match` and `if_none_match` are entity tags; "*" stands for any existing entity.
    """

    types: TypeExpression = ()
    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None

    def check(self, entity: Entity | None, entity_id: str) -> None:
        """Raise EntityNotFound or PreconditionFailed unless everything holds."""
        if self.if_match is not None and not _matches(entity, self.if_match):
            raise PreconditionFailed(
                f"the entity <{entity_id}> is not at the version If-Match names; "
                "read it again and repeat the change on what it is now"
            )
        if self.if_none_match is not None and _matches(entity, self.if_none_match):
            raise PreconditionFailed(
                f"the entity <{entity_id}> is at a version If-None-Match names"
            )
        if self.types and entity is not None and not self._is_of_type(entity):
            raise EntityNotFound(f"the entity <{entity_id}> is not of the type asked for")

    def _is_of_type(self, entity: Entity) -> bool:
        return compile_selector(EntitySelector(types=self.types))(entity)

    def before(self, operation: EntityOperation, entity_id: str) -> EntityOperation:
        """Return the operation with these conditions checked first, in the same transaction."""
        if self is UNCONDITIONAL or self == UNCONDITIONAL:
            return operation

        def conditional(current: Entity | None, now: str) -> Transition:
            self.check(live_version(current, now), entity_id)
            return operation(current, now)

        return conditional


UNCONDITIONAL = Conditions()


def _matches(entity: Entity | None, tags: tuple[str, ...]) -> bool:
    if entity is None:
        return False
    return "*" in tags or entity_tag(entity) in tags
