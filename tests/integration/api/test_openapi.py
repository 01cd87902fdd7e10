"""What /openapi.json promises is so: examples are accepted, answers have the shapes it says."""

from __future__ import annotations

import asyncio
import json
import secrets

import aiohttp
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from broker.api.openapi.document import openapi_document, operation_id
from broker.api.openapi.operations import CONTEXT, PARKING, REGISTRATION, SNAPSHOT, SUBSCRIPTION
from broker.api.routes import ROUTES
from tests.api import build, drop_databases, serving

DOCUMENT = openapi_document(ROUTES)


@pytest.fixture(scope="module")
def prefix():
    return f"test_{secrets.token_hex(4)}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(mongodb_uri, prefix):
    application = await asyncio.to_thread(build, mongodb_uri, prefix)
    async with serving(application) as client:
        yield client
    await asyncio.to_thread(drop_databases, mongodb_uri, prefix)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_document_is_served(api):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{api.root}/openapi.json") as response,
    ):
        assert response.status == 200
        assert response.content_type == "application/json"
        assert await response.json() == json.loads(json.dumps(DOCUMENT))


@pytest.mark.parametrize("route", ROUTES, ids=operation_id)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_example_is_accepted_and_answered_as_described(api, route):
    made = await prepare(api, operation_id(route))
    path = example_path(route, made) + example_query(route)
    for body, media_type in bodies(route):
        headers = {"Content-Type": media_type} if media_type else {}
        answer = await api.request(route.method, path, body, headers)
        assert 200 <= answer.status < 300, answer.text
        check(route, answer)


@pytest.mark.parametrize("accept", ["application/ld+json", "application/geo+json"])
@pytest.mark.parametrize(
    "path",
    [
        *("/entities", "/entities/{entityId}", "/types", "/subscriptions", "/attributes"),
        "/csourceRegistrations",
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_answers_have_the_shape_of_their_media_type(api, path, accept):
    await prepare(api, "")
    route = next(each for each in ROUTES if each.path == path and each.method == "GET")
    answer = await api.get(example_path(route, {}) + example_query(route), Accept=accept)
    offers_geojson = "/entities" in path
    assert answer.status == (200 if offers_geojson or "ld+json" in accept else 406), answer.text
    check(route, answer)


EVERY = [
    (route, parameter)
    for route in ROUTES
    for parameter in DOCUMENT["paths"][route.path][route.method.lower()]["parameters"]
    if parameter.get("in") == "query" and "example" in parameter and route.method == "GET"
]
COMPANIONS = {
    "geometryProperty": {},
    "georel": {"geometry": "Point", "coordinates": "[-8.5,41.2]"},
    "geometry": {"georel": "near;maxDistance==2000", "coordinates": "[-8.5,41.2]"},
    "coordinates": {"georel": "near;maxDistance==2000", "geometry": "Point"},
    "joinLevel": {"join": "inline"},
}


@pytest.mark.parametrize(
    ("route", "parameter"), EVERY, ids=lambda one: getattr(one, "path", None) or one["name"]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_example_of_a_parameter_is_accepted(api, route, parameter):
    name = parameter["name"]
    made = await prepare(api, "")
    asked = {"type": "OffStreetParking"} if "type" in route.parameters else {}
    asked |= {**COMPANIONS.get(name, {}), name: text(parameter["example"])}
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    is_geojson = name == "geometryProperty" and "csourceRegistrations" not in route.path
    geojson = {"Accept": "application/geo+json"} if is_geojson else {}
    answer = await api.get(f"{example_path(route, made)}?{query}", **geojson)
    assert answer.status in {200, 201}, answer.text
    check(route, answer)


@pytest.mark.parametrize("route", ROUTES, ids=operation_id)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_mistake_is_answered_as_described(api, route):
    path = example_path(route, {"contextId": "none", "entityMapId": "urn:x:1"})
    answer = await api.request(
        route.method, f"{path}?fly=true", {} if bodies(route)[0][0] else None
    )
    assert answer.status == 400
    check(route, answer)


async def prepare(api, operation):
    """Bring about what the examples speak of; return the ids of what the broker names itself."""
    if operation == "createEntity":
        await api.delete(f"/entities/{PARKING['id']}")
    else:
        await api.post("/entityOperations/upsert", [PARKING])
    await api.delete("/entities/urn:ngsi-ld:OffStreetParking:Downtown2")
    for creation, path, document in (
        ("createSubscription", "/subscriptions", SUBSCRIPTION),
        ("createRegistrationSubscription", "/csourceSubscriptions", SUBSCRIPTION),
        ("registerSource", "/csourceRegistrations", REGISTRATION),
    ):
        if operation == creation:
            await api.delete(f"{path}/{document['id']}")
        else:
            await api.post(path, document)
    hosted = await api.post("/jsonldContexts", CONTEXT)
    entity_map = await api.get("/entityMaps?type=OffStreetParking")
    if operation == "createSnapshot":
        await api.delete("/snapshots?q=snapshotPriority%3E0")
    else:
        await api.post("/snapshots", SNAPSHOT)
    return {
        "contextId": hosted.headers["Location"].rpartition("/")[2],
        "entityMapId": entity_map.json["id"],
    }


def example_query(route):
    """Return what a query or a purge has to say: what it is after."""
    about_parking = ("queryEntities", "createEntityMap", "queryRegistrations")
    kind = dict.fromkeys(about_parking, "OffStreetParking")
    kind["purgeEntities"] = "Nothing"
    if operation_id(route) == "purgeSnapshots":
        return "?q=snapshotPriority%3C5"
    return f"?type={kind[operation_id(route)]}" if operation_id(route) in kind else ""


def example_path(route, made):
    path = route.path
    for parameter in DOCUMENT["paths"][route.path][route.method.lower()]["parameters"]:
        if parameter.get("in") == "path":
            value = made.get(parameter["name"], parameter.get("example"))
            path = path.replace(f"{{{parameter['name']}}}", value)
    return path


def bodies(route):
    """Return the examples of an operation with their media types."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    content = operation.get("requestBody", {}).get("content", {})
    found = [
        (described["example"], media_type)
        for media_type, described in content.items()
        if "example" in described
    ]
    for body, media_type in found:
        schema = content[media_type]["schema"]
        assert list(validator(schema).iter_errors(body)) == []
    first = found[:1] if "merge-patch" not in str(found) else found
    return first or [(None, None)]


def check(route, answer):
    """Hold an answer against the document: status, media type, schema of the body."""
    responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    assert str(answer.status) in responses
    response = responses[str(answer.status)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if not response["content"]:
        assert answer.text == ""
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    errors = validator(response["content"][media_type]["schema"]).iter_errors(answer.json)
    assert [error.message for error in errors] == []


def validator(schema):
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def text(example):
    if isinstance(example, bool):
        return str(example).lower()
    joined = ",".join(example) if isinstance(example, list) else str(example)
    return joined.replace("#", "%23").replace("^", "%5E").replace(">", "%3E")
