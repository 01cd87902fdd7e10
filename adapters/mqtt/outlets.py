"""Where what was received goes: writers, dead letters, ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.mqtt.attribute_mapping import Entity
from adapters.mqtt.ledger import Ledger
from adapters.mqtt.observations import Observation
from adapters.mqtt.statics import StaticAttributes
from adapters.mqtt.unmapped import UnmappedMeasures
from adapters.runtime.batch import Written
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.errors import Invalid
from adapters.runtime.health import Health
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers
from broker.model.clock import Clock

IDENTITY = ("id", "type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """What the receiver and the HTTP binding share. `tenants` renames services (settings)."""

    writers: Writers
    validation: Validation
    dead_letters: DeadLetters
    ledger: Ledger
    health: Health
    clock: Clock
    tenants: Mapping[str, str] = field(default_factory=dict)
    static: StaticAttributes = field(default_factory=StaticAttributes)
    unmapped: UnmappedMeasures = field(default_factory=UnmappedMeasures)
    _types: set[str] = field(default_factory=set)

    async def submit(self, observation: Observation, entity: Entity) -> asyncio.Future[Written]:
        """Hand an entity to the writer.

        Raises `SkipRecord` when it cannot be written, `NotWritten` when the writer is closed.
        """
        tenant = self.tenant_of(observation.profile.service)
        return await self.writers.writer(tenant=tenant).submit(entity)

    async def fitting(self, entity: Entity) -> tuple[Entity, list[str]]:
        """Return an entity without the attributes that do not fit the schema, and what is wrong.

        Raises `Invalid` when no attribute fits. The first entity of a type waits for the schema to
        be read from its file.
        """
        kind = entity["type"]
        if kind not in self._types:
            await asyncio.to_thread(self.validation.of_type, kind)
            self._types.add(kind)
        faults: list[str] = []
        while True:
            try:
                self.validation.check(entity, partial=True)
            except Invalid as error:
                entity = {name: one for name, one in entity.items() if name != error.attribute}
                faults.append(error.detail)
                if len(entity) <= len(IDENTITY) or error.attribute in (None, *IDENTITY):
                    raise Invalid("; ".join(faults)) from error
            else:
                return entity, faults

    def tenant_of(self, service: str) -> str | None:
        """Return the tenant of a service; `None` is the one the adapter is configured for."""
        return self.tenants.get(service, service) or None
