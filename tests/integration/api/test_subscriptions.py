"""Subscriptions over HTTP (clauses 5.8.1 to 5.8.5, 6.10, 6.11)."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.api import Api, SettableClock, build_with, serving
from tests.subscriptions import body

ONE = "/subscriptions/urn:ngsi-ld:Subscription:1"


async def test_what_is_created_can_be_read(api: Api) -> None:
    made = await api.post("/subscriptions", body(q="temperature>20"))
    assert made.status == 201
    assert made.headers["Location"] == f"/ngsi-ld/v1{ONE}"
    read = await api.get(ONE)
    assert read.status == 200
    assert read.headers["Content-Type"] == "application/json"
    assert "json-ld#context" in read.headers["Link"]
    assert read.json["q"] == "temperature>20"
    assert read.json["status"] == "active"
    assert "createdAt" not in read.json
    assert "createdAt" in (await api.get(f"{ONE}?options=sysAttrs")).json


async def test_an_identifier_is_made_where_none_is_given(api: Api) -> None:
    made = await api.post("/subscriptions", body(id=None))
    location = made.headers["Location"].removeprefix("/ngsi-ld/v1")
    assert (await api.get(location)).json["id"].startswith("urn:ngsi-ld:Subscription:")


async def test_errors_say_what_and_where(api: Api) -> None:
    await api.post("/subscriptions", body())
    cases: list[tuple[str, str, Any, int, str]] = [
        ("POST", "/subscriptions", body(), 409, "AlreadyExists"),
        ("POST", "/subscriptions", {}, 400, "BadRequestData"),
        ("POST", "/subscriptions", body(id="urn:x:2", q="a>"), 400, "BadRequestData"),
        ("GET", "/subscriptions/none", None, 400, "BadRequestData"),
        ("GET", "/subscriptions/urn:x:none", None, 404, "ResourceNotFound"),
        ("PATCH", "/subscriptions/urn:x:none", {"isActive": False}, 404, "ResourceNotFound"),
        ("DELETE", "/subscriptions/urn:x:none", None, 404, "ResourceNotFound"),
        ("PATCH", ONE, {"throttling": -1}, 400, "BadRequestData"),
        ("PATCH", ONE, {"timeInterval": 5, "throttling": 5}, 400, "BadRequestData"),
        ("PATCH", ONE, {"expiresAt": "2020-01-01T00:00:00Z"}, 400, "BadRequestData"),
        ("GET", "/subscriptions?limit=0", None, 400, "BadRequestData"),
        ("GET", "/subscriptions?page=1", None, 400, "InvalidRequest"),
    ]
    for method, path, given, status, kind in cases:
        answer = await api.request(method, path, given)
        assert (answer.status, answer.json["type"].rpartition("/")[2]) == (status, kind), path
        assert len(answer.json["detail"]) > 10


async def test_an_update_changes_what_it_names_and_null_removes(api: Api) -> None:
    await api.post("/subscriptions", body(q="temperature>20", throttling=5))
    fragment = {"q": "urn:ngsi-ld:null", "watchedAttributes": ["humidity"], "isActive": False}
    assert (await api.patch(ONE, fragment)).status == 204
    read = (await api.get(ONE)).json
    assert "q" not in read
    assert read["watchedAttributes"] == ["humidity"]
    assert read["throttling"] == 5
    assert read["status"] == "paused"
    assert (await api.patch(ONE, {"isActive": True})).status == 204
    assert (await api.get(ONE)).json["status"] == "active"


async def test_a_later_expiry_makes_an_expired_subscription_active_again(
    mongodb_uri: str, database_prefix: str
) -> None:
    clock = SettableClock()
    application = await asyncio.to_thread(build_with, clock, mongodb_uri, database_prefix)
    async with serving(application) as api:
        soon = clock.after(seconds=600)
        made = await api.post("/subscriptions", body(isActive=False, expiresAt=soon))
        assert made.status == 201
        assert (await api.get(ONE)).json["status"] == "paused"
        clock.advance(seconds=600)
        assert (await api.get(ONE)).json["status"] == "expired"
        assert (await api.patch(ONE, {"expiresAt": "2099-01-01T00:00:00Z"})).status == 204
        assert (await api.get(ONE)).json["status"] == "active"


async def test_pages_follow_each_other(api: Api) -> None:
    for number in range(3):
        await api.post("/subscriptions", body(id=f"urn:x:{number}"))
    first = await api.get("/subscriptions?limit=2&count=true")
    assert [one["id"] for one in first.json] == ["urn:x:0", "urn:x:1"]
    assert first.headers["NGSILD-Results-Count"] == "3"
    (following,) = [link for link in first.headers.getall("Link") if 'rel="next"' in link]
    path = following.partition(">")[0].removeprefix("</ngsi-ld/v1")
    second = await api.get(path)
    assert [one["id"] for one in second.json] == ["urn:x:2"]
    assert not [link for link in second.headers.getall("Link") if 'rel="next"' in link]
    counted = await api.get("/subscriptions?limit=0&count=true")
    assert (counted.json, counted.headers["NGSILD-Results-Count"]) == ([], "3")
    older = await api.get("/subscriptions?limit=1&options=count")
    assert (len(older.json), older.headers["NGSILD-Results-Count"]) == (1, "3")
    assert (await api.get("/subscriptions/urn:x:1?options=count")).status == 400


async def test_tenants_have_their_own(api: Api) -> None:
    town = {"NGSILD-Tenant": "town"}
    assert (await api.get("/subscriptions", **town)).status == 404
    await api.post("/subscriptions", body(), **town)
    assert len((await api.get("/subscriptions", **town)).json) == 1
    assert (await api.get("/subscriptions")).json == []
    assert (await api.delete(ONE, **town)).status == 204
    assert (await api.get(ONE, **town)).status == 404
