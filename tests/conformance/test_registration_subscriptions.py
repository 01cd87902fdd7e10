"""Subscriptions to registrations over HTTP (clauses 5.11.2 to 5.11.6, 6.12, 6.13)."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/csourceSubscriptions"
ENDPOINT = {"uri": "http://receiver.example/"}


def subscription(kind, **members):
    given = {
        "id": f"urn:ngsi-ld:Subscription:{kind}",
        "type": "Subscription",
        "entities": [{"type": kind}],
        "notification": {"endpoint": ENDPOINT},
    }
    return {name: value for name, value in (given | members).items() if value is not None}


async def create(broker, body, **headers):
    answer = await broker.post(PATH, body, **headers)
    assert answer.status == 201, answer.text
    return answer.headers["Location"].removeprefix("/ngsi-ld/v1")


async def test_what_is_created_can_be_read(broker, kind):
    time = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z", "timeproperty": "createdAt"}
    path = await create(broker, subscription(kind, temporalQ=time, csf='endpoint~="x"'))
    assert path == f"{PATH}/urn:ngsi-ld:Subscription:{kind}"
    read = (await broker.get(path)).json
    assert (read["temporalQ"], read["csf"]) == (time, 'endpoint~="x"')
    assert read["entities"] == [{"type": kind}]
    assert read["status"] == "active"
    assert not {"notificationTrigger", "jsonldContext"} & read.keys()
    assert "createdAt" in (await broker.get(f"{path}?options=sysAttrs")).json
    made = await create(broker, subscription(kind, id=None))
    assert made.startswith(f"{PATH}/urn:ngsi-ld:Subscription:")


async def test_they_are_apart_from_subscriptions_to_entities(broker, kind):
    path = await create(broker, subscription(kind))
    one = path.removeprefix(PATH)
    assert (await broker.get(f"/subscriptions{one}")).status == 404
    assert (await broker.post("/subscriptions", subscription(kind))).status == 201
    assert (await broker.delete(f"/subscriptions{one}")).status == 204
    assert (await broker.get(path)).status == 200


async def test_an_update_changes_and_a_deletion_removes(broker, kind):
    path = await create(broker, subscription(kind, scopeQ="/a"))
    fragment = {"scopeQ": "urn:ngsi-ld:null", "isActive": False}
    assert (await broker.patch(path, fragment)).status == 204
    read = (await broker.get(path)).json
    assert (read["status"], "scopeQ" in read) == ("paused", False)
    assert (await broker.delete(path)).status == 204
    assert (await broker.get(path)).status == 404


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Registration"},
        {"notification": None},
        {"watchedAttributes": []},
        {"entities": None},
        {"q": "a>"},
        {"csf": "(("},
        {"temporalQ": {"timerel": "before"}},
        {"temporalQ": {"timerel": "around", "timeAt": "2020-01-01T00:00:00Z"}},
        {"temporalQ": {}},
        {"geoQ": {"georel": "within", "geometry": "Point", "coordinates": [999, 0]}},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"notification": {"endpoint": ENDPOINT | {"accept": "application/geo+json"}}},
    ],
)
async def test_what_cannot_be_served_is_refused(broker, kind, members):
    answer = await broker.post(PATH, subscription(kind, **members))
    assert (answer.status, answer.json["type"][-14:]) == (400, "BadRequestData")
    path = await create(broker, subscription(kind))
    if members != {"entities": None} and None not in members.values():
        assert (await broker.patch(path, members)).status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/none", 400),
        ("GET", "/urn:x:none", 404),
        ("PATCH", "/none", 400),
        ("PATCH", "/urn:x:none", 404),
        ("DELETE", "/none", 400),
        ("DELETE", "/urn:x:none", 404),
        ("GET", "?limit=0", 400),
        ("GET", "?limit=-1", 400),
        ("GET", "?csf=a", 400),
    ],
)
async def test_mistakes(broker, method, path, status):
    body = {"isActive": False} if method == "PATCH" else None
    assert (await broker.request(method, PATH + path, body)).status == status


async def test_an_id_is_taken_once_and_tenants_have_their_own(broker, kind):
    await create(broker, subscription(kind))
    assert (await broker.post(PATH, subscription(kind))).status == 409
    tenant = {"NGSILD-Tenant": f"s{kind}"}
    assert (await broker.get(PATH, **tenant)).status == 404
    await create(broker, subscription(kind), **tenant)
    assert len((await broker.get(PATH, **tenant)).json) == 1


async def test_pages(broker, kind):
    tenant = {"NGSILD-Tenant": f"p{kind}"}
    for number in range(3):
        await create(broker, subscription(kind, id=f"urn:x:{number}"), **tenant)
    page = await broker.get(f"{PATH}?limit=2&count=true", **tenant)
    assert [one["id"] for one in page.json] == ["urn:x:0", "urn:x:1"]
    assert page.headers["NGSILD-Results-Count"] == "3"
    assert any('rel="next"' in link for link in page.headers.getall("Link"))
