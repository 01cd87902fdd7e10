"""What the writers of all representations share: names compacted, members shown or hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.model.attributes import PREVIOUS_MEMBER
from broker.model.entity import Entity
from broker.model.terms import Terms
from broker.representations.languages import LanguageFilter
from broker.representations.options import RepresentationOptions

_COMPACTED = frozenset({"vocab", "previousVocab", "objectType", "valueType", "entityTypeSealed"})
_SYSTEM = frozenset({"createdAt", "modifiedAt", "expiresAt"})
_PLAIN = (
    frozenset({"type", "observedAt", "unitCode", "datasetId", "lang", "deletedAt", "instanceId"})
    | (PREVIOUS_MEMBER.keys() | set(PREVIOUS_MEMBER.values())) - _COMPACTED
    | {"entityIdSealed"}
)


class Writer:
    """One way of showing instances: the @context, the language, and which members are shown.

    `plain` members are written as they are, `hidden` ones not at all, `compacted` ones hold IRIs
    that become terms; what is in none of them is a sub-attribute.
    """

    __slots__ = ("compact", "compacted", "hidden", "languages", "plain")

    def __init__(self, terms: Terms, options: RepresentationOptions) -> None:
        self.compact: Callable[[str], str] = terms.compact
        self.languages: LanguageFilter | None = options.languages
        self.plain = _ALL_PLAIN if options.sys_attrs else _PLAIN
        self.hidden = _NOTHING if options.sys_attrs else _SYSTEM
        self.compacted = _COMPACTED

    def as_terms(self, iris: Any) -> Any:
        """Return an IRI or a list of IRIs as terms."""
        return [self.compact(iri) for iri in iris] if type(iris) is list else self.compact(iris)


_ALL_PLAIN = _PLAIN | _SYSTEM
_NOTHING: frozenset[str] = frozenset()


def own_members(entity: Entity, writer: Writer, options: RepresentationOptions) -> dict[str, Any]:
    """Return the members of an entity that are no attributes, in the order they are written."""
    types = entity.types
    body: dict[str, Any] = {
        "id": entity.id,
        "type": writer.compact(types[0]) if len(types) == 1 else [*map(writer.compact, types)],
    }
    if entity.scopes:
        body["scope"] = entity.scopes[0] if len(entity.scopes) == 1 else list(entity.scopes)
    if options.sys_attrs:
        body["createdAt"] = entity.created_at
        body["modifiedAt"] = entity.modified_at
        if entity.expires_at is not None:
            body["expiresAt"] = entity.expires_at
    if options.pick is not None or options.omit is not None:
        return {name: member for name, member in body.items() if options.shows(name)}
    return body
