"""How the time of a query grows with the number of entities (`python` this file).

Fills a database with entities of one type, once with 10,000 and once with 1,000,000 of them, lets
the index advisor learn from the queries, and prints a table of the median time of each query. The
entities found are as many in both cases, except where the row says "half" or "1 %". Needs
MUTSURA_TEST_MONGODB_URI, a replica set whose database `scaling` it may drop.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from broker.model.clock import system_clock
from broker.model.entity import Entity
from broker.query.entity_query import EntityQuery, EntitySelector, Page
from broker.query.geo_parser import parse_geo_query
from broker.query.q_parser import parse_q
from broker.storage.mongo.catalogue import COLLECTION as CATALOGUE
from broker.storage.mongo.catalogue import catalogue_updates, count_of_type
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.documents import encode_entity
from broker.storage.mongo.entity_reader import EntityReader
from broker.storage.mongo.entity_search import count_matching, find_page
from broker.storage.mongo.index_advisor import IndexAdvisor, IndexLimits
from broker.storage.mongo.tenants import Tenants

NAMESPACE = "https://uri.etsi.org/ngsi-ld/default-context/"
LOCATION = "https://uri.etsi.org/ngsi-ld/location"
TYPE = NAMESPACE + "Sensor"
SIZES = (10_000, 1_000_000)
ROUNDS = 60


class Terms:
    """Expands into the default vocabulary."""

    def expand(self, term: str) -> str:
        return LOCATION if term == "location" else NAMESPACE + term

    def defines(self, term: str) -> bool:
        return False

    def compact(self, iri: str) -> str:
        return iri


TERMS = Terms()


def sensors(count: int) -> Iterator[Entity]:
    """Yield entities that stand on a spiral of the same density however many there are."""
    for number in range(count):
        scattered = number * 7919 % count
        radius, turn = 1e-3 * math.sqrt(scattered), scattered * 2.399963
        position = [135 + radius * math.cos(turn), 35 + radius * math.sin(turn)]
        attributes = {
            NAMESPACE + "temperature": [{"type": "Property", "value": scattered}],
            NAMESPACE + "share": [{"type": "Property", "value": scattered / count}],
            NAMESPACE + "serial": [{"type": "Property", "value": f"sn-{scattered}"}],
            LOCATION: [
                {"type": "GeoProperty", "value": {"type": "Point", "coordinates": position}}
            ],
        }
        now = system_clock()
        yield Entity(f"urn:ngsi-ld:Sensor:{number:08d}", (TYPE,), attributes, (), now, now, None, 1)


def query(q: str | None = None, **parts: Any) -> EntityQuery:
    """Return a query for sensors."""
    selectors = (EntitySelector(types=((TYPE,),)),)
    condition = parse_q(q, TERMS) if q else None
    return EntityQuery(selectors=selectors, condition=condition, now=system_clock(), **parts)


def near(metres: int) -> EntityQuery:
    """Return a query for what is near the middle of the spiral."""
    geo = parse_geo_query(
        georel=f"near;maxDistance=={metres}",
        geometry="Point",
        coordinates=[135, 35],
        geoproperty=None,
        terms=TERMS,
    )
    return query(geo=geo)


def by_id(count: int) -> EntityQuery:
    """Return a query for one entity by id."""
    ids = (f"urn:ngsi-ld:Sensor:{count // 2:08d}",)
    return EntityQuery(selectors=(EntitySelector(ids=ids),), now=system_clock())


QUERIES: dict[str, Callable[[int], EntityQuery]] = {
    "one id": by_id,
    "type, first page": lambda _: query(),
    "type + q equality, number": lambda _: query("temperature==4711"),
    "type + q equality, text": lambda _: query('serial=="sn-4711"'),
    "type + q range, 20 found": lambda _: query("temperature==4700..4719"),
    "type + q >, half": lambda _: query("share>0.5"),
    "type + q >, 1 %": lambda _: query("share>0.99"),
    "near, about 80 found": lambda _: near(1000),
}


@dataclass(frozen=True)
class Fixture:
    """A filled database."""

    reader: EntityReader
    count: int


async def filled(databases: Databases, count: int) -> AsyncIterator[Fixture]:
    """Fill the database, let the advisor learn, and drop it in the end."""
    database = databases.of("")
    await databases.client.drop_database(database.name)
    await Tenants(databases).ensure("")
    batch: list[dict[str, Any]] = []
    for entity in sensors(count):
        batch.append(encode_entity(entity))
        if len(batch) == 5000:
            await database["entities"].insert_many(batch, ordered=False)
            batch = []
    counts = Counter({((TYPE,), "", ""): count})
    (example,) = sensors(1)
    counts.update(
        {((TYPE,), name, of[0]["type"]): count for name, of in example.attributes.items()}
    )
    written = catalogue_updates(counts, "filled")
    await database.command("update", CATALOGUE, updates=written)
    advisor = IndexAdvisor(databases, clock=system_clock, limits=IndexLimits(uses=1))
    for make in QUERIES.values():
        advisor.observe("", make(count))
    await advisor.learn("")
    yield Fixture(EntityReader(database["entities"]), count)
    await databases.client.drop_database(database.name)


async def median_time(work: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> float:
    """Return the median time of some work in milliseconds, after a warm-up."""
    times = []
    for _ in range(rounds + 5):
        begin = time.perf_counter()
        await work()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[5:])


async def cursor_of_page(fixture: Fixture, number: int, size: int) -> str | None:
    """Return the cursor of a page by following the links to it."""
    cursor = None
    for _ in range(number - 1):
        page = await find_page(fixture.reader, query(page=Page(size, 0, cursor)))
        cursor = page.next_cursor
    return cursor


async def measure(fixture: Fixture) -> dict[str, float]:
    """Return the median time of each query in milliseconds."""
    times = {}
    for name, make in QUERIES.items():
        wanted = make(fixture.count)
        times[name] = await median_time(lambda wanted=wanted: find_page(fixture.reader, wanted))
    number = min(5000, fixture.count // 20 - 1)
    deep = query(page=Page(20, 0, await cursor_of_page(fixture, number, 20)))
    times["type, page 5,000 by cursor (500 of 10,000)"] = await median_time(
        lambda: find_page(fixture.reader, deep)
    )
    times["count of type + q range, 20 found"] = await median_time(
        lambda: count_matching(fixture.reader, query("temperature==4700..4719"))
    )
    database = fixture.reader.collection.database
    times["count of type"] = await median_time(
        lambda: count_of_type(database, TYPE, system_clock())
    )
    return times


async def main(sizes: tuple[int, ...]) -> None:
    """Measure at every size and print the table."""
    client = connect(os.environ["MUTSURA_TEST_MONGODB_URI"])
    databases = Databases(client, prefix="scaling")
    columns = []
    for size in sizes:
        begin = time.perf_counter()
        async for fixture in filled(databases, size):
            print(f"{size:,} entities are stored after {time.perf_counter() - begin:.0f} s")
            columns.append(await measure(fixture))
    await client.close()
    print(f"\n{'median time of a query, ms':45}", *(f"{size:>12,}" for size in sizes), "   ratio")
    for name, first in columns[0].items():
        times = [column[name] for column in columns]
        print(f"{name:45}", *(f"{each:12.2f}" for each in times), f"{times[-1] / first:8.1f}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sizes", nargs="*", type=int, default=SIZES)
    asyncio.run(main(tuple(arguments.parse_args().sizes)))
