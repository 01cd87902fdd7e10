"""Which answers are kept for a request that comes again: none that tells of a passing trouble."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from broker.api.repeats import is_final


def answer(*statuses: int) -> web.Response:
    errors = [{"entityId": "urn:x:1", "error": {"status": status}} for status in statuses]
    return web.Response(status=207, body=json.dumps({"success": [], "errors": errors}).encode())


@pytest.mark.parametrize(
    ("statuses", "expected"), [((404, 409), True), ((404, 503), False), ((500,), False), ((), True)]
)
def test_a_batch_of_which_a_part_may_still_succeed_is_not_final(
    statuses: tuple[int, ...], expected: bool
) -> None:
    assert is_final(answer(*statuses)) is expected


def test_what_is_too_large_to_keep_is_not_final() -> None:
    assert is_final(web.Response(status=201, body=b"x"))
    assert not is_final(web.Response(status=201, body=b"x" * (8 * 1024 * 1024 + 1)))
