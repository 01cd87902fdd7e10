"""Batch operations over HTTP (clauses 5.5.11, 5.6.7 to 5.6.10, 5.6.20, 6.14 to 6.17, 6.31)."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
ALL = ["create", "upsert", "update", "merge", "delete"]


def uri(kind, suffix):
    return f"urn:ngsi-ld:{kind}:{suffix}"


def entity(kind, suffix, **attributes):
    return {"id": uri(kind, suffix), "type": kind, **attributes}


async def send(broker, operation, body, options=""):
    return await broker.post(f"/entityOperations/{operation}{options}", body)


async def simplified(broker, kind, suffix):
    answer = await broker.get(f"/entities/{uri(kind, suffix)}?format=simplified")
    return {k: v for k, v in answer.json.items() if k not in {"id", "type"}}


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("body", [[], [None]])
async def test_an_empty_array_or_a_null_is_bad_request_data(broker, operation, body):
    answer = await send(broker, operation, body)
    assert (answer.status, answer.json["type"]) == (400, f"{ERRORS}BadRequestData")


async def test_create_answers_the_ids(broker, kind):
    answer = await send(broker, "create", [entity(kind, "a", p=1), entity(kind, "b", p=2)])
    assert answer.status == 201
    assert sorted(answer.json) == [uri(kind, "a"), uri(kind, "b")]


async def test_create_takes_the_first_of_an_entity_and_refuses_the_others(broker, kind):
    answer = await send(broker, "create", [entity(kind, "a", p=1), entity(kind, "a", p=2)])
    assert answer.status == 207
    assert answer.json["success"] == [uri(kind, "a")]
    assert [error["entityId"] for error in answer.json["errors"]] == [uri(kind, "a")]
    assert answer.json["errors"][0]["error"]["type"] == f"{ERRORS}AlreadyExists"
    assert await simplified(broker, kind, "a") == {"p": 1}


async def test_create_does_what_is_right_and_tells_what_is_wrong(broker, kind):
    wrong = entity(kind, "b", p={"type": "Property"})
    answer = await send(broker, "create", [entity(kind, "a", p=1), wrong])
    assert answer.status == 207
    assert answer.json["success"] == [uri(kind, "a")]
    error = answer.json["errors"][0]
    assert (error["entityId"], error["error"]["status"]) == (uri(kind, "b"), 400)
    assert error["error"]["pointer"].startswith("/1/p")


async def test_upsert_answers_201_with_the_new_ones_alone(broker, kind):
    await send(broker, "create", [entity(kind, "a", p=1)])
    answer = await send(broker, "upsert", [entity(kind, "a", p=2), entity(kind, "b", p=3)])
    assert (answer.status, answer.json) == (201, [uri(kind, "b")])
    again = await send(broker, "upsert", [entity(kind, "a", p=2), entity(kind, "b", p=3)])
    assert (again.status, again.text) == (204, "")


@pytest.mark.parametrize(
    ("options", "left"),
    [("", {"q": 2}), ("?options=replace", {"q": 2}), ("?options=update", {"p": 1, "q": 2})],
)
async def test_upsert_replaces_or_updates(broker, kind, options, left):
    await send(broker, "create", [entity(kind, "a", p=1)])
    assert (await send(broker, "upsert", [entity(kind, "a", q=2)], options)).status == 204
    assert await simplified(broker, kind, "a") == left


async def test_upsert_applies_several_of_an_entity_in_their_order(broker, kind):
    elements = [entity(kind, "a", p=1), entity(kind, "a", q=2), entity(kind, "a", p=3)]
    answer = await send(broker, "upsert", elements, "?options=update")
    assert (answer.status, answer.json) == (201, [uri(kind, "a")])
    assert await simplified(broker, kind, "a") == {"p": 3, "q": 2}


async def test_update_needs_the_entity(broker, kind):
    await send(broker, "create", [entity(kind, "a", p=1)])
    answer = await send(broker, "update", [entity(kind, "a", p=2), entity(kind, "none", p=2)])
    assert answer.status == 207
    assert answer.json["success"] == [uri(kind, "a")]
    assert answer.json["errors"][0]["error"]["type"] == f"{ERRORS}ResourceNotFound"
    assert await simplified(broker, kind, "a") == {"p": 2}


@pytest.mark.parametrize("name", ["replace", "update"])
async def test_update_takes_the_options_of_upsert_for_what_it_does(broker, kind, name):
    await send(broker, "create", [entity(kind, "a", p=1, q=1)])
    answer = await send(broker, "update", [entity(kind, "a", p=2)], f"?options={name}")
    assert (answer.status, answer.text) == (204, "")
    assert await simplified(broker, kind, "a") == {"p": 2, "q": 1}


@pytest.mark.parametrize("names", ["replace,update", "noOverwrite,replace", "overwrite"])
async def test_update_takes_one_option_it_knows(broker, kind, names):
    await send(broker, "create", [entity(kind, "a", p=1)])
    answer = await send(broker, "update", [entity(kind, "a", p=2)], f"?options={names}")
    assert answer.status == 400
    assert await simplified(broker, kind, "a") == {"p": 1}


async def test_update_leaves_attributes_alone_if_asked_to(broker, kind):
    await send(broker, "create", [entity(kind, "a", p=1)])
    answer = await send(broker, "update", [entity(kind, "a", p=2, q=3)], "?options=noOverwrite")
    assert await simplified(broker, kind, "a") == {"p": 1, "q": 3}
    assert (answer.status, answer.json["success"]) == (207, [])
    (error,) = answer.json["errors"]
    assert (error["entityId"], error["error"]["type"]) == (uri(kind, "a"), f"{ERRORS}AlreadyExists")
    assert [name.rpartition("/")[2] for name in error["error"]["attributeNames"]] == ["p"]


async def test_update_without_overwriting_is_no_error_where_all_is_new(broker, kind):
    await send(broker, "create", [entity(kind, "a", p=1)])
    answer = await send(broker, "update", [entity(kind, "a", q=3)], "?options=noOverwrite")
    assert (answer.status, answer.text) == (204, "")


async def test_merge_goes_into_values_and_deletes_by_null(broker, kind):
    whole = entity(kind, "a", p={"value": {"x": 1, "y": 2}}, q=1)
    await send(broker, "create", [whole])
    change = entity(kind, "a", p={"value": {"y": 3}}, q="urn:ngsi-ld:null")
    assert (await send(broker, "merge", [change])).status == 204
    assert await simplified(broker, kind, "a") == {"p": {"x": 1, "y": 3}}


async def test_merge_needs_the_entity(broker, kind):
    answer = await send(broker, "merge", [entity(kind, "none", p=2)])
    assert (answer.status, answer.json["success"]) == (207, [])
    assert answer.json["errors"][0]["error"]["status"] == 404


async def test_delete_deletes_once(broker, kind):
    await send(broker, "create", [entity(kind, "a", p=1), entity(kind, "b", p=1)])
    ids = [uri(kind, "a"), uri(kind, "b")]
    assert (await send(broker, "delete", ids[:1])).status == 204
    answer = await send(broker, "delete", ids)
    assert (answer.status, answer.json["success"]) == (207, ids[1:])
    assert [error["entityId"] for error in answer.json["errors"]] == ids[:1]
    assert (await broker.get(f"/entities/{ids[1]}")).status == 404


async def test_a_dry_run_of_a_deletion_tells_and_changes_nothing(broker, kind):
    ids = [f"urn:ngsi-ld:{kind}:{name}" for name in "abc"]
    await broker.post("/entityOperations/create", [{"id": one, "type": kind} for one in ids[:2]])
    asked = [ids[1], ids[2], ids[0], ids[1], "no uri"]
    answer = await broker.post("/entityOperations/delete?dryRun=true", asked)
    assert (answer.status, answer.json) == (200, {"dryRun": True, "entities": [ids[1], ids[0]]})
    assert len((await broker.get(f"/entities?type={kind}")).json) == 2
    really = await broker.post("/entityOperations/delete?dryRun=false", answer.json["entities"])
    assert really.status == 204
    assert (await broker.get(f"/entities?type={kind}")).json == []
