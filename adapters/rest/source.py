"""The polling loop: refresh the documents, map what changed, store it, remember that it is stored.

The hash of the documents is remembered after all their records have been committed or are dead
letters. A crash in between makes the next run map them again, which changes nothing that is
already stored; an unchanged poll writes nothing at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

from adapters.rest.documents import Documents, merged
from adapters.rest.mapping import Record, RecordMapping
from adapters.rest.pages import Pages
from adapters.rest.settings import MappingSpec, Settings
from adapters.runtime.backoff import Backoff
from adapters.runtime.configuration import read_file
from adapters.runtime.context import AdapterContext
from adapters.runtime.errors import Misconfigured, RetryLater, SkipRecord
from adapters.runtime.faults import Faults
from adapters.runtime.health import State
from adapters.runtime.intake import POLLED, Outcome
from adapters.runtime.settings import nearest, parse_settings

log = logging.getLogger(__name__)
AT_ONCE = 500
BUILT_IN = "mappings"
SUFFIX = ".yaml"


async def run(context: AdapterContext[Settings]) -> None:
    """Poll until cancelled; raises `Misconfigured` for a mapping that cannot be used."""
    poller = Poller(context, await asyncio.to_thread(read_mapping, context.settings.mapping))
    await poller.restore()
    backoff = Backoff(first=min(5.0, context.settings.every), limit=context.settings.longest_pause)
    while True:
        try:
            await poller.poll(time.time())
        except (RetryLater, SkipRecord) as error:
            pause = backoff.next_pause(getattr(error, "after", None))
            context.health.become(State.RUNNING, f"{error.detail}; next poll in {pause:.0f} s")
            log.warning("%s: %s; next poll in %.0f s", context.name, error.detail, pause)
            await asyncio.sleep(pause)
        else:
            backoff.reset()
            await asyncio.sleep(poller.pause())


def check(settings: Settings) -> None:
    """Check that the mapping can be used and its sources are known; raises `Misconfigured`."""
    _check_sources(settings, read_mapping(settings.mapping))


def read_mapping(path: Path) -> RecordMapping:
    """Read a mapping file, or one of ours by its name; raises `Misconfigured`."""
    file = path
    if not path.is_file():
        own = {
            one.name.removesuffix(SUFFIX): one
            for one in (resources.files(__package__) / BUILT_IN).iterdir()
        }
        if path.name not in own:
            raise Misconfigured(
                f"there is no mapping file {path}, and no mapping of ours is called "
                f"{path.name!r}; {nearest(path.name, own)}"
            )
        file = Path(str(own[path.name]))
    spec: MappingSpec = parse_settings(MappingSpec, read_file(file), where=file.name)
    return RecordMapping(spec, where=file.name)


class Poller:
    """One poll after the other, for one mapping."""

    def __init__(self, context: AdapterContext[Settings], mapping: RecordMapping) -> None:
        self._context = context
        self._mapping = mapping
        self._documents = Documents(context, mapping)
        self._version = hashlib.sha256(repr(mapping.spec).encode()).hexdigest()
        self._manner = replace(POLLED, mode=mapping.spec.mode)
        self._stored: str | None = None
        _check_sources(context.settings, mapping)

    async def restore(self) -> None:
        """Continue where an earlier run stopped."""
        await self._documents.restore()
        self._stored = await self._context.checkpoints.get("stored")

    async def poll(self, now: float) -> Counter[Outcome]:
        """Poll once and return what became of the records (nothing if nothing changed)."""
        state = self._version + await self._documents.refresh(now)
        self._context.health.count("polls")
        if state == self._stored:
            self._context.health.become(State.RUNNING, "unchanged at the last poll")
            return Counter()
        outcomes = await self._store_all(self._mapping.records(self._documents.documents))
        await self._context.checkpoints.set("stored", state)
        self._stored = state
        said = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
        log.info("%s: %s", self._context.name, said or "no records")
        self._context.health.become(State.RUNNING, said)
        return outcomes

    async def _store_all(self, records: Iterator[Record]) -> Counter[Outcome]:
        outcomes: Counter[Outcome] = Counter()
        group: list[Record] = []
        for record in records:
            group.append(record)
            if len(group) == AT_ONCE:
                outcomes += await self._store_group(group)
                group = []
        return outcomes + await self._store_group(group)

    async def _store_group(self, group: list[Record]) -> Counter[Outcome]:
        found = await asyncio.gather(*(self._store(one) for one in group))
        return Counter(outcome for outcomes in found for outcome in outcomes)

    async def _store(self, record: Record) -> list[Outcome]:
        intake = self._context.intake
        try:
            entities = self._mapping.entities(record)
        except SkipRecord as error:
            reason = f"{record.place}: {error.detail}"
            return [await intake.refuse(reason, record=record.given, subject=error.detail)]
        return [
            await intake.store(one, record=record.given, manner=self._manner) for one in entities
        ]

    def pause(self) -> float:
        """Return the seconds until the next poll: what is set, what the partner asks, jitter."""
        settings = self._context.settings
        least = self._mapping.valid_for(self._documents.documents) or 0.0
        spread = random.uniform(1 - settings.jitter, 1 + settings.jitter)  # noqa: S311 - no secret
        return max(settings.every, least) * spread


def _check_sources(settings: Settings, mapping: RecordMapping) -> None:
    known = mapping.spec.sources
    faults = Faults()
    for name in settings.sources:
        with faults.collected():
            if name not in known:
                raise Misconfigured(f"sources: the mapping has no {name!r}; {nearest(name, known)}")
    for name, spec in known.items():
        used = merged(spec, settings.sources.get(name))
        with faults.collected():
            if not used.url:
                raise Misconfigured(f"sources.{name}: give its `url`; the mapping has none")
            if used.pages is not None:
                Pages(used.pages, name=name)
    faults.raise_if_any()
