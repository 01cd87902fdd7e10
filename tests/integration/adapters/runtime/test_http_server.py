from __future__ import annotations

import orjson
import pytest

from adapters.runtime.errors import Misconfigured, RetryLater, SkipRecord, StopAdapter
from adapters.runtime.http_client import http_client
from adapters.runtime.http_server import Response, Route, serve


async def call(routes, method, path, **options):
    async with (
        serve(routes, host="127.0.0.1", port=0) as address,
        http_client(allow_private=True) as client,
    ):
        return await client.fetch(
            f"http://127.0.0.1:{address.port}{path}", method=method, **options
        )


async def test_a_handler_sees_the_request_and_its_answer_is_sent():
    async def handler(request):
        return Response(
            201,
            {
                "device": request.path_values["device"],
                "k": request.query["k"],
                "tenant": request.headers["fiware-service"],
                "body": request.json(),
            },
            headers={"Location": "/x"},
        )

    answer = await call(
        [Route("POST", "/iot/{device}", handler)],
        "POST",
        "/iot/d1?k=key",
        headers={"Fiware-Service": "yaizu"},
        body=b"[1]",
    )
    assert answer.status == 201
    assert answer.headers["location"] == "/x"
    assert answer.body == b'{"device":"d1","k":"key","tenant":"yaizu","body":[1]}'


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (SkipRecord("no apikey"), 400, b"no apikey"),
        (RetryLater("broker away", after=3), 503, b"broker away"),
        (StopAdapter("disk full"), 500, b"disk full"),
    ],
)
async def test_errors_become_answers(error, status, text):
    async def handler(_request):
        raise error

    answer = await call([Route("GET", "/", handler)], "GET", "/")
    assert answer.status == status
    assert text in answer.body
    assert answer.headers.get("retry-after") == ("3" if status == 503 else None)


async def test_a_body_that_is_no_json_is_a_bad_request():
    async def handler(request):
        return Response(json=request.json())

    answer = await call([Route("POST", "/", handler)], "POST", "/", body=b"{")
    assert answer.status == 400
    assert b"not JSON" in answer.body


async def test_an_address_in_use_is_the_operators_to_mend():
    async with serve([], host="127.0.0.1", port=0) as address:
        with pytest.raises(Misconfigured, match=f"cannot listen on 127.0.0.1:{address.port}"):
            async with serve([], host="127.0.0.1", port=address.port):
                pass


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/nope", 404, "GET /nope: Not Found"),
        ("DELETE", "/iot/groups", 405, "DELETE /iot/groups: Method Not Allowed; possible: POST"),
    ],
)
async def test_what_no_route_is_for_is_answered_in_json(method, path, status, message):
    async def handler(_request):
        return Response(201)

    answer = await call([Route("POST", "/iot/groups", handler)], method, path)
    assert answer.status == status
    assert orjson.loads(answer.body)["message"] == message
