"""The API begins and ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from broker.api.serving import HttpApi


async def test_requests_under_way_are_answered_before_what_they_need_is_closed() -> None:
    events: list[str] = []
    has_come, may_go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        events.append("opened")
        yield
        events.append("closed")

    async def answer(request: web.BaseRequest) -> web.Response:
        has_come.set()
        await may_go.wait()
        events.append("answered")
        return web.Response(status=204)

    async with aiohttp.ClientSession() as session:
        async with HttpApi(answer, opened).serving(access_log=None) as runner:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            asked = asyncio.ensure_future(session.get(url))
            await has_come.wait()
            asyncio.get_running_loop().call_later(0.1, may_go.set)
        assert (await asked).status == 204
    assert events == ["opened", "answered", "closed"]
