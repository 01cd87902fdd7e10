"""What the tests of notifications share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pymongo import AsyncMongoClient

from broker.storage.mongo.connection import Document, connect
from tests.integration.subscriptions.city import City, city


@pytest.fixture
def client(mongodb_uri: str) -> AsyncMongoClient[Document]:
    """A client as the composition root makes it, outside of an event loop."""
    return connect(mongodb_uri)


@pytest.fixture
async def town(client: AsyncMongoClient[Document], database_prefix: str) -> AsyncIterator[City]:
    """An installation with nothing in it."""
    await client.admin.command("ping")
    async with city(client, database_prefix) as made:
        yield made
