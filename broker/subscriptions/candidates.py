"""Which subscriptions could concern a change: an index that only ever says too many.

A subscription stands under the ids its selectors name, else under one type of each alternative of
their type expressions, else under its watched attributes; only one without any of these is looked
at for every change of its tenant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from broker.model.changes import Change
from broker.model.subscription import SubscriptionKey
from broker.subscriptions.compiled import CompiledSubscription

Key = tuple[str, str]
_ALWAYS: Key = ("always", "")


class Candidates:
    """The active, non-periodic subscriptions of all tenants, found by what a change touches."""

    def __init__(self) -> None:
        self._subscriptions: dict[SubscriptionKey, CompiledSubscription] = {}
        self._places: dict[str, dict[Key, dict[str, CompiledSubscription]]] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    def __iter__(self) -> Iterator[CompiledSubscription]:
        return iter(self._subscriptions.values())

    def get(self, tenant: str, subscription_id: str) -> CompiledSubscription | None:
        """Return a subscription that is in the index."""
        return self._subscriptions.get((tenant, subscription_id))

    def put(self, compiled: CompiledSubscription) -> None:
        """Add a subscription, in place of an earlier version of it."""
        tenant, subscription_id = compiled.key
        self.remove(tenant, subscription_id)
        self._subscriptions[compiled.key] = compiled
        places = self._places.setdefault(tenant, {})
        for key in _keys(compiled):
            places.setdefault(key, {})[subscription_id] = compiled

    def remove(self, tenant: str, subscription_id: str) -> None:
        """Take a subscription out, if it is in."""
        compiled = self._subscriptions.pop((tenant, subscription_id), None)
        if compiled is None:
            return
        places = self._places[tenant]
        for key in _keys(compiled):
            places[key].pop(subscription_id, None)
            if not places[key]:
                del places[key]

    def of(self, tenant: str, change: Change) -> Collection[CompiledSubscription]:
        """Return every subscription a change could concern, each once."""
        places = self._places.get(tenant)
        if not places:
            return ()
        found: dict[str, CompiledSubscription] = {}
        found.update(places.get(_ALWAYS, {}))
        found.update(places.get(("id", change.entity_id), {}))
        for name in change.types:
            found.update(places.get(("type", name), {}))
        for name in change.attributes:
            found.update(places.get(("attribute", name), {}))
        return found.values()


def _keys(compiled: CompiledSubscription) -> set[Key]:
    if not compiled.query.selectors:
        watched: set[Key] = {("attribute", name) for name in compiled.watched}
        return watched or {_ALWAYS}
    keys: set[Key] = set()
    for selector in compiled.query.selectors:
        if selector.ids:
            keys.update(("id", entity_id) for entity_id in selector.ids)
        elif selector.types:
            keys.update(("type", conjunction[0]) for conjunction in selector.types)
        else:
            return {_ALWAYS}
    return keys
