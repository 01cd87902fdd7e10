"""A broker's API on real sockets, and a client of it, for tests."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDictProxy
from pymongo import MongoClient
from yarl import URL

from broker.api.serving import HttpApi
from broker.app import build_api
from broker.config import load_settings
from broker.model.clock import Clock, format_time, system_clock

LARGE = 1_000_000


def build(mongodb_uri: str, prefix: str, given: Mapping[str, str] | None = None) -> HttpApi:
    """Return the API, with more settings if some are given.

    It reads files, so it is not to be called in an event loop.
    """
    return build_api(
        load_settings(
            {
                "MUTSURA_MONGODB_URI": mongodb_uri,
                "MUTSURA_MONGODB_DATABASE_PREFIX": prefix,
                "MUTSURA_OUTBOUND_ALLOW_PRIVATE": "true",
                **(given or {}),
            }
        )
    )


class SettableClock:
    """A clock that a test may set forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> str:
        return self.after(seconds=0)

    def after(self, *, seconds: float) -> str:
        """Return the time some seconds from now."""
        now = datetime.fromisoformat(system_clock())
        return format_time(now + self._ahead + timedelta(seconds=seconds))

    def advance(self, *, seconds: float) -> None:
        """Let some seconds pass at once."""
        self._ahead += timedelta(seconds=seconds)


def build_with(clock: Clock, mongodb_uri: str, prefix: str) -> HttpApi:
    """Return an API that goes by a clock of the test's."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("broker.app.api", "broker.app.databases"):
            patched.setattr(f"{module}.system_clock", clock)
        return build(mongodb_uri, prefix)


@asynccontextmanager
async def serving(application: HttpApi) -> AsyncIterator[Api]:
    """Serve the application while the context lasts."""
    async with application.serving(access_log=None) as runner:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as session:
            yield Api(session, f"http://{host}:{port}")


def drop_databases(mongodb_uri: str, prefix: str) -> None:
    """Drop every database of an installation."""
    with MongoClient(mongodb_uri) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


@dataclass(frozen=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Api:
    """A client of one broker."""

    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self._session = session
        self.root = root

    async def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request; a body that is not bytes goes as JSON. Paths are sent as written."""
        given = {"Content-Type": "application/json"} | dict(headers or {})
        if body is None and method in {"GET", "DELETE"}:
            given.pop("Content-Type")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None and len(data) > LARGE:
            data = io.BytesIO(data)
        url = URL(f"{self.root}/ngsi-ld/v1{path}", encoded=True)
        async with self._session.request(method, url, data=data, headers=given) as response:
            return Answer(response.status, response.headers, await response.text())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return await self.request("GET", path, headers=headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST."""
        return await self.request("POST", path, body, headers)

    async def patch(self, path: str, body: Any, **headers: str) -> Answer:
        """PATCH."""
        return await self.request("PATCH", path, body, headers)

    async def put(self, path: str, body: Any, **headers: str) -> Answer:
        """PUT."""
        return await self.request("PUT", path, body, headers)

    async def delete(self, path: str, **headers: str) -> Answer:
        """DELETE."""
        return await self.request("DELETE", path, headers=headers)
