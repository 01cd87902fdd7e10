"""The API as a client sees it: real sockets, a real MongoDB, an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from broker.api.serving import HttpApi
from tests.api import Api, build, serving


@pytest.fixture
def application(mongodb_uri: str, database_prefix: str) -> HttpApi:
    """Build the application outside the event loop: it reads files."""
    return build(mongodb_uri, database_prefix)


@pytest.fixture
async def api(application: HttpApi) -> AsyncIterator[Api]:
    """Serve the application and return a client of it."""
    async with serving(application) as client:
        yield client
