"""The HTTP session to the broker; adapters never make one themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp


@asynccontextmanager
async def broker_session(*, connections: int = 8) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session of at most `connections` connections that keeps them alive."""
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=True,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield session
