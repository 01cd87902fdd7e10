"""Answers for clients that know an earlier version of the standard (clauses 6.3.6, 4.3.6.8)."""

from __future__ import annotations

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")
LD, GEO = "application/ld+json", "application/geo+json"
HOUSE, OWNER = "urn:ngsi-ld:House:1", "urn:ngsi-ld:Owner:1"
APPLIED = "Preference-Applied"


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def entities(broker):
    """A house with a style, and its owner."""
    bodies = [
        {
            "id": HOUSE,
            "type": "House",
            "style": {"type": "VocabProperty", "vocab": "gothic"},
            "owner": {"type": "Relationship", "object": OWNER, "objectType": "Owner"},
            "location": {"type": "Point", "coordinates": [1, 2]},
        },
        {"id": OWNER, "type": "Owner", "about": {"json": {"a": 1}}},
    ]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201


def the_house(answer):
    body = answer.json
    return body[0] if isinstance(body, list) else body


@pytest.mark.parametrize("accept", ["application/json", LD])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/entities/{HOUSE}", None),
        ("GET", "/entities?type=House", None),
        ("POST", "/entityOperations/query", {"type": "Query", "entities": [{"type": "House"}]}),
    ],
)
async def test_what_is_altered_is_203(broker, method, path, body, accept):
    async def ask(version):
        headers = {"Accept": accept, "Prefer": f"ngsi-ld={version}"}
        return await broker.request(method, path, body, headers)

    earlier = await ask("1.5")
    assert (earlier.status, earlier.headers[APPLIED]) == (203, "ngsi-ld=1.5")
    assert the_house(earlier)["style"]["type"] == "Property"
    assert "objectType" not in the_house(earlier)["owner"]
    present = await ask("1.9")
    assert (present.status, present.headers[APPLIED]) == (200, "ngsi-ld=1.9")
    assert the_house(present)["style"]["type"] == "VocabProperty"
    later = await ask("2.4")
    assert (later.status, later.headers[APPLIED]) == (200, "ngsi-ld=1.9")


async def test_what_conforms_as_it_is_is_200(broker):
    answer = await broker.get(f"/entities/{HOUSE}?pick=id,location", Prefer="ngsi-ld=1.0")
    assert (answer.status, answer.headers[APPLIED]) == (200, "ngsi-ld=1.0")


async def test_without_a_version_nothing_is_said(broker):
    for headers in ({}, {"Prefer": "respond-async"}, {"Prefer": "ngsi-ld=new"}):
        answer = await broker.get(f"/entities/{HOUSE}", **headers)
        assert answer.status == 200
        assert APPLIED not in answer.headers


async def test_linked_entities_are_amended_too(broker):
    for join in ("inline", "flat"):
        answer = await broker.get(f"/entities/{HOUSE}?join={join}", Prefer="ngsi-ld=1.5")
        assert answer.status == 203
        assert "JsonProperty" not in answer.text
        assert OWNER in answer.text


@pytest.mark.parametrize("path", ["/types", "/attributes", "/subscriptions"])
async def test_what_is_no_entity_is_as_it_always_was(broker, path):
    answer = await broker.get(path, Prefer="ngsi-ld=1.3")
    assert (answer.status, answer.headers[APPLIED]) == (200, "ngsi-ld=1.3")
    assert answer.json == (await broker.get(path)).json or path != "/subscriptions"


async def test_errors_and_geojson_say_nothing_of_it(broker):
    missing = await broker.get("/entities/urn:none:1", Prefer="ngsi-ld=1.3")
    assert missing.status == 404
    assert APPLIED not in missing.headers
    feature = await broker.get(f"/entities/{HOUSE}", Accept=GEO, Prefer="ngsi-ld=1.3, body=json")
    assert feature.status == 200
    assert APPLIED not in feature.headers
    assert "@context" not in feature.json
    assert "Link" in feature.headers
