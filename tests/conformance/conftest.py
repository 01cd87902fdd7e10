"""One broker for a file of conformance tests; each test has a type of entities to itself."""

from __future__ import annotations

import asyncio
import itertools
import secrets

import pytest
import pytest_asyncio

from tests.api import build, drop_databases, serving

_NUMBERS = itertools.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(mongodb_uri):
    """A client of a broker that the tests of one module share."""
    prefix = f"test_{secrets.token_hex(4)}"
    application = await asyncio.to_thread(build, mongodb_uri, prefix)
    async with serving(application) as client:
        yield client
    await asyncio.to_thread(drop_databases, mongodb_uri, prefix)


@pytest.fixture
def kind():
    """An entity type that no other test uses."""
    return f"Kind{next(_NUMBERS)}"
