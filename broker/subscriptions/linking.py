"""Loads the entities that notifications link to (clause 4.5.23)."""

from __future__ import annotations

from collections.abc import Sequence

from broker.model.entity import Entity
from broker.representations.linked import Links, Loaded, missing_targets
from broker.storage.feed import ChangeLog
from broker.subscriptions.compiled import CompiledSubscription


async def load_linked(
    log: ChangeLog, compiled: CompiledSubscription, entities: Sequence[Entity], links: Links
) -> Loaded:
    """Return the linked entities as they are now; raises DatabaseUnavailable."""
    tenant = compiled.subscription.tenant
    loaded: dict[str, Entity | None] = {}
    while missing := missing_targets(entities, links, compiled.options, loaded):
        found = await log.present(tenant, sorted(missing))
        loaded.update({entity_id: found.get(entity_id) for entity_id in missing})
    return loaded
