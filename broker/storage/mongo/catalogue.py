"""The catalogue of types and attributes, counted in the transactions that change them.

Each process counts in documents of its own, so that two never wait for each other; a reader adds
them up. An update that neither adds nor removes an instance touches nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pymongo.asynchronous.database import AsyncDatabase

from broker.model.entity import Attributes, Entity
from broker.storage.catalogue import CatalogueEntry
from broker.storage.mongo.connection import Databases, Document
from broker.storage.mongo.errors import translated
from broker.storage.mongo.tenants import EXPIRY_INDEX

COLLECTION = "catalogue"

Key = tuple[tuple[str, ...], str, str]
"""The types of an entity, attribute, kind; the last two are "" where entities are counted."""


def count_difference(
    before: Entity | None, after: Entity | None, touched: Iterable[str], counts: Counter[Key]
) -> None:
    """Add to `counts` what changes when an entity goes from one state to the other.

    `touched` names the attributes that may differ.
    """
    if before is not None and after is not None and before.types == after.types:
        for name in touched:
            old, new = before.attributes.get(name), after.attributes.get(name)
            if old and new and len(old) == len(new) == 1 and old[0]["type"] == new[0]["type"]:
                continue  # the usual update: the attribute stays what it is
            _count(before.types, name, before.attributes, counts, -1)
            _count(after.types, name, after.attributes, counts, 1)
        return
    for entity, step in ((before, -1), (after, 1)):
        if entity is not None:
            counts[entity.types, "", ""] += step
            keys = [
                (entity.types, name, instance["type"])
                for name, instances in entity.attributes.items()
                for instance in instances
            ]
            if step > 0:
                counts.update(keys)
            else:
                counts.subtract(keys)


def _count(
    types: tuple[str, ...], name: str, attributes: Attributes, counts: Counter[Key], step: int
) -> None:
    for instance in attributes.get(name, ()):
        counts[types, name, instance["type"]] += step


def catalogue_updates(counts: Counter[Key], shard: str) -> list[Document]:
    """Return the update statements for what changed; none if nothing did.

    An entry has one type. It is "" where instances of entities with several types are counted
    that stand under each of them: once less than there are types, so that the sum over the types
    less this is exact.
    """
    entries: Counter[tuple[str, str, str]] = Counter()
    for (types, name, kind), step in counts.items():
        for type_ in types:
            entries[type_, name, kind] += step
        if name and len(types) > 1:
            entries["", name, kind] += step * (len(types) - 1)
    return [
        {
            "q": {"_id": " ".join((shard, *key))},
            "u": {
                "$inc": {"c": step},
                "$setOnInsert": {"t": key[0], "n": key[1], "k": key[2]},
            },
            "upsert": True,
        }
        for key, step in entries.items()
        if step
    ]


async def count_of_type(database: AsyncDatabase[Document], type_: str, now: str) -> int:
    """Return how many entities have a type and did not expire before `now`.

    It takes a sum over the processes and a count of what expired and is not removed yet, however
    many entities there are. Raises PyMongoError.
    """
    written = {"t": type_, "n": "", "k": ""}
    parts = await database[COLLECTION].find(written, {"c": 1}).to_list()
    expired = {"xa": {"$lte": now}, "xd": {"$lte": now}, "t": type_}
    past = await database["entities"].count_documents(expired, hint=EXPIRY_INDEX)
    return int(sum(part["c"] for part in parts)) - past


class MongoCatalogue:
    """Implements `broker.storage.catalogue.Catalogue`."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def entries(self, tenant: str) -> list[CatalogueEntry]:
        """Return all entries, none of them with a count of 0."""
        pipeline: list[Document] = [
            {"$group": {"_id": {"t": "$t", "n": "$n", "k": "$k"}, "c": {"$sum": "$c"}}},
            {"$match": {"c": {"$gt": 0}}},
        ]
        with translated():
            cursor = await self._databases.of(tenant)[COLLECTION].aggregate(pipeline)
            found = await cursor.to_list()
        return [
            CatalogueEntry(group["_id"]["t"], group["_id"]["n"], group["_id"]["k"], group["c"])
            for group in found
        ]
