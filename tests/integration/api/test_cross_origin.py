"""Scripts of web pages: which may use the API, and what a browser is told of it."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager

import pytest

from tests.api import build, drop_databases, serving

MAP = "https://map.example"
ORIGIN, METHODS, SHOWN, TAKEN = (
    f"Access-Control-{name}"
    for name in ("Allow-Origin", "Allow-Methods", "Expose-Headers", "Allow-Headers")
)
ENTITY = {"id": "urn:ngsi-ld:Bench:1", "type": "Bench"}


@asynccontextmanager
async def open_to(mongodb_uri, *origins):
    """Serve an API to pages of some origins."""
    prefix = f"test_{secrets.token_hex(4)}"
    given = {"MUTSURA_SERVER_CORS_ORIGINS": ",".join(origins)}
    async with serving(await asyncio.to_thread(build, mongodb_uri, prefix, given)) as api:
        yield api
    await asyncio.to_thread(drop_databases, mongodb_uri, prefix)


async def preflight(api, path, method, origin=MAP):
    asks = {"Origin": origin, "Access-Control-Request-Method": method}
    return await api.request("OPTIONS", path, None, asks)


async def test_a_page_of_an_origin_that_is_named_may_ask_and_read(mongodb_uri):
    async with open_to(mongodb_uri, MAP, "http://localhost:3000") as api:
        asked = await preflight(api, "/entities", "POST")
        assert asked.status == 204
        assert asked.headers[ORIGIN] == MAP
        assert {"GET", "POST"} <= set(asked.headers[METHODS].split(", "))
        assert {"Content-Type", "Link", "NGSILD-Tenant"} <= set(asked.headers[TAKEN].split(", "))
        made = await api.post("/entities", ENTITY, Origin=MAP)
        assert (made.status, made.headers[ORIGIN]) == (201, MAP)
        assert {"Location", "NGSILD-Results-Count"} <= set(made.headers[SHOWN].split(", "))
        assert made.headers["Vary"] == "Origin"


async def test_a_page_may_read_what_was_wrong(mongodb_uri):
    async with open_to(mongodb_uri, MAP) as api:
        answer = await api.get("/entities/urn:ngsi-ld:Bench:none", Origin=MAP)
    assert (answer.status, answer.headers[ORIGIN]) == (404, MAP)


@pytest.mark.parametrize("origin", ["https://map.example.org", "http://map.example", "null"])
async def test_a_page_from_elsewhere_is_told_nothing(mongodb_uri, origin):
    async with open_to(mongodb_uri, MAP) as api:
        asked = await preflight(api, "/entities", "POST", origin)
        answer = await api.get("/types", Origin=origin)
    for told in (asked, answer):
        assert ORIGIN not in told.headers
        assert METHODS not in told.headers
        assert told.headers["Vary"] == "Origin"


async def test_all_pages_may_be_let_in(mongodb_uri):
    async with open_to(mongodb_uri, "*") as api:
        answer = await api.get("/types", Origin="https://anybody.example")
        assert answer.headers[ORIGIN] == "*"
        assert "Vary" not in answer.headers
        assert ORIGIN not in (await api.get("/types")).headers


async def test_nobody_is_let_in_unless_an_operator_says_so(mongodb_uri):
    async with open_to(mongodb_uri) as api:
        asked = await preflight(api, "/entities", "POST")
        answer = await api.get("/types", Origin=MAP)
    for told in (asked, answer):
        assert not [name for name in told.headers if name.startswith("Access-Control")]
        assert "Vary" not in told.headers
