"""What an adapter remembers from run to run: positions, validators, hashes."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.runtime.store import Store


class Checkpoints:
    """The checkpoints of one adapter: JSON values by key, on disk when `set` returns."""

    def __init__(self, store: Store, adapter: str) -> None:
        self._store = store
        self._adapter = adapter

    async def get(self, key: str) -> Any:
        """Return a value, `None` if there is none."""
        found = await self._store.transact(
            lambda db: db.execute(
                "SELECT value FROM checkpoints WHERE adapter = ? AND key = ?", (self._adapter, key)
            ).fetchone()
        )
        return None if found is None else orjson.loads(found[0])

    async def set(self, key: str, value: Any) -> None:
        """Store a value, replacing the one before."""
        text = orjson.dumps(value).decode()
        await self._store.transact(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", (self._adapter, key, text)
            )
        )

    async def delete(self, key: str) -> None:
        """Forget a value; one that does not exist is no fault."""
        await self._store.transact(
            lambda db: db.execute(
                "DELETE FROM checkpoints WHERE adapter = ? AND key = ?", (self._adapter, key)
            )
        )
