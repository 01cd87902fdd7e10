"""Requests are counted by the pattern of their path."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient
from prometheus_client import REGISTRY

from broker.api.dispatch import Dispatcher, PathParts


async def _answer(_request: web.BaseRequest, parts: PathParts) -> web.Response:
    return web.Response(status=int(parts["code"]))


def _count(method: str, route: str, status: int) -> float:
    labels = {"method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("mutsura_http_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "counted_as"),
    [
        ("GET", "/things/404", ("GET", "/things/{code}", 404)),
        ("HEAD", "/things/404", ("HEAD", "/things/{code}", 404)),
        ("POST", "/things/404", ("POST", "(none)", 405)),
        ("GET", "/elsewhere", ("GET", "(none)", 404)),
        ("PROPFIND", "/things/404", ("(other)", "(none)", 405)),
    ],
)
async def test_an_answer_is_counted_under_its_path(
    method: str, path: str, counted_as: tuple[str, str, int]
) -> None:
    dispatcher = Dispatcher()
    dispatcher.add("GET", "/things/{code}", _answer)
    before = _count(*counted_as)
    async with TestClient(RawTestServer(dispatcher.answer)) as client:
        assert (await client.request(method, path)).status == counted_as[2]
    assert _count(*counted_as) == before + 1
