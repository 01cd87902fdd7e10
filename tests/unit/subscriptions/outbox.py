"""An outbox in memory, whose calls can be made to fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from broker.model.errors import DatabaseUnavailable
from broker.storage.deliveries import KeptItem


class FailingOutbox:
    """Keeps items in memory, but for the calls it is to fail; it waits for nobody."""

    def __init__(self, *failing: str) -> None:
        self.failing = list(failing)
        self.kept: dict[str, KeptItem] = {}
        self.buried: dict[str, str] = {}

    def _fail(self, method: str) -> None:
        if method in self.failing:
            self.failing.remove(method)
            raise DatabaseUnavailable("the database does not answer")

    async def insert(self, _tenant: str, items: Sequence[KeptItem]) -> list[str]:
        self._fail("insert")
        keys = [f"{one.entity_id} {one.version}" for one in items]
        self.kept |= {key: replace(one, key=key) for key, one in zip(keys, items, strict=True)}
        return keys

    async def find(self, _tenant: str, _id: str, *, limit: int) -> list[KeptItem]:
        self._fail("find")
        return [one for key, one in self.kept.items() if key not in self.buried][:limit]

    async def delete(self, _tenant: str, keys: Sequence[str]) -> None:
        self._fail("delete")
        for key in keys:
            del self.kept[key]

    async def clear(self, _tenant: str, _id: str) -> None:
        self._fail("clear")
        self.kept.clear()

    async def bury(self, _tenant: str, keys: Sequence[str], reason: str) -> None:
        self._fail("bury")
        self.buried |= dict.fromkeys(keys, reason)

    async def waiting(self) -> dict[tuple[str, str], int]:
        return {}

    async def expire(self, _tenant: str, *, older_than: str, most: int) -> dict[str, int]:
        return {}
