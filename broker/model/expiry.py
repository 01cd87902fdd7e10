"""Transient entities and attributes: what has expired is as if it were not there (clause 4.22)."""

from __future__ import annotations

from collections.abc import Iterable

from broker.model.datetimes import canonical_time
from broker.model.entity import Attributes, Entity, Instance

_LASTING = frozenset(
    {
        "type", "value", "unitCode", "observedAt", "datasetId", "createdAt", "modifiedAt", "object",
        "objectType", "languageMap", "vocab", "json", "valueType",
    }
)  # fmt: skip
"""Members that neither expire nor are sub-attributes: most instances have no others."""


def without_expired(entity: Entity, now: str) -> Entity | None:
    """Return the entity without its expired instances, None if it expired as a whole.

    Sub-attributes expire like attributes. `now` is in the fixed-width form. An entity that has
    nothing expired is returned as it is, and so is each instance.
    """
    if entity.expires_at is not None and _is_past(entity.expires_at, now):
        return None
    if not ever_expire(entity.attributes.values()):
        return entity
    attributes = {
        name: live
        for name, instances in entity.attributes.items()
        if (live := _live_instances(instances, now))
    }
    return entity if attributes == entity.attributes else entity.evolve(attributes=attributes)


def earliest_expiry(attributes: Attributes) -> str | None:
    """Return when the first of the attributes or sub-attributes expires, None if none ever does.

    The time is in the fixed-width form.
    """
    if not ever_expire(attributes.values()):
        return None
    expiries = (expiry for instances in attributes.values() for expiry in _expiries(instances))
    return min((time for time in map(canonical_time, expiries) if time), default=None)


def ever_expire(attributes: Iterable[Iterable[Instance]]) -> bool:
    """Return whether any instance of the attributes, or of sub-attributes, ever expires."""
    for instances in attributes:  # several times a write: without a call for each
        for instance in instances:
            if not _LASTING.issuperset(instance) and _ever_expires(instance):
                return True
    return False


def _ever_expires(instance: Instance) -> bool:
    return "expiresAt" in instance or ever_expire(
        [value for member, value in instance.items() if ":" in member]
    )


def _live_instances(instances: list[Instance], now: str) -> list[Instance]:
    return [
        _live_instance(instance, now)
        for instance in instances
        if "expiresAt" not in instance or not _is_past(instance["expiresAt"], now)
    ]


def _live_instance(instance: Instance, now: str) -> Instance:
    result: Instance = {}
    for member, value in instance.items():
        if ":" not in member:
            result[member] = value
        elif live := _live_instances(value, now):
            result[member] = live
    return instance if result == instance else result


def _expiries(instances: list[Instance]) -> Iterable[str]:
    for instance in instances:
        if "expiresAt" in instance:
            yield instance["expiresAt"]
        for member, value in instance.items():
            if ":" in member:
                yield from _expiries(value)


def _is_past(expires_at: str, now: str) -> bool:
    time = canonical_time(expires_at)
    return time is not None and time <= now
