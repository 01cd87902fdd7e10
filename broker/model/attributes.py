"""The eight kinds of attributes and what each may hold (clauses 4.5.2, 4.5.3, 4.5.18 to 4.5.24).

The tables are data: readers, writers and patching all go by them, so a new kind is a new row.
"""

from __future__ import annotations

from collections.abc import Mapping

PROPERTY = "Property"
GEO_PROPERTY = "GeoProperty"
RELATIONSHIP = "Relationship"
LANGUAGE_PROPERTY = "LanguageProperty"
VOCAB_PROPERTY = "VocabProperty"
JSON_PROPERTY = "JsonProperty"
LIST_PROPERTY = "ListProperty"
LIST_RELATIONSHIP = "ListRelationship"

VALUE_MEMBER: Mapping[str, str] = {
    PROPERTY: "value",
    GEO_PROPERTY: "value",
    RELATIONSHIP: "object",
    LANGUAGE_PROPERTY: "languageMap",
    VOCAB_PROPERTY: "vocab",
    JSON_PROPERTY: "json",
    LIST_PROPERTY: "valueList",
    LIST_RELATIONSHIP: "objectList",
}
"""From the type of an attribute to the member that holds its value."""

KIND_OF_MEMBER: Mapping[str, str] = {
    "value": PROPERTY,
    "object": RELATIONSHIP,
    "languageMap": LANGUAGE_PROPERTY,
    "vocab": VOCAB_PROPERTY,
    "json": JSON_PROPERTY,
    "valueList": LIST_PROPERTY,
    "objectList": LIST_RELATIONSHIP,
}
"""From the member that holds a value to the type a concise attribute with it has."""

PREVIOUS_MEMBER: Mapping[str, str] = {
    "value": "previousValue",
    "object": "previousObject",
    "languageMap": "previousLanguageMap",
    "vocab": "previousVocab",
    "json": "previousJson",
    "valueList": "previousValueList",
    "objectList": "previousObjectList",
}
"""From the member that holds a value to the one that shows what it was before a change."""

SYSTEM_MEMBERS = frozenset({"createdAt", "modifiedAt", "deletedAt", "instanceId"})
"""Members only the broker writes; in requests they are ignored (clause 5.2.2)."""

_ANYWHERE = frozenset({"type", "datasetId", "observedAt", "expiresAt"})
_ROWS: Mapping[str, frozenset[str]] = {
    PROPERTY: frozenset({"unitCode", "valueType"}),
    GEO_PROPERTY: frozenset({"unitCode", "valueType"}),
    RELATIONSHIP: frozenset({"objectType"}),
    LANGUAGE_PROPERTY: frozenset({"valueType"}),
    VOCAB_PROPERTY: frozenset({"valueType"}),
    JSON_PROPERTY: frozenset({"valueType"}),
    LIST_PROPERTY: frozenset({"unitCode", "valueType"}),
    LIST_RELATIONSHIP: frozenset({"objectType"}),
}

MEMBERS: Mapping[str, frozenset[str]] = {
    kind: _ANYWHERE | extra | {VALUE_MEMBER[kind]} for kind, extra in _ROWS.items()
}
"""The members an attribute of each type may have in a request, besides sub-attributes."""

OUTPUT_ONLY: Mapping[str, frozenset[str]] = {
    kind: SYSTEM_MEMBERS
    | {PREVIOUS_MEMBER[member], "lang"}
    | ({"entity"} if kind == RELATIONSHIP else set())
    | ({"entityList"} if kind == LIST_RELATIONSHIP else set())
    for kind, member in VALUE_MEMBER.items()
}
"""The members responses may add to an attribute of each type; ignored in requests."""

SEALED_MEMBERS = frozenset({"entityIdSealed", "entityTypeSealed"})
"""Members only the property `ngsildproof` may have (clause 4.5.2.2)."""

PROOF = "ngsildproof"
"""The property that carries a cryptographic proof."""

RESERVED_MEMBERS = frozenset[str]().union(*MEMBERS.values(), *OUTPUT_ONLY.values()) | SEALED_MEMBERS
"""Every member with a meaning of its own; none of them can be the name of an attribute."""

GEO_ATTRIBUTES = frozenset({"location", "observationSpace", "operationSpace"})
"""The names the standard defines as GeoProperties (clause 4.7.1)."""
