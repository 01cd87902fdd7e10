"""A web server of @contexts, a store in a real MongoDB, and resolvers as processes have them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from broker.config.settings import ContextSettings
from broker.contexts.assembly import assemble_contexts
from broker.outbound.addresses import AddressPolicy
from broker.outbound.client import OutboundClient, OutboundOptions
from broker.storage.mongo.connection import Databases, connect
from broker.storage.mongo.contexts import MongoContextStore


class Clock:
    def __init__(self):
        self.now = "2026-11-22T04:00:00.000000Z"

    def __call__(self):
        return self.now


@dataclass
class ContextSite:
    """Serves what tests put into `pages`: path → (body, headers, status)."""

    pages: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    delay: float = 0.0
    server: TestServer | None = None

    def put(self, path, body, *, status=200, **headers):
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "application/ld+json")
        self.pages[path] = (raw, named, status)
        return self.url(path)

    def url(self, path):
        return f"http://127.0.0.1:{self.server.port}{path}"

    async def answer(self, request):
        self.requests.append((request.path, dict(request.headers)))
        await asyncio.sleep(self.delay)
        if request.path not in self.pages:
            return web.Response(status=404)
        raw, headers, status = self.pages[request.path]
        if "ETag" in headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers={"ETag": headers["ETag"]})
        return web.Response(body=raw, headers=headers, status=status)

    @property
    def paths(self):
        return [path for path, _ in self.requests]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def site():
    made = ContextSite()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as made.server:
        yield made


@pytest.fixture
def client(mongodb_uri):
    return connect(mongodb_uri)


@pytest.fixture
def databases(client, database_prefix):
    return Databases(client, prefix=database_prefix)


@pytest.fixture
async def store(client, databases, clock):
    await client.admin.command("ping")
    made = MongoContextStore(databases, clock=clock)
    await made.prepare()
    yield made
    await client.close()


@pytest.fixture
async def outbound():
    async with OutboundClient(OutboundOptions(AddressPolicy(allow_private=True))) as client:
        yield client


@pytest.fixture
async def client_away():
    """Return a client of a database that does not answer."""
    client = await asyncio.to_thread(connect, "mongodb://127.0.0.1:9", timeout_ms=100)
    yield client
    await client.close()


@pytest.fixture
async def start(store, databases, outbound, clock):
    """Return a function that starts a resolver as a further process would."""
    async with AsyncExitStack() as stack:

        async def started(settings=None, **options):
            settings = settings or ContextSettings()
            resolver = await asyncio.to_thread(
                assemble_contexts,
                MongoContextStore(databases, clock=clock),
                outbound,
                settings,
                clock=clock,
                **options,
            )
            return await stack.enter_async_context(resolver)

        yield started


@pytest.fixture
async def resolver(start):
    return await start()
