"""Subscriptions and changes for unit tests, made by the code that makes them in the broker."""

from __future__ import annotations

from typing import Any

from broker.contexts.context import core_context
from broker.model.changes import AttributeChange, Change, ChangeKind
from broker.model.entity import Entity, Instance
from broker.model.subscription import Subscription
from broker.subscriptions.compiled import CompiledSubscription, NotificationContext
from broker.subscriptions.compiling import compile_subscription
from broker.subscriptions.matching import Occurrence, occurrence_of
from broker.subscriptions.reading import read_subscription

CORE = core_context()
NOW = "2026-11-22T06:00:00.000000Z"
BEFORE = "2026-11-22T05:00:00.000000Z"
VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
CONTEXT = NotificationContext.of(CORE)


def name(term: str) -> str:
    """Return the expanded name of a term of the default vocabulary."""
    return CORE.expand(term)


def body(**members: Any) -> dict[str, Any]:
    """Return a subscription as a client writes it; None takes a member out."""
    given: dict[str, Any] = {
        "id": "urn:ngsi-ld:Subscription:1",
        "type": "Subscription",
        "entities": [{"type": "Sensor"}],
        "notification": {"endpoint": {"uri": "http://receiver.example/notify"}},
    }
    notification = given["notification"] | members.pop("notification", {})
    return {
        member: value
        for member, value in (given | {"notification": notification} | members).items()
        if value is not None
    }


def subscription(**members: Any) -> Subscription:
    """Return a subscription to all sensors, changed by `members`."""
    definition = read_subscription(body(**members), CORE, now=BEFORE)
    return Subscription(definition.pop("id"), "", definition, created_at=BEFORE, modified_at=BEFORE)


def compiled(**members: Any) -> CompiledSubscription:
    """Return a subscription ready for matching."""
    return compile_subscription(subscription(**members), context=CONTEXT, query_terms=CORE)


def prop(value: Any, **members: Any) -> Instance:
    """Return a property."""
    return {"type": "Property", "value": value, **members}


def entity(**attributes: Instance | list[Instance]) -> Entity:
    """Return a sensor."""
    return Entity(
        "urn:ngsi-ld:Sensor:1",
        (name("Sensor"),),
        attributes={
            name(term): given if isinstance(given, list) else [given]
            for term, given in attributes.items()
        },
        created_at=BEFORE,
        modified_at=BEFORE,
        version=1,
    )


def change(
    before: Entity | None, after: Entity | None, *, touched: tuple[str, ...] | None = None
) -> Change:
    """Return the change from one state to another; `touched` terms count even if equal."""
    one = after or before
    assert one is not None
    kind: ChangeKind = "entityUpdated"
    if before is None:
        kind = "entityCreated"
    elif after is None:
        kind = "entityDeleted"
    old = before.attributes if before else {}
    new = after.attributes if after else {}
    names = set(old) | set(new) if touched is None else set(map(name, touched))
    attributes = {
        key: AttributeChange(before=list(old.get(key, [])), after=list(new.get(key, [])))
        for key in sorted(names)
    }
    version = 1 if before is None else before.version + 1
    return Change(one.id, one.types, version, kind, NOW, attributes)


def occurrence(
    before: Entity | None, after: Entity | None, *, touched: tuple[str, ...] | None = None
) -> Occurrence:
    """Return what the change from one state to another triggers."""
    seen = after or before
    assert seen is not None
    return occurrence_of(change(before, after, touched=touched), seen)
