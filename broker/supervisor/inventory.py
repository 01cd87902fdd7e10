"""What the connectors have brought in by the time they settle down, for the person watching."""

from __future__ import annotations

import json
import re
from collections import Counter
from http.client import HTTPException
from typing import Final

from broker.supervisor.own_api import ask

_EVERY: Final = 1.0
_SETTLED_AFTER: Final = 5.0
_MOST_COUNTED: Final = 1000


class Inventory:
    """Watches the number of entities until it stands still, then counts them by type once.

    Times are seconds on the monotonic clock.
    """

    def __init__(self, url: str) -> None:
        self._entities = f"{url}/ngsi-ld/v1/entities?local=true"
        self._total = 0
        self._changed = 0.0
        self._next = 0.0
        self._is_told = False

    def look(self, now: float) -> str | None:
        """Return the inventory when it has just settled; asks the API at most once a second."""
        if self._is_told or now < self._next:
            return None
        self._next = now + _EVERY
        try:
            total = self._count()
            if total != self._total:
                self._total, self._changed = total, now
            if not total or now - self._changed < _SETTLED_AFTER:
                return None
            told = self._tell(total)
        except (OSError, HTTPException, ValueError):
            return None
        self._is_told = True
        return told

    def _count(self) -> int:
        url = f"{self._entities}&limit=0&count=true"
        with ask(url, timeout=2.0) as answer:
            return int(answer.headers.get("NGSILD-Results-Count", 0))

    def _tell(self, total: int) -> str:
        if total > _MOST_COUNTED:
            return f"Loaded: {_counted(total)}"
        url = f"{self._entities}&pick=id,type&limit={_MOST_COUNTED}"
        with ask(url, timeout=5.0) as answer:
            entities = json.load(answer)
        kinds = Counter(_short(entity["type"]) for entity in entities)
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        return f"Loaded: {_counted(total)} ({listed})"


def _counted(total: int) -> str:
    return "1 entity" if total == 1 else f"{total} entities"


def _short(kind: str | list[str]) -> str:
    name = kind if isinstance(kind, str) else kind[0]
    return re.split(r"[/#]", name)[-1]
