"""The connection to MongoDB and the names of the databases in it."""

from __future__ import annotations

import re
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from broker.model.errors import BadRequestData
from broker.model.spaces import MARK
from broker.storage.mongo.errors import translated

Document = dict[str, Any]

_TENANT = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_ESCAPES = {":": "^1", ".": "^2"}
_ESCAPED = {"1": ":", "2": "."}
_KEY = re.compile(r"[0-9a-f]{12}")
_LONGEST_NAME = 63
DURABLE = WriteConcern(w="majority", j=True)


def connect(
    uri: str, *, pool_size: int = 32, timeout_ms: int = 10_000
) -> AsyncMongoClient[Document]:
    """Return a client for a replica set or sharded cluster; it connects on first use."""
    return AsyncMongoClient(
        uri,
        maxPoolSize=pool_size,
        serverSelectionTimeoutMS=timeout_ms,
        appname="mutsura",
        retryWrites=True,
        tz_aware=True,
    )


class Databases:
    """Finds the database of a tenant (one each, so that a town's data stands by itself)."""

    def __init__(self, client: AsyncMongoClient[Document], *, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self._options: CodecOptions[Document] = CodecOptions(document_class=dict)
        self._known: dict[str, AsyncDatabase[Document]] = {}

    def of(self, tenant: str) -> AsyncDatabase[Document]:
        """Return the database of a tenant; "" is the default tenant.

        Raises BadRequestData for a name that is not 1 to 40 letters, digits, `-`, `_`, `.` or `:`
        (some clients name tenants by URN).
        """
        database = self._known.get(tenant)
        if database is None:
            database = self._known[tenant] = self._open(self.name_of(tenant))
        return database

    @property
    def system(self) -> AsyncDatabase[Document]:
        """The database of what belongs to the whole installation."""
        return self._open(f"{self.prefix}_system")

    def name_of(self, space: str) -> str:
        """Return the database name of a tenant, or of the space of a snapshot.

        Raises BadRequestData.
        """
        tenant, mark, key = space.partition(MARK)
        name = self._name_of_tenant(tenant)
        if mark:
            if not _KEY.fullmatch(key):
                raise BadRequestData(f"the snapshot key {key[:60]!r} is not one this broker gave")
            name += f"{'' if tenant else '-'}{MARK}{key}"
        if len(name) > _LONGEST_NAME:
            raise BadRequestData(
                f"the tenant name {tenant!r} is too long; "
                "upper-case letters, dots and colons count as two"
            )
        return name

    def _name_of_tenant(self, tenant: str) -> str:
        if not tenant:
            return self.prefix
        if not _TENANT.fullmatch(tenant):
            raise BadRequestData(
                f"the tenant name {tenant[:60]!r} is not allowed: "
                "use 1 to 40 letters, digits, '-', '_', '.' or ':'"
            )
        # MongoDB refuses dots, on Windows colons, and two names that differ in case only.
        return f"{self.prefix}-" + re.sub("[A-Z.:]", lambda found: _escape(found[0]), tenant)

    def tenant_of(self, database: str) -> str | None:
        """Return the tenant or space of a database name, None if the database is of none."""
        if database == self.prefix:
            return ""
        if not database.startswith(f"{self.prefix}-"):
            return None
        name = database[len(self.prefix) + 1 :]
        return re.sub(r"\^(.)", lambda escaped: _unescape(escaped[1]), name)

    async def tenants(self) -> list[str]:
        """Return the tenants, and spaces of snapshots, that have a database.

        Raises DatabaseUnavailable.
        """
        with translated():
            names = await self.client.list_database_names()
        tenants = (self.tenant_of(name) for name in names)
        return [tenant for tenant in tenants if tenant is not None]

    async def problem(self) -> str | None:
        """Tell what keeps the database from being used, None if nothing does."""
        try:
            await self.client.admin.command("ping")
        except PyMongoError as error:
            return f"MongoDB does not answer: {error}"[:300]
        return None

    def _open(self, name: str) -> AsyncDatabase[Document]:
        return self.client.get_database(
            name,
            codec_options=self._options,
            write_concern=DURABLE,
            read_preference=ReadPreference.PRIMARY,
        )


def _escape(character: str) -> str:
    return _ESCAPES.get(character, f"^{character.lower()}")


def _unescape(character: str) -> str:
    return _ESCAPED.get(character, character.upper())
