from __future__ import annotations

import hashlib

import pytest
from aiohttp import web

from adapters.runtime.testing import TestBroker


class Partner:
    """Serves documents with ETags; `answers` overrides what a path answers."""

    def __init__(self):
        self.documents = {}
        self.answers = {}
        self.requests = []
        self.url = ""

    def requested(self, path):
        return [headers for one, headers in self.requests if one == path]

    async def answer(self, request):
        self.requests.append((request.path, dict(request.headers)))
        if request.path in self.answers:
            return self.answers[request.path]
        body = self.documents.get(request.path)
        if body is None:
            return web.Response(status=404)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=body, headers={"ETag": etag})


@pytest.fixture
async def partner():
    partner = Partner()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", partner.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    partner.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield partner
    await runner.cleanup()


@pytest.fixture
async def broker():
    async with TestBroker().running() as running:
        yield running
