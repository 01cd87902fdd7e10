"""Operations on one entity over HTTP (clauses 5.6.1 to 5.6.6, 5.6.17 to 5.6.19)."""

from __future__ import annotations

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")
NULL = "urn:ngsi-ld:null"
SECOND = "urn:ngsi-ld:Dataset:2"


@pytest_asyncio.fixture(loop_scope="module")
async def path(broker, kind):
    """The path of an entity with p (two instances) and q."""
    instances = [{"value": 1, "unitCode": "CEL"}, {"value": 2, "datasetId": SECOND}]
    body = {"id": f"urn:ngsi-ld:{kind}:1", "type": kind, "p": instances, "q": {"value": {"x": 1}}}
    answer = await broker.post("/entities", body)
    assert answer.status == 201
    assert answer.headers["Location"] == f"/ngsi-ld/v1/entities/{body['id']}"
    return f"/entities/{body['id']}"


async def attributes(broker, path):
    answer = await broker.get(f"{path}?format=concise&omit=id,type")
    return answer.json if answer.status == 200 else None


P = [{"value": 1, "unitCode": "CEL"}, {"value": 2, "datasetId": SECOND}]
Q = {"x": 1}
CHANGES = {
    "append adds and overwrites": ("POST", "/attrs", {"q": 5, "r": 6}, {"p": P, "q": 5, "r": 6}),
    "update overwrites": ("PATCH", "/attrs", {"q": 5}, {"p": P, "q": 5}),
    "update deletes by null": ("PATCH", "/attrs", {"q": NULL}, {"p": P}),
    "a partial update keeps the rest": (
        "PATCH", "/attrs/p", {"value": 9}, {"p": [{"value": 9, "unitCode": "CEL"}, P[1]], "q": Q},
    ),
    "a replaced attribute keeps nothing of its instance": (
        "PUT", "/attrs/q", {"type": "Property", "value": 7}, {"p": P, "q": 7},
    ),
    "delete takes the default instance": ("DELETE", "/attrs/p", None, {"p": P[1], "q": Q}),
    "delete takes one dataset": (
        "DELETE", f"/attrs/p?datasetId={SECOND}", None, {"p": P[0], "q": Q},
    ),
    "delete takes the default instance by its name": (
        "DELETE", "/attrs/p?datasetId=@none", None, {"p": P[1], "q": Q},
    ),
    "delete takes all": ("DELETE", "/attrs/p?deleteAll=true", None, {"q": Q}),
    "merge goes into values": (
        "PATCH", "", {"q": {"value": {"y": 2}}}, {"p": P, "q": {"x": 1, "y": 2}},
    ),
    "the entity goes": ("DELETE", "", None, None),
}  # fmt: skip


UNREADABLE = {"p": {"type": "Property", "object": "urn:x:1"}}


@pytest.mark.parametrize(
    ("method", "below", "body", "status"),
    [
        ("POST", "/attrs", UNREADABLE, 404),
        ("PATCH", "/attrs", UNREADABLE, 404),
        ("PATCH", "", UNREADABLE, 404),
        ("PUT", "", {"type": "T"} | UNREADABLE, 404),
        ("PUT", "/attrs/p", UNREADABLE["p"], 404),
        ("PATCH", "/attrs/p", UNREADABLE["p"], 400),  # 5.6.4.4 has it the other way round
    ],
)
async def test_where_the_body_is_wrong_and_the_entity_missing(
    broker, path, method, below, body, status
):
    missing = await broker.request(method, f"/entities/urn:ngsi-ld:Nobody:1{below}", body)
    assert missing.status == status
    assert (await broker.request(method, path + below, body)).status == 400


@pytest.mark.parametrize("case", CHANGES)
async def test_an_entity_after_a_change(broker, path, case):
    method, below, body, left = CHANGES[case]
    answer = await broker.request(method, path + below, body)
    assert (answer.status, answer.text) == (204, "")
    assert await attributes(broker, path) == left


async def test_a_replaced_entity_keeps_nothing(broker, path, kind):
    assert (await broker.put(path, {"type": kind, "z": 1})).status == 204
    assert await attributes(broker, path) == {"z": 1}


async def test_no_overwrite_leaves_and_tells(broker, path):
    answer = await broker.post(f"{path}/attrs?options=noOverwrite", {"q": 5, "r": 6})
    assert answer.status == 207
    assert [each["attributeName"].rpartition("/")[2] for each in answer.json["notUpdated"]] == ["q"]
    assert await attributes(broker, path) == {"p": P, "q": Q, "r": 6}


async def test_an_entity_is_changed_only_if_it_is_of_the_type_asked_for(broker, path, kind):
    assert (await broker.delete(f"{path}?type=Other")).status == 404
    assert (await broker.delete(f"{path}?type={kind}")).status == 204


@pytest.mark.parametrize("batch", [False, True])
async def test_a_simplified_merge_keeps_the_type_of_what_is_there(broker, kind, batch):
    entity = f"urn:ngsi-ld:{kind}:1"
    given = {
        "use": {"type": "VocabProperty", "vocab": "commercial"},
        "raw": {"type": "JsonProperty", "json": {"a": 1, "b": 2}},
        "name": {"type": "LanguageProperty", "languageMap": {"en": "lake"}},
        "stops": {"type": "ListRelationship", "objectList": ["urn:a:1"]},
    }
    await broker.post("/entities", {"id": entity, "type": kind, **given})
    patch = {"use": "private", "raw": {"a": 3}, "name": {"ja": "湖"}, "stops": ["urn:a:2"]}
    if batch:
        body = [{"id": entity, **patch}]
        answer = await broker.post("/entityOperations/merge?options=simplified", body)
    else:
        answer = await broker.patch(f"/entities/{entity}?format=simplified", patch)
    assert answer.status == 204, answer.text
    read = await broker.get(f"/entities/{entity}?options=keyValues")
    assert read.json == {
        "id": entity,
        "type": kind,
        "use": {"vocab": "private"},
        "raw": {"json": {"a": 3, "b": 2}},
        "name": {"languageMap": {"en": "lake", "ja": "湖"}},
        "stops": ["urn:a:2"],
    }
