"""The guarded client against real servers on the loopback address."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from adapters.runtime.errors import Misconfigured, RetryLater, SkipRecord
from adapters.runtime.http_client import HttpLimits, http_client

SMALL = HttpLimits(timeout=5, body_bytes=1000)


@pytest.fixture
async def partner():
    app = web.Application()
    seen = []

    async def answer(request):
        seen.append((request.path, dict(request.headers)))
        match request.path:
            case "/loop":
                raise web.HTTPFound("/loop")
            case "/moved":
                raise web.HTTPFound("/data")
            case "/inside":
                raise web.HTTPFound("http://169.254.169.254/latest/meta-data")
            case "/file":
                raise web.HTTPFound("file:///etc/passwd")
            case "/large":
                return web.Response(body=b"x" * 2000)
            case "/bomb":
                return web.Response(
                    body=gzip.compress(b"0" * 1_000_000), headers={"Content-Encoding": "gzip"}
                )
            case "/slow":
                await asyncio.sleep(30)
        return web.json_response({"ok": True}, headers={"ETag": '"1"', "Retry-After": "7"})

    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    await runner.cleanup()


async def test_fetches_with_headers(partner):
    url, seen = partner
    async with http_client(allow_private=True) as client:
        answer = await client.fetch(f"{url}/data", headers={"X-Key": "k"})
    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    assert answer.headers["etag"] == '"1"'
    assert answer.retry_after == 7
    assert seen[0][1]["X-Key"] == "k"
    assert "Mutsura" in seen[0][1]["User-Agent"]


async def test_follows_redirects_within_bounds(partner):
    url, _ = partner
    async with http_client(allow_private=True) as client:
        assert (await client.fetch(f"{url}/moved")).url == f"{url}/data"
        with pytest.raises(RetryLater, match="redirects more than"):
            await client.fetch(f"{url}/loop")


@pytest.mark.parametrize(
    ("path", "reason"), [("/inside", "metadata"), ("/file", "must be an http or https URL")]
)
async def test_redirects_to_forbidden_places_are_refused(partner, path, reason):
    url, _ = partner
    async with http_client(allow_private=True) as client:
        with pytest.raises(Misconfigured, match=reason):
            await client.fetch(url + path)


async def test_keys_do_not_follow_to_another_host(partner):
    url, seen = partner
    elsewhere = url.replace("127.0.0.1", "localhost")

    async def away(_request):
        raise web.HTTPFound(f"{url}/data")

    app = web.Application()
    app.router.add_get("/away", away)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        start = f"http://localhost:{runner.addresses[0][1]}/away"
        async with http_client(allow_private=True) as client:
            assert (await client.fetch(start, headers={"X-Key": "k"})).status == 200
    finally:
        await runner.cleanup()
    assert "X-Key" not in seen[-1][1]
    assert elsewhere != url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433"])
async def test_private_addresses_only_when_allowed(partner, host):
    url, seen = partner
    async with http_client(allow_private=False) as client:
        with pytest.raises((Misconfigured, RetryLater)):
            await client.fetch(url.replace("127.0.0.1", host))
    assert seen == []


@pytest.mark.parametrize("path", ["/large", "/bomb"])
async def test_large_answers_are_given_up(partner, path):
    url, _ = partner
    async with http_client(allow_private=True, limits=SMALL) as client:
        with pytest.raises(SkipRecord, match="larger than 1000"):
            await client.fetch(url + path)


async def test_slow_answers_are_given_up(partner):
    url, _ = partner
    async with http_client(allow_private=True, limits=HttpLimits(timeout=0.1)) as client:
        with pytest.raises(RetryLater, match=r"more than 0\.1 s"):
            await client.fetch(f"{url}/slow")


async def test_a_partner_that_is_away_is_for_later(unused_tcp_port):
    async with http_client(allow_private=True) as client:
        with pytest.raises(RetryLater, match="does not answer"):
            await client.fetch(f"http://127.0.0.1:{unused_tcp_port}/")


@pytest.mark.parametrize("url", ["ftp://example.org/x", "nonsense", "http://", "http://[::1"])
async def test_what_is_no_url_is_the_operators_to_mend(url):
    async with http_client(allow_private=True) as client:
        with pytest.raises(Misconfigured):
            await client.fetch(url)
