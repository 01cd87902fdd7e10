"""The node tells its state over HTTP."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient

from broker import __version__
from broker.api.handlers import node


async def _works() -> str | None:
    return None


async def _fails() -> str | None:
    return "the database does not answer"


async def _hangs() -> str | None:
    await asyncio.sleep(60)
    return None


def _client(**probes: node.Probe) -> TestClient[web.BaseRequest, None]:
    answers = {
        "/health": node.health,
        "/ready": node.readiness(probes),
        "/metrics": node.metrics,
        "/version": node.version,
    }

    async def answer(request: web.BaseRequest) -> web.Response:
        return await answers[request.path](request)

    return TestClient(RawTestServer(answer))


async def test_it_lives_whatever_fails() -> None:
    async with _client(database=_fails) as client:
        assert (await client.get("/health")).status == 200


async def test_it_is_ready_when_every_part_works() -> None:
    async with _client(database=_works) as client:
        answer = await client.get("/ready")
        assert answer.status == 200
        assert await answer.json() == {"status": "ready", "checks": {"database": "ok"}}


async def test_what_is_missing_is_said() -> None:
    async with _client(database=_fails, contexts=_works) as client:
        answer = await client.get("/ready")
        assert answer.status == 503
        checks = (await answer.json())["checks"]
        assert checks == {"database": "the database does not answer", "contexts": "ok"}


async def test_a_part_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_PROBE_SECONDS", 0.01)
    async with _client(database=_hangs) as client:
        assert (await client.get("/ready")).status == 503


async def test_the_version_names_the_standard() -> None:
    async with _client() as client:
        answer = await (await client.get("/version")).json()
    assert answer["version"] == __version__
    assert answer["specification"] == "ETSI GS CIM 009 V1.9.1"


async def test_metrics_are_in_the_prometheus_format() -> None:
    async with _client() as client:
        answer = await client.get("/metrics")
        text = await answer.text()
    assert answer.content_type == "text/plain"
    assert "# TYPE mutsura_commit_group_writes histogram" in text
