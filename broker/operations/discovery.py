"""Discovery of types and attributes (clauses 5.7.5 to 5.7.10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.model.errors import ResourceNotFound
from broker.operations.caller import Caller
from broker.operations.tenancy import Tenancy
from broker.storage.catalogue import Catalogue, CatalogueEntry


@dataclass(slots=True)
class AttributeInfo:
    """An attribute: its kinds, the types that have it, how many instances there are."""

    name: str
    count: int = 0
    kinds: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


@dataclass(slots=True)
class TypeInfo:
    """An entity type: how many entities there are of it, and which attributes they have."""

    name: str
    count: int = 0
    attributes: dict[str, AttributeInfo] = field(default_factory=dict)


class Discovery:
    """Names are expanded; results are ordered by name. All raise NonexistentTenant."""

    def __init__(self, *, catalogue: Catalogue, tenancy: Tenancy) -> None:
        self._catalogue = catalogue
        self._tenancy = tenancy

    async def entity_types(self, caller: Caller) -> list[TypeInfo]:
        """Retrieve Available Entity Types, with or without details (5.7.5, 5.7.6)."""
        types: dict[str, TypeInfo] = {}
        for entry in await self._entries(caller):
            if not entry.type:
                continue
            info = types.setdefault(entry.type, TypeInfo(entry.type))
            if entry.attribute:
                _add(info.attributes, entry)
            else:
                info.count += entry.count
        return sorted(types.values(), key=lambda info: info.name)

    async def entity_type(self, caller: Caller, name: str) -> TypeInfo:
        """Retrieve Available Entity Type Information (5.7.7). Raises ResourceNotFound."""
        for info in await self.entity_types(caller):
            if info.name == name:
                return info
        raise ResourceNotFound(f"there is no entity of type <{name}>")

    async def attributes(self, caller: Caller) -> list[AttributeInfo]:
        """Retrieve Available Attributes, with or without details (5.7.8, 5.7.9)."""
        found: dict[str, AttributeInfo] = {}
        for entry in await self._entries(caller):
            if entry.attribute:
                _add(found, entry)
        return sorted(found.values(), key=lambda info: info.name)

    async def attribute(self, caller: Caller, name: str) -> AttributeInfo:
        """Retrieve Available Attribute Information (5.7.10). Raises ResourceNotFound."""
        for info in await self.attributes(caller):
            if info.name == name:
                return info
        raise ResourceNotFound(f"no entity has the attribute <{name}>", attribute_names=(name,))

    async def _entries(self, caller: Caller) -> list[CatalogueEntry]:
        await self._tenancy.require(caller)
        return await self._catalogue.entries(caller.space)


def _add(found: dict[str, AttributeInfo], entry: CatalogueEntry) -> None:
    info = found.setdefault(entry.attribute, AttributeInfo(entry.attribute))
    info.kinds.add(entry.kind)
    if entry.type:
        info.count += entry.count
        info.types.add(entry.type)
    else:
        info.count -= entry.count
