"""A server that keeps what is posted to it, for tests of notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from tests.patience import PATIENCE


@dataclass
class Received:
    """One request: its headers and its body."""

    headers: CIMultiDict[str]
    body: Any


@dataclass
class Receiver:
    """What has been posted; the first `refusals` requests are answered with 503."""

    url: str = ""
    refusals: int = 0
    waiting: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)

    async def next(self) -> Received:
        """Return the next request, waiting for it."""
        async with asyncio.timeout(PATIENCE):
            return await self.waiting.get()

    async def answer(self, request: web.Request) -> web.Response:
        """Keep a request."""
        if self.refusals > 0:
            self.refusals -= 1
            return web.Response(status=503)
        await self.waiting.put(Received(CIMultiDict(request.headers), await request.json()))
        return web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Listen on a free port of 127.0.0.1."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/{path:.*}", receiver.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/notices"
    yield receiver
    await runner.cleanup()
