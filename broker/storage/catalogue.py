"""What types and attributes there are, as discovery needs it (clauses 5.7.5 to 5.7.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """How many instances of an attribute, of one kind, entities of one type have.

    Names are expanded. An entry whose `attribute` is "" counts the entities of the type; one whose
    `type` is "" tells how many instances too many the entries of all types have, because an entity
    with several types is in each of them.
    """

    type: str
    attribute: str
    kind: str
    count: int


class Catalogue(Protocol):
    """Exact at every moment: it is written with the entities it counts."""

    async def entries(self, tenant: str) -> list[CatalogueEntry]:
        """Return all entries, none of them with a count of 0. Raises DatabaseUnavailable."""
