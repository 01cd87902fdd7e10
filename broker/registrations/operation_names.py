"""The names of operations that sources take, and of groups of them (clause 4.20)."""

from __future__ import annotations

_READS = ("retrieveEntity", "queryEntity")
_TYPES_AND_ATTRIBUTES = (
    "retrieveEntityTypes",
    "retrieveEntityTypeDetails",
    "retrieveEntityTypeInfo",
    "retrieveAttrTypes",
    "retrieveAttrTypeDetails",
    "retrieveAttrTypeInfo",
)
_SUBSCRIPTIONS = (
    "createSubscription",
    "updateSubscription",
    "retrieveSubscription",
    "querySubscription",
    "deleteSubscription",
)
_ENTITY_MAPS = (
    "retrieveEntityMap",
    "updateEntityMap",
    "deleteEntityMap",
    "createEntityMapQueryEntity",
)
_UPDATES = ("updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs")
_IDENTITY = "retrieveContextSourceIdentity"

GROUPS: dict[str, frozenset[str]] = {
    "federationOps": frozenset(
        {*_READS, "queryBatch", *_TYPES_AND_ATTRIBUTES, *_SUBSCRIPTIONS, *_ENTITY_MAPS, _IDENTITY}
    ),
    "associationOps": frozenset(
        {*_READS, "queryBatch", *_TYPES_AND_ATTRIBUTES, *_SUBSCRIPTIONS, _IDENTITY}
    ),
    "updateOps": frozenset(_UPDATES),
    "retrieveOps": frozenset(_READS),
    "redirectionOps": frozenset(
        {
            *("createEntity", "appendAttrs", "deleteAttrs", "deleteEntity", "mergeEntity"),
            *(*_UPDATES, *_READS, "purgeEntity", *_TYPES_AND_ATTRIBUTES, *_ENTITY_MAPS, _IDENTITY),
        }
    ),
}
"""The operations each group stands for (Table 4.20-2)."""

OPERATIONS = frozenset().union(*GROUPS.values()) | {
    "createBatch",
    "upsertBatch",
    "updateBatch",
    "deleteBatch",
    "mergeBatch",
    "upsertTemporal",
    "appendAttrsTemporal",
    "deleteAttrsTemporal",
    "updateAttrInstanceTemporal",
    "deleteAttrInstanceTemporal",
    "deleteTemporal",
    "retrieveTemporal",
    "queryTemporal",
    "createEntityMapQueryTemporal",
}
"""The names of single operations (Table 4.20-1)."""
