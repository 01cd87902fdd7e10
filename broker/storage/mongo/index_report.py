"""What `mutsura indexes` shows and does: the indexes on a tenant's entities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from broker.model.errors import BadRequestData, ResourceNotFound
from broker.query.ast import Path
from broker.storage.mongo.connection import Databases
from broker.storage.mongo.documents import unescape
from broker.storage.mongo.errors import translated
from broker.storage.mongo.filters_geo import path_of_geometry
from broker.storage.mongo.filters_values import path_of_value
from broker.storage.mongo.index_advisor import (
    ATTRIBUTE_NAMES,
    PREFIX,
    SCOPES,
    USAGE,
    Kind,
    index_model,
    index_name,
    learned_indexes,
    read_usages,
)

FORMERLY_GIVEN: Mapping[str, str] = {
    "attribute_names": ATTRIBUTE_NAMES,
    "scopes": SCOPES,
    "observationSpace": path_of_geometry("https://uri.etsi.org/ngsi-ld/observationSpace"),
    "operationSpace": path_of_geometry("https://uri.etsi.org/ngsi-ld/operationSpace"),
    "entity_expiry": "xd",
}
"""Indexes every tenant had before they were learned, or done without; they can be dropped, too."""

_SUBJECTS: Mapping[str, str] = {
    "_id": "id",
    "t": "type",
    "n": "attribute names",
    "s": "scope",
    "xa": "expiry",
}


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One index of a tenant's entities.

    `subject` is what it is about, as a person would say it. `uses` and `last_use` are how often
    queries asked for it (None for indexes that are always there), `lookups` how often the database
    used it since it started, `size` its bytes.
    """

    name: str
    subject: str
    is_learned: bool
    uses: int | None
    last_use: str | None
    lookups: int
    size: int


async def list_indexes(databases: Databases, tenant: str) -> list[IndexInfo]:
    """Return the indexes on a tenant's entities; empty for a tenant without entities."""
    database = databases.of(tenant)
    with translated():
        if not await database.list_collection_names(filter={"name": "entities"}):
            return []
        usages = await read_usages(database)
        learned = {
            index_name(path): usage
            for path, usage in (await learned_indexes(database, usages)).items()
        }
        sizes, lookups = await _sizes(database), await _lookups(database)
        return [
            IndexInfo(
                name=index["name"],
                subject=_subject(index["key"]),
                is_learned=index["name"] in learned,
                uses=learned[index["name"]].uses if index["name"] in learned else None,
                last_use=learned[index["name"]].last or None if index["name"] in learned else None,
                lookups=lookups.get(index["name"], 0),
                size=sizes.get(index["name"], 0),
            )
            async for index in await database["entities"].list_indexes()
        ]


async def create_index(databases: Databases, tenant: str, attribute: str, kind: Kind) -> str:
    """Build the index on an attribute (an expanded name) at once and return its name.

    It counts as learned: it can be dropped the same way. Raises BadRequestData for a name that
    cannot be indexed, DatabaseUnavailable.
    """
    path = path_of_geometry(attribute) if kind == "geometry" else path_of_value(Path((attribute,)))
    if path is None:
        raise BadRequestData(f"{attribute} is no attribute that can be indexed")
    with translated():
        await databases.of(tenant)["entities"].create_indexes([index_model(path, kind)])
    return index_name(path)


async def drop_index(databases: Databases, tenant: str, name: str) -> None:
    """Drop a learned index and forget how often it was asked for.

    Raises ResourceNotFound where there is no learned index of this name.
    """
    database = databases.of(tenant)
    with translated():
        learned = await learned_indexes(database, {})
        names = {index_name(path): path for path in learned} | dict(FORMERLY_GIVEN)
        present = [index["name"] async for index in await database["entities"].list_indexes()]
        if name not in names or name not in present:
            raise ResourceNotFound(
                f'there is no learned index "{name}"; the names of those there are begin with '
                f'"{PREFIX}", the others cannot be dropped'
            )
        await database["entities"].drop_index(name)
        await database[USAGE].delete_one({"_id": names[name]})


def _subject(key: Mapping[str, Any]) -> str:
    path = next(iter(key))
    if not path.startswith("a."):
        return _SUBJECTS.get(path, path)
    steps = [unescape(step) for step in path.split(".")[1:]]
    if steps[-1] == "~g":
        return f"{steps[0]} (geometry)"
    place = steps.index("value")
    keys = f"[{'.'.join(steps[place + 1 :])}]" if steps[place + 1 :] else ""
    return ".".join(steps[:place]) + keys


async def _sizes(database: AsyncDatabase[dict[str, Any]]) -> dict[str, int]:
    cursor = await database["entities"].aggregate([{"$collStats": {"storageStats": {}}}])
    sizes: dict[str, int] = {}
    async for document in cursor:
        for name, size in document["storageStats"].get("indexSizes", {}).items():
            sizes[name] = sizes.get(name, 0) + size
    return sizes


async def _lookups(database: AsyncDatabase[dict[str, Any]]) -> dict[str, int]:
    cursor = await database["entities"].aggregate([{"$indexStats": {}}])
    lookups: dict[str, int] = {}
    async for document in cursor:
        name = document["name"]
        lookups[name] = lookups.get(name, 0) + int(document["accesses"]["ops"])
    return lookups
