"""`mutsura indexes`: the indexes of a tenant, those the broker learned and those that are given."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from broker.config import ConfigurationError, Settings
from broker.config.field import masked
from broker.model.errors import DatabaseUnavailable, NgsiLdError, NonexistentTenant
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.index_advisor import Kind
from broker.storage.mongo.index_report import IndexInfo, create_index, drop_index, list_indexes

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """What to do before the indexes are listed.

    `build` is the full name of an attribute, `drop` the name of a learned index.
    """

    tenant: str = ""
    build: str | None = None
    is_geometry: bool = False
    drop: str | None = None


def manage_indexes(settings: Settings, request: IndexRequest) -> int:
    """Do what is requested, print the indexes there are then, and return the exit code.

    Raises ConfigurationError if there is no database to ask.
    """
    try:
        indexes = asyncio.run(_manage(_uri(settings), settings, request))
    except DatabaseUnavailable:
        where = settings.mongodb.uri or f"the embedded database in {settings.data_directory}"
        sys.stderr.write(f"mutsura: no answer from {masked(where)}: start it and try again\n")
        return 1
    except NgsiLdError as error:
        sys.stderr.write(f"mutsura: {error.detail}\n")
        return 1
    for line in _table(indexes):
        sys.stdout.write(f"{line}\n")
    return 0


def _uri(settings: Settings) -> str:
    if settings.mongodb.uri is not None:
        return settings.mongodb.uri
    try:
        port = int((settings.data_directory / "mongodb" / "port").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            ["no MongoDB: set MUTSURA_MONGODB_URI, or run `mutsura serve` with this data directory"]
        ) from error
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"


async def _manage(uri: str, settings: Settings, request: IndexRequest) -> list[IndexInfo]:
    client = connect(uri, timeout_ms=int(settings.mongodb.timeout * 1000))
    databases = Databases(client, prefix=settings.mongodb.database_prefix)
    try:
        if request.tenant and request.tenant not in await databases.tenants():
            raise NonexistentTenant(f"there is no tenant {request.tenant!r} in this database")
        if request.drop is not None:
            await drop_index(databases, request.tenant, request.drop)
        if request.build is not None:
            kind: Kind = "geometry" if request.is_geometry else "value"
            await create_index(databases, request.tenant, request.build, kind)
        return await list_indexes(databases, request.tenant)
    finally:
        await client.close()


def _table(indexes: list[IndexInfo]) -> Iterable[str]:
    if not indexes:
        yield "no entities, no indexes"
        return
    yield f"{'name':26} {'queries':>8} {'look-ups':>9} {'MiB':>7}  {'last asked for':16}  about"
    for index in sorted(indexes, key=lambda index: (index.is_learned, index.name)):
        queries = "given" if index.uses is None else str(index.uses)
        last = (index.last_use or "")[:16]
        size = f"{index.size / _MEBIBYTE:.1f}"
        yield (
            f"{index.name:26} {queries:>8} {index.lookups:>9} {size:>7}  {last:16}  {index.subject}"
        )
