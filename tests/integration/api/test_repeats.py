"""Idempotency-Key: the same request again is answered the same, and applied once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.api import Api

ID = "urn:ngsi-ld:Sensor:1"
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def sensor(number: int = 1, value: int = 1) -> dict:
    count = {"type": "Property", "value": value}
    return {"id": f"urn:ngsi-ld:Sensor:{number}", "type": "Sensor", "count": count}


@pytest.fixture
async def database(mongodb_uri: str, database_prefix: str) -> AsyncIterator[AsyncDatabase]:
    async with AsyncMongoClient(mongodb_uri) as client:
        yield client[database_prefix]


async def forget_answer(database: AsyncDatabase) -> None:
    """Leave what a crash between commit and answer leaves."""
    result = await database["repeats"].update_many({}, {"$unset": {"a": ""}})
    assert result.modified_count == 1


async def test_a_creation_that_comes_again_is_answered_the_same(api: Api) -> None:
    first = await api.post("/entities", sensor(), **KEY)
    assert first.status == 201
    again = await api.post("/entities", sensor(), **KEY)
    assert (again.status, again.headers["Location"]) == (201, first.headers["Location"])
    assert (await api.post("/entities", sensor())).status == 409
    await api.delete(f"/entities/{ID}")
    assert (await api.post("/entities", sensor(), **KEY)).status == 201
    assert (await api.get(f"/entities/{ID}")).status == 404


async def test_a_refusal_is_repeated_too(api: Api) -> None:
    await api.post("/entities", sensor())
    refused = await api.post("/entities", sensor(), **KEY)
    assert refused.status == 409
    await api.delete(f"/entities/{ID}")
    again = await api.post("/entities", sensor(), **KEY)
    assert (again.status, again.json) == (409, refused.json)


async def test_a_key_is_for_one_request(api: Api) -> None:
    await api.post("/entities", sensor(), **KEY)
    for path, body in (("/entities", sensor(value=2)), ("/entityOperations/upsert", [sensor()])):
        other = await api.post(path, body, **KEY)
        assert other.status == 422
        assert "Idempotency-Key" in other.json["detail"]
    tenant = {"NGSILD-Tenant": "town"}
    assert (await api.post("/entities", sensor(value=3), **KEY, **tenant)).status == 201


async def test_after_a_crash_before_the_answer_nothing_is_applied_again(
    api: Api, database: AsyncDatabase
) -> None:
    batch = [sensor(1), {"type": "Sensor"}, sensor(2), sensor(2, value=5)]
    first = await api.post("/entityOperations/upsert", batch, **KEY)
    assert first.status == 207
    await forget_answer(database)
    await database["changes"].delete_one({"e": "urn:ngsi-ld:Sensor:1"})
    await database["entities"].delete_one({"_id": "urn:ngsi-ld:Sensor:1"})
    again = await api.post("/entityOperations/upsert", batch, **KEY)
    assert (again.status, again.json) == (207, first.json)
    versions = {d["_id"]: d["v"] async for d in database["entities"].find()}
    assert versions == {"urn:ngsi-ld:Sensor:1": 1, "urn:ngsi-ld:Sensor:2": 2}
    assert await database["changes"].count_documents({}) == 3


async def test_what_was_not_updated_is_told_again_after_a_crash(
    api: Api, database: AsyncDatabase
) -> None:
    await api.post("/entities", sensor())
    attributes = {"count": sensor(value=2)["count"], "more": sensor()["count"]}
    path = f"/entities/{ID}/attrs?options=noOverwrite"
    first = await api.post(path, attributes, **KEY)
    assert first.status == 207
    await forget_answer(database)
    again = await api.post(path, attributes, **KEY)
    assert (again.status, again.json) == (207, first.json)


async def test_many_at_once_apply_it_once(api: Api, database: AsyncDatabase) -> None:
    answers = await asyncio.gather(*[api.post("/entities", sensor(), **KEY) for _ in range(20)])
    assert {answer.status for answer in answers} == {201}
    assert await database["changes"].count_documents({}) == 1


async def test_a_tenant_that_does_not_exist_is_not_made_by_a_key(api: Api) -> None:
    tenant = {"NGSILD-Tenant": "nowhere"}
    for _ in range(2):
        answer = await api.post("/entityOperations/delete", [ID], **KEY, **tenant)
        assert (answer.status, answer.json["type"].rsplit("/", 1)[-1]) == (404, "NonexistentTenant")


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü"])
async def test_a_key_is_short_and_visible(api: Api, key: str) -> None:
    answer = await api.post("/entities", sensor(), **{"Idempotency-Key": key})
    assert answer.status == 400
    assert "Idempotency-Key" in answer.json["detail"]


async def test_requests_without_a_key_leave_nothing_behind(
    api: Api, database: AsyncDatabase
) -> None:
    await api.post("/entities", sensor())
    record = await database["changes"].find_one()
    assert record is not None
    assert "i" not in record
    assert await database["repeats"].count_documents({}) == 0
