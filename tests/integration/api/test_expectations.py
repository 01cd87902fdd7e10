"""Clients that wait to be asked for the body (RFC 9110, 10.1.1)."""

from __future__ import annotations

import asyncio

import pytest

from tests.api import Api

_BODY = b'{"id": "urn:ngsi-ld:Car:1", "type": "Car"}'


def _head(expect: str, version: str = "1.1") -> bytes:
    return (
        f"POST /ngsi-ld/v1/entities HTTP/{version}\r\nHost: here\r\nExpect: {expect}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n"
    ).encode()


@pytest.fixture
async def connection(api: Api):
    host, port = api.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield reader, writer
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_waits_is_told_to_send_the_body(connection) -> None:
    reader, writer = connection
    writer.write(_head("100-continue"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(_BODY)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 Created\r\n")


async def test_another_expectation_fails(connection) -> None:
    reader, writer = connection
    writer.write(_head("a miracle") + _BODY)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 417 ")


async def test_http_1_0_knows_no_expectations(connection) -> None:
    reader, writer = connection
    writer.write(_head("100-continue", "1.0") + _BODY)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.0 201 Created\r\n")
