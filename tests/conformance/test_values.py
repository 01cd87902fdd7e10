"""Values that are JSON objects: merged (5.5.12), concise (4.5.2.3), with an @context (5.5.7)."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
NULL = "urn:ngsi-ld:null"
SECOND = "urn:ngsi-ld:Dataset:2"
POINT = {"type": "Point", "coordinates": [135.2, 34.7]}


async def stored(broker, kind, p):
    """Create an entity with the attribute p and return its path."""
    answer = await broker.post("/entities", {"id": f"urn:ngsi-ld:{kind}:1", "type": kind, "p": p})
    assert answer.status == 201, answer.text
    return f"/entities/urn:ngsi-ld:{kind}:1"


async def shown(broker, path, form="normalized"):
    return (await broker.get(f"{path}?format={form}")).json.get("p")


MERGES = [
    # the value before, what the merge says of p, the value after
    ({"a": {"b": 1, "c": 2}}, {"value": {"a": {"b": NULL}}}, {"a": {"c": 2}}),
    ({"a": {"b": 1}}, {"value": {"a": {"b": NULL}}}, {"a": {}}),
    ({"a": 1}, {"value": {"b": {"c": NULL, "d": 2}}}, {"a": 1, "b": {"d": 2}}),
    ({"a": 1}, {"value": {"a": {"b": 2}}}, {"a": {"b": 2}}),
    ({"a": {"b": 1}}, {"value": {"a": [1]}}, {"a": [1]}),
    ([1, 2], {"value": {"a": 1}}, {"a": 1}),
    ({}, {"value": {"type": "Property", "value": 2}}, {"type": "Property", "value": 2}),
    ({"a": 1}, {"value": {"type": "Sort"}}, {"a": 1, "type": "Sort"}),
    ({"a": 1}, {"a": NULL, "b": 2}, {"b": 2}),
    ({"a": 1}, 5, 5),
]  # fmt: skip


@pytest.mark.parametrize(("before", "change", "after"), MERGES)
async def test_a_merge_goes_into_objects_and_takes_them_as_they_are(
    broker, kind, before, change, after
):
    path = await stored(broker, kind, {"type": "Property", "value": before, "unitCode": "CEL"})
    assert (await broker.patch(path, {"p": change})).status == 204
    assert await shown(broker, path) == {"type": "Property", "value": after, "unitCode": "CEL"}


async def test_a_merge_of_sub_attributes_alone_leaves_the_value(broker, kind):
    path = await stored(broker, kind, {"value": "Honda", "since": 1948, "plant": "Suzuka"})
    change = {"country": {"type": "Property", "value": "Japan"}, "since": NULL}
    assert (await broker.patch(path, {"p": change})).status == 204
    after = {"value": "Honda", "plant": "Suzuka", "country": "Japan"}
    assert await shown(broker, path, "concise") == after
    answer = await broker.patch(path, {"q": {"country": {"type": "Property", "value": "Japan"}}})
    assert (answer.status, "no value" in answer.json["detail"]) == (400, True)


async def test_a_merge_of_members_beside_the_value_leaves_it(broker, kind):
    path = await stored(broker, kind, {"object": "urn:a:1", "valid": True})
    change = {"observedAt": "2026-03-14T15:49:00Z", "valid": NULL, "since": 1948}
    assert (await broker.patch(path, {"p": change})).status == 204
    after = {"object": "urn:a:1", "observedAt": "2026-03-14T15:49:00Z", "since": 1948}
    assert await shown(broker, path, "concise") == after


async def test_a_concise_object_with_a_type_that_is_none_is_refused(broker, kind):
    path = await stored(broker, kind, {"value": {"a": 1}})
    answer = await broker.patch(path, {"p": {"type": "Sort", "b": 2}})
    assert (answer.status, answer.json["pointer"]) == (400, "/p/type")


CONCISE = [
    # concise as written, normalized, concise as shown
    (
        [{"value": 1}, {"value": 2, "datasetId": SECOND}],
        [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": SECOND}],
        None,
    ),
    (
        [{"object": "urn:a:1"}, {"object": "urn:a:2", "datasetId": SECOND}],
        [
            {"type": "Relationship", "object": "urn:a:1"},
            {"type": "Relationship", "object": "urn:a:2", "datasetId": SECOND},
        ],
        None,
    ),
    (
        [POINT, {"value": POINT, "datasetId": SECOND}],
        [
            {"type": "GeoProperty", "value": POINT},
            {"type": "GeoProperty", "value": POINT, "datasetId": SECOND},
        ],
        [{"value": POINT}, {"value": POINT, "datasetId": SECOND}],
    ),
    ([{"a": 1}, {"a": 2}], {"type": "Property", "value": [{"a": 1}, {"a": 2}]}, None),
    ([POINT, POINT], {"type": "Property", "value": [POINT, POINT]}, None),
    (
        [{"value": 1, "datasetId": SECOND}],
        {"type": "Property", "value": 1, "datasetId": SECOND},
        {"value": 1, "datasetId": SECOND},
    ),
]


@pytest.mark.parametrize(("written", "normalized", "concise"), CONCISE)
async def test_arrays_are_instances_where_one_element_is_an_instance(
    broker, kind, written, normalized, concise
):
    path = await stored(broker, kind, written)
    assert await shown(broker, path) == normalized
    assert await shown(broker, path, "concise") == (written if concise is None else concise)


@pytest.mark.parametrize(
    ("p", "pointer"),
    [
        ({"type": "Property", "value": {"@context": {"a": "b"}}}, "/p/value/@context"),
        ({"type": "Property", "value": [{"@context": []}]}, "/p/value/0/@context"),
        ({"type": "Property", "value": 1, "q": {"value": 1, "@context": []}}, "/p/q/@context"),
        ({"@context": [], "a": 1}, "/p/@context"),
    ],
)  # fmt: skip
async def test_an_embedded_context_is_refused(broker, kind, p, pointer):
    answer = await broker.post("/entities", {"id": f"urn:ngsi-ld:{kind}:1", "type": kind, "p": p})
    assert (answer.status, answer.json["pointer"]) == (400, pointer)


async def test_a_json_property_may_hold_a_document_with_its_context(broker, kind):
    document = {"@context": {"a": "https://e.org/a"}, "a": 1}
    path = await stored(broker, kind, {"json": document})
    assert await shown(broker, path, "concise") == {"json": document}


async def test_a_decimal_comma_comes_back_as_a_point(broker, kind):
    path = await stored(broker, kind, {"value": 1, "observedAt": "2026-01-31T09:30:00,25Z"})
    assert (await shown(broker, path))["observedAt"] == "2026-01-31T09:30:00.25Z"
    assert (await broker.patch(f"{path}?observedAt=2026-02-01T09:30:00,5Z", {"p": 2})).status == 204
    assert (await shown(broker, path))["observedAt"] == "2026-02-01T09:30:00.5Z"


async def test_terms_with_hyphens_that_the_context_defines_are_names(broker, kind):
    context = {"N-TOT": "https://example.org/N-TOT", "Water-Body": "https://example.org/WaterBody"}
    body = {"id": f"urn:ngsi-ld:{kind}:1", "type": "Water-Body", "@context": context}
    body["N-TOT"] = {"type": "Property", "value": 3.5, "Cl-": {"type": "Property", "value": 1}}
    as_ld = {"Content-Type": "application/ld+json"}
    refused = await broker.post("/entities", body, **as_ld)
    assert (refused.status, refused.json["attributeNames"]) == (400, ["N-TOT"])
    context["Cl-"] = "https://example.org/chloride"
    assert (await broker.post("/entities", body, **as_ld)).status == 201
    query = {
        "@context": context, "type": "Query", "entities": [{"type": "Water-Body"}],
        "pick": ["id", "type", "N-TOT"], "q": "N-TOT==3.5;N-TOT.Cl-==1",
    }  # fmt: skip
    found = await broker.post("/entityOperations/query", query, **as_ld, Accept="application/json")
    del body["@context"]
    assert found.json == [body]
