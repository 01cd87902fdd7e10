"""Dead letters once more: read again by their adapter where it can do that, then written.

An adapter whose entry module has an `async def reread(settings, name, data)` reads the records of
its letters anew, with the configuration as it is now: a mapping that was mended mends its letters.
Of the others' letters the entity is sent, if they have one. A value that is older than what the
broker holds is not written: a letter of last week must not undo today's measure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from adapters.runtime.configuration import Configuration
from adapters.runtime.dead_letters import DeadLetter, DeadLetters
from adapters.runtime.errors import SkipRecord
from adapters.runtime.schemas import Schemas
from adapters.runtime.session import broker_session
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers

PAGE = 200
NOT_ATTRIBUTES = frozenset({"id", "type", "@context", "scope"})

Entity: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[DeadLetter], Sequence[tuple[Entity, str | None]]]
"""What a letter holds, with the tenant of each entity (`None`: the adapter's); raises `SkipRecord`
when it still cannot be read."""
Reread: TypeAlias = Callable[[Any, str, Path], Awaitable[Read]]


@dataclass(slots=True)
class Replayed:
    """How many letters were written, were out of date, refused again, or without an entity to send.

    Those of the first two kinds are gone, the others stay.
    """

    written: int = 0
    outdated: int = 0
    refused: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the letters of one adapter are dealt with."""

    writers: Writers
    read: Read | None


@dataclass(slots=True)
class Replay:
    """Replays letters; `tell` is given a line for each that is refused again."""

    letters: DeadLetters
    configuration: Configuration
    tell: Callable[[str], object]
    done: Replayed = field(default_factory=Replayed)
    _desks: dict[str, _Desk] = field(default_factory=dict)

    async def run(self, numbers: Iterable[int] = ()) -> Replayed:
        """Replay the letters of these numbers, or all, in their order.

        Raises `BrokerUnavailable` when the broker does not answer.
        """
        wanted = frozenset(numbers)
        validation = Validation(await asyncio.to_thread(Schemas, self.configuration.schemas))
        async with broker_session() as session:
            await Writers(session, self.configuration.broker).client().send("GET", "/types")
            try:
                after = 0
                while page := await self.letters.list(limit=PAGE, after=after):
                    after = page[-1].number
                    for one in page:
                        if not wanted or one.number in wanted:
                            desk = await self._desk(one.adapter, session)
                            await self._replay(one, desk, validation)
            finally:
                for desk in self._desks.values():
                    await desk.writers.close()
        return self.done

    async def _desk(self, adapter: str, session: Any) -> _Desk:
        if adapter not in self._desks:
            known = {one.name: one for one in self.configuration.adapters}.get(adapter)
            address = known.broker if known else self.configuration.broker
            read = None
            if known is not None:
                reread: Reread | None = known.manifest.hook("reread")
                folder = self.configuration.data / known.name
                read = await reread(known.settings, known.name, folder) if reread else None
            self._desks[adapter] = _Desk(Writers(session, address), read)
        return self._desks[adapter]

    async def _replay(self, letter: DeadLetter, desk: _Desk, validation: Validation) -> None:
        try:
            entities = _entities_of(letter, desk.read)
            if not entities:
                self.done.unreadable += 1
                return
            written = [
                await _write(entity, tenant, desk.writers, validation)
                for entity, tenant in entities
            ]
        except SkipRecord as error:
            self.tell(f"{letter.number}: {error.detail}")
            self.done.refused += 1
            return
        await self.letters.remove(letter.number)
        if any(written):
            self.done.written += 1
        else:
            self.done.outdated += 1


def _entities_of(letter: DeadLetter, read: Read | None) -> Sequence[tuple[Entity, str | None]]:
    """Return what to write for a letter: only the entity that was refused, if one was."""
    if read is None:
        return [] if letter.entity is None else [(letter.entity, letter.tenant)]
    found = read(letter)
    refused = None if letter.entity is None else letter.entity.get("id")
    return [one for one in found if one[0]["id"] == refused] or found


async def _write(
    entity: Entity, tenant: str | None, writers: Writers, validation: Validation
) -> bool:
    """Write what is not out of date; the answer is whether anything was."""
    validation.check(entity, partial=True)
    client = writers.client(tenant)
    stored = await client.entities({entity["id"]: entity["type"]})
    current = without_outdated(entity, stored.get(entity["id"], {}))
    if not current.keys() - NOT_ATTRIBUTES and entity.keys() - NOT_ATTRIBUTES:
        return False
    await writers.writer(tenant=tenant).write(current)
    return True


def without_outdated(entity: Entity, stored: Entity) -> dict[str, Any]:
    """Return the entity without the instances that are older than those stored."""
    current: dict[str, Any] = {}
    for name, attribute in entity.items():
        if name in NOT_ATTRIBUTES:
            current[name] = attribute
            continue
        times = {one.get("datasetId"): _time(one) for one in _instances(stored.get(name))}
        kept = [
            one
            for one in _instances(attribute)
            if not (_time(one) and _time(one) < times.get(one.get("datasetId"), ""))
        ]
        if kept:
            current[name] = kept if isinstance(attribute, list) else kept[0]
    return current


def _instances(attribute: Any) -> list[Any]:
    if attribute is None:
        return []
    return [
        one if isinstance(one, dict) else {}
        for one in (attribute if isinstance(attribute, list) else [attribute])
    ]


def _time(instance: Mapping[str, Any]) -> str:
    return str(instance.get("observedAt") or "").rstrip("Z")
