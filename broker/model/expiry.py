"""Transient entities and attributes: what has expired is as if it were not there (clause 4.22)."""

from __future__ import annotations

from broker.model.datetimes import canonical_time
from broker.model.entity import Entity, Instance


def without_expired(entity: Entity, now: str) -> Entity | None:
    """Return the entity without its expired instances, None if it expired as a whole.

    `now` is in the fixed-width form. An entity that has nothing expired is returned as it is.
    """
    if entity.expires_at is not None and _is_past(entity.expires_at, now):
        return None
    attributes: dict[str, list[Instance]] = {}
    changed = False
    for name, instances in entity.attributes.items():
        live = [
            instance
            for instance in instances
            if "expiresAt" not in instance or not _is_past(instance["expiresAt"], now)
        ]
        changed = changed or len(live) < len(instances)
        if live:
            attributes[name] = live
    return entity.evolve(attributes=attributes) if changed else entity


def _is_past(expires_at: str, now: str) -> bool:
    time = canonical_time(expires_at)
    return time is not None and time <= now
