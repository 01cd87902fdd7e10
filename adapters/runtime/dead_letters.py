"""Records that could not be stored, kept with the reason until a person has dealt with them.

A letter holds the record as the source gave it (text, or base64 below `base64` when it was no
text) and, if the mapping got that far, the entity; `replay` says what can be done with it. At most
`limit` letters of an adapter are kept: then the oldest go, and how many went is counted, logged and
shown.
"""

from __future__ import annotations

import base64
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.runtime.metrics import DEAD_LETTERS
from adapters.runtime.store import Store
from broker.model.clock import Clock, system_clock

log = logging.getLogger(__name__)
LIMIT = 10_000
RECORD_BYTES = 262_144
"""Most of a record, and of an entity, that is kept: letters must not fill the disk."""

COLUMNS = "id, adapter, at, reason, record, entity, tenant"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that was not stored. `record` is JSON.

    `entity` is None if mapping failed, or if it is too long to be kept.
    """

    number: int
    adapter: str
    at: str
    reason: str
    record: Any
    entity: Mapping[str, Any] | None
    tenant: str | None


class DeadLetters:
    """The dead letters of one adapter, or of all with `adapter=None`."""

    def __init__(
        self,
        store: Store,
        adapter: str | None,
        *,
        limit: int = LIMIT,
        clock: Clock = system_clock,
    ) -> None:
        self._store = store
        self._adapter = adapter
        self._limit = limit
        self._clock = clock

    async def add(
        self,
        reason: str,
        *,
        record: Any,
        entity: Mapping[str, Any] | None = None,
        tenant: str | None = None,
        subject: str | None = None,
    ) -> None:
        """Keep a record; it is on disk when this returns, and its source may be acknowledged.

        With a `subject` only the newest letter of that subject is kept, for sources that bring
        the same faulty thing at every poll.
        """
        log.warning("dead letter: %s", reason, extra={"adapter": self._adapter})
        row = (
            self._adapter or "",
            self._clock(),
            reason,
            _record_text(record),
            _entity_text(entity),
            tenant,
            subject,
        )
        evicted = await self._store.transact(lambda db: self._insert(db, row))
        DEAD_LETTERS.labels(self._adapter or "").inc()
        if evicted:
            log.error(
                "dead letters of %s are full (%d): %d of the oldest went",
                self._adapter,
                self._limit,
                evicted,
            )

    def _insert(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> int:
        adapter, subject = row[0], row[-1]
        if subject is not None:
            db.execute(
                "DELETE FROM dead_letters WHERE adapter = ? AND subject = ?", (adapter, subject)
            )
        columns = "adapter, at, reason, record, entity, tenant, subject"
        db.execute(f"INSERT INTO dead_letters ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        number = db.execute(
            "SELECT count(*) FROM dead_letters WHERE adapter = ?", (adapter,)
        ).fetchone()[0]
        surplus = max(0, int(number) - self._limit)
        if surplus:
            db.execute(
                "DELETE FROM dead_letters WHERE id IN "
                "(SELECT id FROM dead_letters WHERE adapter = ? ORDER BY id LIMIT ?)",
                (adapter, surplus),
            )
            db.execute(
                "INSERT INTO evicted_letters VALUES (?, ?) "
                "ON CONFLICT (adapter) DO UPDATE SET number = number + excluded.number",
                (adapter, surplus),
            )
        return surplus

    async def list(self, *, limit: int = 100, after: int = 0) -> list[DeadLetter]:
        """Return letters, the oldest first, those numbered above `after`."""
        where, values = self._mine()
        rows = await self._store.transact(
            lambda db: db.execute(
                f"SELECT {COLUMNS} FROM dead_letters WHERE {where} AND id > ? "  # noqa: S608
                "ORDER BY id LIMIT ?",
                (*values, after, limit),
            ).fetchall()
        )
        return [_letter(row) for row in rows]

    async def get(self, number: int) -> DeadLetter | None:
        """Return one letter, `None` if there is none of that number."""
        found = await self.list(limit=1, after=number - 1)
        return found[0] if found and found[0].number == number else None

    async def count(self) -> int:
        """Return how many letters there are."""
        return await self._number("SELECT count(*) FROM dead_letters")

    async def count_by_adapter(self) -> dict[str, int]:
        """Return how many letters each adapter that has any has."""
        where, values = self._mine()
        rows = await self._store.transact(
            lambda db: db.execute(
                f"SELECT adapter, count(*) FROM dead_letters WHERE {where} GROUP BY adapter",  # noqa: S608
                values,
            ).fetchall()
        )
        return {str(adapter): int(number) for adapter, number in rows}

    async def evicted(self) -> int:
        """Return how many letters went because there were too many."""
        return await self._number("SELECT coalesce(sum(number), 0) FROM evicted_letters")

    async def _number(self, query: str) -> int:
        where, values = self._mine()
        found = await self._store.transact(
            lambda db: db.execute(f"{query} WHERE {where}", values).fetchone()
        )
        return int(found[0])

    async def remove(self, number: int) -> None:
        """Remove one letter: it was dealt with."""
        await self._store.transact(
            lambda db: db.execute("DELETE FROM dead_letters WHERE id = ?", (number,))
        )

    async def purge(self) -> int:
        """Remove all letters and return how many there were."""
        where, values = self._mine()

        def work(db: sqlite3.Connection) -> int:
            db.execute(f"DELETE FROM evicted_letters WHERE {where}", values)  # noqa: S608
            return db.execute(f"DELETE FROM dead_letters WHERE {where}", values).rowcount  # noqa: S608

        return await self._store.transact(work)

    def _mine(self) -> tuple[str, tuple[str, ...]]:
        return ("1 = 1", ()) if self._adapter is None else ("adapter = ?", (self._adapter,))


def _record_text(record: Any) -> str:
    """Return the record as JSON text, cut where it is too long to be kept."""
    if isinstance(record, bytes):
        try:
            record = record.decode("utf-8")
        except UnicodeDecodeError:
            record = {"base64": base64.b64encode(record[:RECORD_BYTES]).decode()}
    text = orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    if len(text) <= RECORD_BYTES:
        return text
    return orjson.dumps({"cut": True, "beginning": text[:RECORD_BYTES]}).decode()


def _entity_text(entity: Mapping[str, Any] | None) -> str | None:
    """Return the entity as JSON text; one that is too long to be kept is left to its record."""
    text = None if entity is None else orjson.dumps(entity)
    return None if text is None or len(text) > RECORD_BYTES else text.decode()


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    number, adapter, at, reason, record, entity, tenant = row
    return DeadLetter(
        number,
        adapter,
        at,
        reason,
        orjson.loads(record) if record else None,
        orjson.loads(entity) if entity else None,
        tenant,
    )
