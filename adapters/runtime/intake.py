"""From a mapped entity to a stored one or a dead letter; there is no third way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adapters.runtime import json_schema  # noqa: F401 - now, not while records wait for it
from adapters.runtime.batch import WriteMode
from adapters.runtime.dead_letters import DeadLetters
from adapters.runtime.errors import SkipRecord
from adapters.runtime.health import Health
from adapters.runtime.validation import Validation
from adapters.runtime.writers import Writers


class Outcome(StrEnum):
    """What became of a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DEAD_LETTER = "dead-letter"


@dataclass(frozen=True, slots=True)
class Manner:
    """How entities are stored: see `Writer` for mode and skip_unchanged.

    With `newest_letter_only` a faulty entity that comes at every poll has one dead letter.
    """

    mode: WriteMode = "update"
    skip_unchanged: bool = False
    newest_letter_only: bool = False


MEASURES = Manner()
POLLED = Manner("update", skip_unchanged=True, newest_letter_only=True)


class Intake:
    """Validates entities, writes them, and keeps what is refused as dead letters."""

    def __init__(
        self, writers: Writers, validation: Validation, dead_letters: DeadLetters, health: Health
    ) -> None:
        self._writers = writers
        self._validation = validation
        self._dead_letters = dead_letters
        self._health = health

    async def store(
        self,
        entity: Mapping[str, Any],
        *,
        record: Any,
        tenant: str | None = None,
        manner: Manner = MEASURES,
    ) -> Outcome:
        """Store one entity; its source may be acknowledged when this returns.

        `record` is what the source gave, for the dead letter. Raises `NotWritten` when the
        adapter is stopped first: then the source must not be acknowledged.
        """
        writer = self._writers.writer(
            tenant=tenant, mode=manner.mode, skip_unchanged=manner.skip_unchanged
        )
        try:
            self._validation.check(entity, partial=manner.mode != "replace")
            outcome = Outcome(await writer.write(entity))
        except SkipRecord as error:
            subject = str(entity.get("id")) if manner.newest_letter_only else None
            await self._dead_letters.add(
                error.detail, record=record, entity=entity, tenant=tenant, subject=subject
            )
            outcome = Outcome.DEAD_LETTER
        self._health.count(outcome.value)
        return outcome

    async def refuse(
        self, reason: str, *, record: Any, tenant: str | None = None, subject: str | None = None
    ) -> Outcome:
        """Keep a record that could not even be mapped as a dead letter."""
        await self._dead_letters.add(reason, record=record, tenant=tenant, subject=subject)
        self._health.count(Outcome.DEAD_LETTER.value)
        return Outcome.DEAD_LETTER
