"""Indexes that queries ask for: counted while they run, built in the background.

Every query tells which stored paths its conditions could be answered by. Paths asked for often get
an index, geometries and scopes at the first question, as long as the operator's limit allows; when
it is reached, an index that nobody has used for long makes room. The index on the names of
attributes has an entry for each attribute of an entity, which took two fifths of what an import
costs the database: it is built when somebody first asks for entities by the names of attributes
alone.

Counts are kept in the tenant's database, so that all processes of an installation learn together
and `mutsura indexes` can show them. The database builds indexes while it goes on reading and
writing.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from pymongo import ASCENDING, GEOSPHERE, IndexModel, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import InvalidOperation, PyMongoError

from broker.model.clock import Clock, format_time
from broker.observability.tasks import run_in_background
from broker.query.ast import And, Comparison, Expression, Linked, OneOf, Or, Range
from broker.query.entity_query import EntityQuery
from broker.storage.mongo.catalogue import COLLECTION as CATALOGUE
from broker.storage.mongo.connection import Databases
from broker.storage.mongo.documents import unescape
from broker.storage.mongo.filters_geo import path_of_geometry
from broker.storage.mongo.filters_values import path_of_value

log = logging.getLogger(__name__)

Kind = Literal["value", "geometry", "names", "scopes"]
ATTRIBUTE_NAMES = "n"
SCOPES = "s"
USAGE = "index_usage"
PREFIX = "learned_"

_PAUSE = 2.0
_MOST_KNOWN = 1_000
_MOST_FORGOTTEN = 20_000
"""Paths in one command."""


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """What the operator allows: learned indexes a tenant, uses before one is built.

    An index not used for `idle_days` may be replaced. With `learned` 0 nothing is built.
    """

    learned: int = 20
    uses: int = 10
    idle_days: int = 7


@dataclass(frozen=True, slots=True)
class Usage:
    """How often queries asked for a path, and when they last did (canonical time)."""

    path: str
    kind: Kind
    uses: int
    last: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to build and which paths' indexes to drop first."""

    build: tuple[Usage, ...] = ()
    drop: tuple[str, ...] = ()


@lru_cache(maxsize=2048)
def paths_of(query: EntityQuery) -> tuple[tuple[str, Kind], ...]:
    """Return the stored paths an index on which could answer a query."""
    paths: dict[str, Kind] = {}
    if query.geo is not None:
        paths[path_of_geometry(query.geo.attribute)] = "geometry"
    if query.condition is not None:
        paths.update(dict.fromkeys(_value_paths(query.condition), "value"))
    if query.scope:
        paths[SCOPES] = "scopes"
    if query.attributes and not paths and not _selects(query):
        paths[ATTRIBUTE_NAMES] = "names"
    return tuple(paths.items())


def _selects(query: EntityQuery) -> bool:
    """Whether ids or types narrow a query down, for which there always is an index."""
    return bool(query.selectors) and all(one.ids or one.types for one in query.selectors)


def _value_paths(expression: Expression) -> Iterable[str]:
    match expression:
        case And() | Or():
            for operand in expression.operands:
                yield from _value_paths(operand)
        case Linked():
            yield from _value_paths(expression.condition)
        case OneOf(is_negated=False) | Range(is_negated=False) | Comparison():
            path = path_of_value(expression.path)
            if path is not None:
                yield path
        case _:
            pass


def advise(
    usages: Iterable[Usage], existing: Mapping[str, Usage], limits: IndexLimits, idle_since: str
) -> Advice:
    """Return what to build: the most used paths, within the limit.

    `existing` are the learned indexes by path; those last used before `idle_since` may go.
    """
    wanted = sorted(
        (
            usage
            for usage in usages
            if usage.path not in existing
            and _is_frequent(usage, limits)
            and usage.last >= idle_since
        ),
        key=lambda usage: (usage.kind == "value", -usage.uses, usage.path),
    )
    idle = sorted((usage.last, path) for path, usage in existing.items() if usage.last < idle_since)
    room = max(0, limits.learned - len(existing))
    build = wanted[: room + len(idle)] if limits.learned else []
    drop = idle[: max(0, len(build) - room)]
    return Advice(tuple(build), tuple(path for _, path in drop))


def _is_frequent(usage: Usage, limits: IndexLimits) -> bool:
    return usage.kind != "value" or usage.uses >= limits.uses


def superfluous(
    usages: Iterable[Usage], existing: Collection[str], limits: IndexLimits
) -> list[str]:
    """Return the paths to forget, as whoever asks may name a million attributes nobody has.

    Those without an index go, at first the ones that were asked for a few times only, long ago.
    """
    unbuilt = sorted(
        (usage for usage in usages if usage.path not in existing),
        key=lambda usage: (usage.uses >= limits.uses, usage.last),
    )
    return [usage.path for usage in unbuilt[:-_MOST_KNOWN]][:_MOST_FORGOTTEN]


def index_name(path: str) -> str:
    """Return the name of the learned index on a path."""
    return PREFIX + hashlib.sha256(path.encode()).hexdigest()[:16]


def index_model(path: str, kind: Kind) -> IndexModel:
    """Return the index to build; one on values also gives the default order, by id."""
    if kind == "geometry":
        return IndexModel([(path, GEOSPHERE)], name=index_name(path))
    if kind == "scopes":
        return IndexModel([(path, ASCENDING)], name=index_name(path), sparse=True)
    return IndexModel([(path, ASCENDING), ("_id", ASCENDING)], name=index_name(path))


class IndexAdvisor:
    """Counts what queries ask for and builds indexes in the background."""

    def __init__(self, databases: Databases, *, clock: Clock, limits: IndexLimits) -> None:
        self._databases = databases
        self._clock = clock
        self._limits = limits
        self._counts: dict[str, Counter[tuple[str, Kind]]] = {}
        self._known: dict[str, set[tuple[str, Kind]]] = {}
        self._next: dict[str, float] = {}

    def observe(self, tenant: str, query: EntityQuery) -> None:
        """Count a query; now and then, and for what is new and frequent at once, start `learn`."""
        selectors = query.selectors if query.attributes else ()
        paths = paths_of(
            EntityQuery(selectors, query.attributes, query.condition, query.geo, query.scope)
        )
        if not paths:
            return
        self._counts.setdefault(tenant, Counter()).update(paths)
        now = time.monotonic()
        if self._meets_new(tenant, paths) or now >= self._next.get(tenant, 0.0):
            self._next[tenant] = now + _PAUSE
            run_in_background(self._learn_quietly(tenant), name="index advisor")

    def _meets_new(self, tenant: str, paths: Iterable[tuple[str, Kind]]) -> bool:
        """Whether a path has just become frequent: each query without its index reads them all."""
        counts, known = self._counts[tenant], self._known.setdefault(tenant, set())
        new = [one for one in paths if counts[one] >= self._limits.uses and one not in known]
        if len(known) + len(new) > _MOST_KNOWN:
            known.clear()
        known.update(new)
        return bool(new)

    async def _learn_quietly(self, tenant: str) -> None:
        try:
            await self.learn(tenant)
        except InvalidOperation:  # the client is closed, as this process ends
            log.debug("what queries asked for last is not counted", extra={"tenant": tenant})
        except PyMongoError as error:
            log.warning("cannot build indexes", extra={"tenant": tenant, "error": str(error)})

    async def learn(self, tenant: str) -> Advice:
        """Store the counts of this process and build what the counts of all advise."""
        database = self._databases.of(tenant)
        counts = self._counts.pop(tenant, Counter())
        if counts:
            await database[USAGE].bulk_write(
                [self._counted(path, kind, uses) for (path, kind), uses in counts.items()]
            )
        usages = await read_usages(database)
        existing = await learned_indexes(database, usages)
        given = await given_paths(database)
        candidates = await self._about_something(
            database,
            [
                usage
                for path, usage in usages.items()
                if path not in given and path not in existing and _is_frequent(usage, self._limits)
            ],
        )
        advice = advise(candidates, existing, self._limits, self._idle_since())
        forgotten = superfluous(usages.values(), existing, self._limits)
        if forgotten:
            await database[USAGE].delete_many({"_id": {"$in": forgotten}})
        for path in advice.drop:
            await database["entities"].drop_index(index_name(path))
        for usage in advice.build:
            log.info("building an index", extra={"tenant": tenant, "path": usage.path})
            await database["entities"].create_indexes([index_model(usage.path, usage.kind)])
        return advice

    async def _about_something(
        self, database: AsyncDatabase[dict[str, Any]], usages: Sequence[Usage]
    ) -> list[Usage]:
        """Return the usages of attributes that there are.

        A dashboard with a misspelt name asks often, and its index would make every write dearer.
        """
        names = {name for usage in usages if (name := _attribute_of(usage.path)) is not None}
        there: set[str | None] = {None}
        if names:
            asked = {"n": {"$in": sorted(names)}, "c": {"$gt": 0}}
            there.update(await database[CATALOGUE].distinct("n", asked))
        return [usage for usage in usages if _attribute_of(usage.path) in there]

    def _counted(self, path: str, kind: Kind, uses: int) -> UpdateOne:
        change = {"$inc": {"uses": uses}, "$set": {"kind": kind}, "$max": {"last": self._clock()}}
        return UpdateOne({"_id": path}, change, upsert=True)

    def _idle_since(self) -> str:
        now = datetime.fromisoformat(self._clock())
        return format_time(now - timedelta(days=self._limits.idle_days))


async def read_usages(database: AsyncDatabase[dict[str, Any]]) -> dict[str, Usage]:
    """Return what is known of the use of paths, by path."""
    return {
        document["_id"]: Usage(
            document["_id"], document["kind"], document["uses"], document["last"]
        )
        async for document in database[USAGE].find()
    }


async def learned_indexes(
    database: AsyncDatabase[dict[str, Any]], usages: Mapping[str, Usage]
) -> dict[str, Usage]:
    """Return the learned indexes that exist (or are being built) by path."""
    learned = {}
    async for index in await database["entities"].list_indexes():
        if _is_learned(index):
            path, direction = next(iter(index["key"].items()))
            learned[path] = usages.get(path) or Usage(path, _kind(path, direction), 0, "")
    return learned


async def given_paths(database: AsyncDatabase[dict[str, Any]]) -> frozenset[str]:
    """Return the paths that have an index which was not learned."""
    indexes = await database["entities"].list_indexes()
    return frozenset(
        [next(iter(index["key"])) async for index in indexes if not _is_learned(index)]
    )


def _attribute_of(path: str) -> str | None:
    """Return the attribute a stored path leads into, None where it leads into none."""
    _, dot, rest = path.partition(".")
    return unescape(rest.partition(".")[0]) if dot else None


def _kind(path: str, direction: Any) -> Kind:
    of_members: Mapping[str, Kind] = {ATTRIBUTE_NAMES: "names", SCOPES: "scopes"}
    return of_members.get(path, "geometry" if direction == GEOSPHERE else "value")


def _is_learned(index: Mapping[str, Any]) -> bool:
    name: str = index["name"]
    return name.startswith(PREFIX)
