"""Requests are counted by the pattern of their route."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import REGISTRY

from broker.api.measuring import measure_requests


async def _answer(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["code"]))


def _count(method: str, route: str, status: int) -> float:
    labels = {"method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("mutsura_http_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "counted_as"), [("GET", "GET"), ("POST", "POST"), ("PROPFIND", "(other)")]
)
async def test_an_answer_is_counted_under_its_route(method: str, counted_as: str) -> None:
    app = web.Application(middlewares=[measure_requests])
    app.router.add_route("*", "/things/{code}", _answer)
    before = _count(counted_as, "/things/{code}", 404)
    async with TestClient(TestServer(app)) as client:
        assert (await client.request(method, "/things/404")).status == 404
    assert _count(counted_as, "/things/{code}", 404) == before + 1
