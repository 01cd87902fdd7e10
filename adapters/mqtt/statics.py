"""Static attributes: written when an entity begins, not with every measure.

They are "constant, but users may change them" (IoT Agent): writing them again with each measure
would undo what a user changed, and fill the history with repetitions. They are written with the
first measure after a start or a change of the configuration, and with the next one after the
broker had to create the entity anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.mqtt.attribute_mapping import Entity
from adapters.mqtt.observations import Observation
from adapters.mqtt.values import Attribute

LIMIT = 200_000
Key = tuple[str, str]


@dataclass(slots=True)
class StaticAttributes:
    """Remembers which entities got their static attributes."""

    _written: dict[Key, dict[str, Attribute]] = field(default_factory=dict)

    def joined(self, observation: Observation) -> list[tuple[Entity, bool]]:
        """Return the entities to write, each with whether it carries its static attributes."""
        translation = observation.translation
        static = translation.static
        if not static or not translation.own_id:
            return [(entity, False) for entity in translation.entities]
        own, *others = translation.entities
        key = (observation.profile.service, translation.own_id)
        if self._written.get(key) == static:
            return [(entity, False) for entity in translation.entities]
        if len(self._written) >= LIMIT:
            self._written.clear()
        self._written[key] = static
        return [({**own, **static, **own}, True), *((entity, False) for entity in others)]

    def forget(self, observation: Observation, entity_id: str) -> None:
        """Write them again with the next measure: the broker does not have them."""
        self._written.pop((observation.profile.service, entity_id), None)
