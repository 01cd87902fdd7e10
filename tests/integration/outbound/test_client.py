"""The client against a real HTTP server on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from broker.outbound.addresses import ALLOW_PRIVATE_SETTING, AddressPolicy
from broker.outbound.client import OutboundClient, OutboundOptions
from broker.outbound.errors import (
    AddressRefused,
    CircuitOpen,
    InvalidTarget,
    ResponseTooLarge,
    TargetTimedOut,
    TargetUnreachable,
)

LOCAL = AddressPolicy(allow_private=True)
LIBERAL = OutboundOptions(LOCAL)


async def echo(request):
    body = await request.read()
    return web.json_response(
        {"method": request.method, "body": body.decode(), "headers": dict(request.headers)}
    )


async def redirect(request):
    return web.Response(status=302, headers={"Location": request.query["to"]})


async def large(_request):
    return web.Response(body=b"x" * 200_000)


async def slow(_request):
    await asyncio.sleep(5)
    return web.Response()


async def drip(request):
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.02)
    return response


async def teapot(_request):
    return web.Response(status=418, text="no coffee", headers={"ETag": '"1"'})


@pytest.fixture
async def server():
    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    for handler in (redirect, large, slow, drip, teapot):
        app.router.add_get(f"/{handler.__name__}", handler)
    async with TestServer(app, host="127.0.0.1") as running:
        yield running


@pytest.fixture
async def client():
    settings = OutboundOptions(LOCAL, max_response_bytes=100_000, max_redirects=3)
    async with OutboundClient(settings) as open_client:
        yield open_client


async def test_it_sends_method_headers_and_body(server, client):
    response = await client.request(
        "POST", str(server.make_url("/echo")), headers={"X-A": "1"}, body=b'{"a": 1}'
    )
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    assert b'"method": "POST"' in response.body
    assert b'"X-A": "1"' in response.body


async def test_an_error_status_is_an_answer(server, client):
    response = await client.request("GET", str(server.make_url("/teapot")))
    assert (response.status, response.body, response.headers["etag"]) == (418, b"no coffee", '"1"')


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::1]"])
async def test_loopback_is_refused_by_default_however_it_is_written(server, host):
    async with OutboundClient() as guarded:
        with pytest.raises(AddressRefused, match=ALLOW_PRIVATE_SETTING):
            await guarded.request("GET", f"http://{host}:{server.port}/echo")


async def test_a_redirect_is_followed_and_its_target_checked(server):
    target = str(server.make_url("/teapot"))
    policy = AddressPolicy(allow=("127.0.0.1",))
    async with OutboundClient(OutboundOptions(policy)) as guarded:
        followed = await guarded.request("GET", str(server.make_url("/redirect?to=/teapot")))
        assert (followed.status, followed.url) == (418, target)
        with pytest.raises(AddressRefused, match="metadata"):
            await guarded.request(
                "GET", str(server.make_url("/redirect?to=http://169.254.169.254/latest"))
            )


async def test_credentials_do_not_follow_to_another_host(server, client):
    to = f"http://localhost:{server.port}/echo"
    response = await client.request(
        "GET",
        str(server.make_url(f"/redirect?to={to}")),
        headers={"Authorization": "secret", "X-A": "kept"},
    )
    assert b"secret" not in response.body
    assert b"kept" in response.body


async def test_endless_redirects_end(server, client):
    loop = str(server.make_url("/redirect"))
    with pytest.raises(TargetUnreachable, match="redirects more than 3 times"):
        await client.request(
            "GET",
            f"{loop}?to=/redirect%3Fto%3D/redirect%253Fto%253D/redirect"
            "%25253Fto%25253D/redirect%2525253Fto%2525253D/echo",
        )


async def test_a_redirect_to_nowhere(server, client):
    with pytest.raises(InvalidTarget, match="redirects to"):
        await client.request("GET", str(server.make_url("/redirect?to=http://e.org:0x1/")))


async def test_it_has_to_be_entered_before_it_is_used(server):
    outside = OutboundClient(OutboundOptions(LOCAL))
    with pytest.raises(RuntimeError, match="outside of its context"):
        await outside.request("GET", str(server.make_url("/echo")))


async def test_a_post_is_not_redirected(server, client):
    response = await client.request("POST", str(server.make_url("/redirect?to=/echo")))
    assert response.status == 405


async def test_a_large_answer_is_cut_off(server, client):
    with pytest.raises(ResponseTooLarge, match="100000 bytes"):
        await client.request("GET", str(server.make_url("/large")))


@pytest.mark.parametrize("path", ["/slow", "/drip"])
async def test_a_slow_answer_times_out(server, client, path):
    with pytest.raises(TargetTimedOut, match=path):
        await client.request("GET", str(server.make_url(path)), timeout=0.1)


async def test_a_host_that_hangs_is_left_alone(server, client):
    url = str(server.make_url("/slow"))
    for _ in range(5):
        with pytest.raises(TargetTimedOut):
            await client.request("GET", url, timeout=0.02)
    with pytest.raises(CircuitOpen):
        await client.request("GET", url, timeout=0.02)


async def test_a_refused_connection_is_reported_at_once_each_time(client):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        for _ in range(7):
            with pytest.raises(TargetUnreachable, match="cannot be reached"):
                await client.request("GET", url)


@pytest.mark.parametrize(
    "url", ["", "/x", "ftp://e.org/", "http://", "http://e.org:0x1/", "http://2130706433/"]
)
async def test_what_is_not_an_http_url_is_refused(client, url):
    with pytest.raises(InvalidTarget):
        await client.request("GET", url)


async def test_the_proxy_is_used_although_its_address_is_private():
    seen = []

    async def proxied(request):
        seen.append(str(request.url))
        return web.Response(text="through the proxy")

    app = web.Application()
    app.router.add_get("/{tail:.*}", proxied)
    async with TestServer(app, host="127.0.0.1") as proxy:
        settings = OutboundOptions(proxy=f"http://localhost:{proxy.port}")
        async with OutboundClient(settings) as guarded:
            response = await guarded.request("GET", "http://example.org/a")
            assert response.body == b"through the proxy"
            with pytest.raises(AddressRefused):
                await guarded.request("GET", "http://127.0.0.1/a")
    assert seen == ["http://example.org/a"]


@contextlib.asynccontextmanager
async def forgetful(answers_a_connection):
    """Serve a host that closes a kept connection instead of answering on it once more."""
    served = set()

    async def serve(reader, writer):
        served.add(asyncio.current_task())
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            for _ in range(answers_a_connection):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/", lambda: len(served)
        await asyncio.wait(served)  # the client has gone, so nothing is waited for


async def test_a_repeatable_request_is_sent_again_when_a_kept_connection_is_closed():
    async with (
        forgetful(1) as (url, connections),
        OutboundClient(LIBERAL) as client,
    ):
        for _ in range(3):
            assert (await client.request("POST", url, is_repeatable=True)).status == 204
        assert connections() == 3


async def test_other_requests_are_not_sent_twice():
    async with (
        forgetful(1) as (url, connections),
        OutboundClient(LIBERAL) as client,
    ):
        assert (await client.request("POST", url)).status == 204
        with pytest.raises(TargetUnreachable):
            await client.request("POST", url)
        assert connections() == 1


async def test_a_host_that_never_answers_is_not_asked_for_ever():
    async with (
        forgetful(0) as (url, connections),
        OutboundClient(LIBERAL) as client,
    ):
        with pytest.raises(TargetUnreachable):
            await client.request("POST", url, is_repeatable=True)
        assert connections() == 2
