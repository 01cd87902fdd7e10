"""@contexts over HTTP: negotiation with entities, and the resources of clauses 6.29 and 6.30."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient, TestServer

from broker.app import build_api
from broker.config import Settings
from broker.contexts.core import CORE_CONTEXT_URL

ROOT = "/ngsi-ld/v1"
CONTEXTS = f"{ROOT}/jsonldContexts"
ENTITIES = f"{ROOT}/entities"
A = {"@context": {"speed": "https://example.org/speed", "Car": "https://example.org/Car"}}
CAR = {"id": "urn:ngsi-ld:Car:1", "type": "Car", "speed": {"type": "Property", "value": 5}}
JSON_LD = {"Content-Type": "application/ld+json"}
IN_TOWN = {"NGSILD-Tenant": "town"}


@pytest.fixture
def application(mongodb_uri, database_prefix):
    settings = Settings()
    return build_api(
        replace(
            settings,
            mongodb=replace(settings.mongodb, uri=mongodb_uri, database_prefix=database_prefix),
            outbound=replace(settings.outbound, allow_private=True),
        )
    )


@pytest.fixture
async def api(application):
    async with application.opened(), TestClient(RawTestServer(application.answer)) as client:
        yield client


@pytest.fixture
async def site():
    """Return the URL of an @context on another server, which counts its requests."""
    requests = []

    async def serve(request):
        requests.append(request.path)
        return web.Response(body=orjson.dumps(A), content_type="application/ld+json")

    app = web.Application()
    app.router.add_get("/context.jsonld", serve)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/context.jsonld")), requests, server


def link(url):
    return {"Link": f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"'}


async def add(api, document=A, **headers):
    answer = await api.post(CONTEXTS, json=document, headers=headers)
    assert answer.status == 201, await answer.text()
    return answer.headers["Location"]


async def problem(answer, status, kind):
    assert answer.status == status, await answer.text()
    body = await answer.json()
    assert body["type"] == f"https://uri.etsi.org/ngsi-ld/errors/{kind}"
    return body["detail"]


async def test_a_hosted_context_is_used_by_its_location_and_its_url(api):
    location = await add(api)
    url = str(api.make_url(location))
    created = await api.post(ENTITIES, json={**CAR, "@context": location}, headers=JSON_LD)
    assert created.status == 201
    answer = await api.get(f"{ENTITIES}/{CAR['id']}", headers=link(url))
    assert (await answer.json())["speed"]["value"] == 5
    assert answer.headers["Link"].startswith(f"<{url}>")
    plain = await api.get(f"{ENTITIES}/{CAR['id']}")
    assert "https://example.org/speed" in await plain.json()
    assert CORE_CONTEXT_URL in plain.headers["Link"]


async def test_the_context_of_a_json_ld_answer_is_in_the_body(api, site):
    url, requests, _ = site
    await api.post(ENTITIES, json=CAR, headers=link(url))
    accept = {"Accept": "application/ld+json", **link(url)}
    answer = await api.get(f"{ENTITIES}/{CAR['id']}", headers=accept)
    body = await answer.json()
    assert body["@context"] == [url, CORE_CONTEXT_URL]
    assert body["type"] == "Car"
    assert "Link" not in answer.headers
    assert requests == ["/context.jsonld"]


async def test_an_inline_context_gets_a_url_for_the_link(api):
    query = {"type": "Query", "entities": [{"type": "Car"}], **A}
    await api.post(ENTITIES, json={**CAR, **A}, headers=JSON_LD)
    answer = await api.post(f"{ROOT}/entityOperations/query", json=query, headers=JSON_LD)
    assert [entity["id"] for entity in await answer.json()] == [CAR["id"]]
    [entry] = await (await api.get(f"{CONTEXTS}?details=true&kind=ImplicitlyCreated")).json()
    assert answer.headers["Link"].startswith(f"<{entry['URL']}>")
    assert await (await api.get(entry["URL"].removeprefix(str(api.make_url("/"))[:-1]))).json() == A


async def test_hosted_ones_are_listed_served_described_and_deleted(api):
    location = await add(api, {**A, "other": "dropped"})
    url = str(api.make_url(location))
    assert await (await api.get(CONTEXTS)).json() == [url]
    assert await (await api.get(f"{CONTEXTS}/?kind=Hosted&details=false")).json() == [url]
    assert await (await api.get(f"{CONTEXTS}?kind=Cached")).json() == []
    served = await api.get(location)
    assert (await served.json(), served.content_type) == (A, "application/json")
    served = await api.get(location, headers={"Accept": "application/ld+json"})
    assert served.content_type == "application/ld+json"
    described = await (await api.get(f"{location}?details=true")).json()
    assert described["URL"] == url
    assert described["localId"] == location.rsplit("/", 1)[1]
    assert (described["kind"], described["numberOfHits"]) == ("Hosted", 2)
    assert described.keys() == {"URL", "localId", "kind", "createdAt", "numberOfHits", "lastUsage"}
    assert (await api.delete(location)).status == 204
    await problem(await api.get(location), 404, "ResourceNotFound")
    await problem(await api.delete(location), 404, "ResourceNotFound")


async def test_cached_ones_are_described_reloaded_and_deleted(api, site):
    url, requests, server = site
    await api.get(ENTITIES, params={"type": "Car"}, headers=link(url))
    resource = f"{CONTEXTS}/{quote(url, safe='')}"
    [described] = await (await api.get(f"{CONTEXTS}?details=true")).json()
    assert (described["URL"], described["kind"]) == (url, "Cached")
    assert described["expiresAt"] > described["createdAt"]
    await problem(await api.get(resource), 422, "OperationNotSupported")
    assert (await api.delete(f"{resource}?reload=true")).status == 204
    assert len(requests) == 2
    await server.close()
    detail = await problem(
        await api.delete(f"{resource}?reload=true"), 504, "LdContextNotAvailable"
    )
    assert url in detail
    assert (await api.get(f"{resource}?details=true")).status == 200
    assert (await api.delete(resource)).status == 204
    await problem(await api.get(f"{resource}?details=true"), 404, "ResourceNotFound")


async def test_tenants_are_apart(api):
    location = await add(api, **IN_TOWN)
    assert (await api.get(location, headers=IN_TOWN)).status == 200
    for others in ({}, {"NGSILD-Tenant": "city"}):
        assert (await api.get(location, headers=others)).status == 404
        assert (await api.delete(location, headers=others)).status == 404
        assert await (await api.get(CONTEXTS, headers=others)).json() == []
        headers = {**others, **link(location)}
        answer = await api.get(ENTITIES, params={"type": "Car"}, headers=headers)
        assert answer.status == 504
    assert (await api.delete(location, headers=IN_TOWN)).status == 204


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", f"{CONTEXTS}?kind=cached", 400, "BadRequestData"),
        ("GET", f"{CONTEXTS}?details=maybe", 400, "BadRequestData"),
        ("GET", f"{CONTEXTS}?detail=true", 400, "InvalidRequest"),
        ("GET", f"{CONTEXTS}/unknown", 404, "ResourceNotFound"),
        ("GET", f"{CONTEXTS}/unknown?details=true", 404, "ResourceNotFound"),
        ("DELETE", f"{CONTEXTS}/unknown", 404, "ResourceNotFound"),
        ("DELETE", f"{CONTEXTS}/unknown?reload=false", 404, "ResourceNotFound"),
        ("DELETE", f"{CONTEXTS}/unknown?reload=true", 400, "BadRequestData"),
        ("DELETE", f"{CONTEXTS}/unknown?reload=xxx", 400, "BadRequestData"),
        ("DELETE", f"{CONTEXTS}/{quote(CORE_CONTEXT_URL, safe='')}", 400, "BadRequestData"),
        ("PUT", f"{CONTEXTS}/unknown", 405, "InvalidRequest"),
    ],
)
async def test_what_cannot_be_done_is_explained(api, method, path, status, kind):
    await problem(await api.request(method, path), status, kind)


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"),
    [
        ({"a": "urn:a:a"}, {}, 400, "InvalidRequest"),
        ({"@context": 42}, {}, 400, "BadRequestData"),
        (A, JSON_LD, 201, None),
        (A, {"Content-Type": "text/plain"}, 415, "InvalidRequest"),
    ],
)
async def test_what_can_be_added(api, body, headers, status, kind):
    headers = {"Content-Type": "application/json", **headers}
    answer = await api.post(CONTEXTS, data=orjson.dumps(body), headers=headers)
    if kind is None:
        assert answer.status == status
    else:
        await problem(answer, status, kind)
        assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"),
    [
        ({**CAR, **A}, {}, 400, "BadRequestData"),
        (CAR, JSON_LD, 400, "BadRequestData"),
        ({**CAR, **A}, {**JSON_LD, **link(CORE_CONTEXT_URL)}, 400, "BadRequestData"),
        ({**CAR, "@context": 7}, JSON_LD, 400, "BadRequestData"),
        ({**CAR, "@context": "http://127.0.0.1:9/none"}, JSON_LD, 504, "LdContextNotAvailable"),
        (
            {**CAR, "@context": {"Car": {"@id": "urn:a:Car", "@context": {}}}},
            JSON_LD,
            400,
            "BadRequestData",
        ),
    ],
)
async def test_nothing_is_stored_with_a_context_that_does_not_apply(
    api, body, headers, status, kind
):
    headers = {"Content-Type": "application/json", **headers}
    answer = await api.post(ENTITIES, data=orjson.dumps(body), headers=headers)
    await problem(answer, status, kind)
    assert (await api.get(f"{ENTITIES}/{CAR['id']}")).status == 404
