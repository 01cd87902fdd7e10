"""An entity store on the tests' MongoDB."""

from __future__ import annotations

import pytest

from broker.model.clock import system_clock
from broker.storage.mongo.commit_group import GroupLimits
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.entities import MongoEntityStore
from broker.storage.mongo.registrations import MongoRegistrationStore
from broker.storage.mongo.tenants import Tenants


@pytest.fixture
def client(mongodb_uri):
    return connect(mongodb_uri)


@pytest.fixture
async def databases(client, database_prefix):
    await client.admin.command("ping")
    yield Databases(client, prefix=database_prefix)
    await client.close()


@pytest.fixture
async def make_store(databases):
    def make(*, clock=system_clock, **limits):
        return MongoEntityStore(
            databases=databases,
            tenants=Tenants(databases),
            clock=clock,
            limits=GroupLimits(**limits),
        )

    return make


@pytest.fixture
async def store(make_store):
    return make_store()


@pytest.fixture
async def registrations(databases):
    return MongoRegistrationStore(
        databases=databases, tenants=Tenants(databases), clock=system_clock
    )
