"""The element of `data` that tells a subscription of one entity (clause 5.8.6), as JSON."""

from __future__ import annotations

from typing import Any

import orjson

from broker.model.attributes import VALUE_MEMBER
from broker.model.entity import NULL, Entity, Instance
from broker.subscriptions.compiled import CompiledSubscription
from broker.subscriptions.matching import Occurrence
from broker.subscriptions.notified_state import is_bare_deletion, notified_entity


def element_of(compiled: CompiledSubscription, occurrence: Occurrence) -> bytes:
    """Return the JSON of what a subscription is told of a change."""
    entity = notified_entity(compiled, occurrence)
    deleted_at = occurrence.change.at if occurrence.is_deletion else None
    return orjson.dumps(_normalized(compiled, entity, deleted_at))


def _normalized(compiled, entity: Entity, deleted_at) -> dict[str, Any]:
    terms = compiled.context.terms
    types = [terms.compact(t) for t in entity.types]
    out: dict[str, Any] = {"id": entity.id, "type": types[0] if len(types) == 1 else types}
    params = compiled.subscription.notification
    if params.has_system_attributes:
        out["createdAt"] = entity.created_at
        out["modifiedAt"] = entity.modified_at
    if deleted_at:
        out["deletedAt"] = deleted_at
    for name, instances in entity.attributes.items():
        written = [_instance(compiled, i) for i in instances]
        if params.format == "simplified":
            written = [i[VALUE_MEMBER[i["type"]]] for i in written]
        out[terms.compact(name)] = written[0] if len(written) == 1 else written
    return out


def _instance(compiled, instance: Instance) -> Any:
    out = {}
    for k, v in instance.items():
        if ":" in k:
            vs = [_instance(compiled, i) for i in v]
            out[compiled.context.terms.compact(k)] = vs[0] if len(vs) == 1 else vs
        elif (
            k in {"createdAt", "modifiedAt"}
            and not compiled.subscription.notification.has_system_attributes
        ):
            continue
        else:
            out[k] = v
    return out
