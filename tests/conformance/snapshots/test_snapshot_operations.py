"""Operations on snapshots and notifications of them (clauses 5.5.15, 5.16.6, 6.3.22)."""

from __future__ import annotations

import asyncio

import pytest

from tests.snapshots import (
    SNAPSHOT,
    create,
    query,
    snapshot_of,
    urn,
    values,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

# ------------------------------------------------------------- operations on it (5.5.15, 6.3.22)


async def test_everything_works_on_the_snapshot_and_nothing_outside_of_it(broker, kind, three):
    snapshot = await create(broker, snapshot_of(query(kind)))
    inside = {SNAPSHOT: snapshot["id"]}
    live = await values(broker, kind)
    new = {"id": urn(kind, 9), "type": kind, "p": 9}
    another = {"id": urn(kind, 8), "type": kind, "p": 8}
    steps = [
        ("POST", "/entities", new, 201),
        ("POST", "/entities", new, 409),
        ("PATCH", f"/entities/{three[0]}/attrs", {"p": 10}, 204),
        ("PATCH", f"/entities/{three[0]}", {"r": 1}, 204),
        ("PUT", f"/entities/{three[1]}", {"type": kind, "p": 11}, 204),
        ("DELETE", f"/entities/{three[2]}", None, 204),
        ("POST", "/entityOperations/upsert", [another], 201),
        ("POST", "/entityOperations/delete?dryRun=true", [new["id"]], 200),
        ("POST", "/entityOperations/delete", [new["id"]], 204),
        ("DELETE", f"/entities?type={kind}&q=p==8", None, 204),
    ]
    for method, path, body, status in steps:
        answer = await broker.request(method, path, body, inside)
        assert answer.status == status, (method, path, answer.text)
        assert answer.headers[SNAPSHOT] == snapshot["id"]
    assert await values(broker, kind, snapshot) == {
        three[0]: {"type": kind, "p": 10, "q": 0, "r": 1, "scope": "/a"},
        three[1]: {"type": kind, "p": 11},
    }
    assert await values(broker, kind) == live
    inner = await broker.get(f"/types/{kind}", **inside)
    outer = await broker.get(f"/types/{kind}")
    assert (inner.json["entityCount"], outer.json["entityCount"]) == (2, 3)
    names = [each["id"] for each in inner.json["attributeDetails"]]
    assert any(name.endswith("/r") for name in names)


async def test_a_query_in_a_snapshot_is_local_and_so_may_be_wide(broker, kind, three):
    snapshot = await create(broker, snapshot_of(query(kind)))
    inside = {SNAPSHOT: snapshot["id"]}
    for path in ("/entities", "/entities?local=false", "/entities?type=*&local=false"):
        answer = await broker.get(path, **inside)
        assert [each["id"] for each in answer.json] == three, path
    posted = await broker.post("/entityOperations/query", {"type": "Query"}, **inside)
    assert len(posted.json) == 3
    assert (await broker.get("/entities")).status == 400
    assert (await broker.post("/entityOperations/query", {"type": "Query"})).status == 400


async def test_entity_maps_of_a_snapshot_are_its_own(broker, kind, three):
    snapshot = await create(broker, snapshot_of(query(kind)))
    inside = {SNAPSHOT: snapshot["id"]}
    made = await broker.get("/entityMaps?splitEntities=true", **inside)
    assert list(made.json["entityMap"]) == three
    path = made.headers["NGSILD-EntityMap"].removeprefix("/ngsi-ld/v1")
    assert (await broker.get(path, **inside)).status == 200
    assert (await broker.get(path)).status == 404


async def test_subscriptions_of_a_snapshot_are_told_of_what_happens_in_it(
    broker, kind, three, receiver
):
    snapshot = await create(broker, snapshot_of(query(kind)))
    inside = {SNAPSHOT: snapshot["id"]}
    subscription = {
        "id": urn("Subscription", kind),
        "type": "Subscription",
        "entities": [{"type": kind}],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    assert (await broker.post("/subscriptions", subscription, **inside)).status == 201
    assert (await broker.get(f"/subscriptions/{subscription['id']}")).status == 404
    listed = await broker.get("/subscriptions", **inside)
    assert [each["id"] for each in listed.json] == [subscription["id"]]
    await broker.patch(f"/entities/{three[0]}/attrs", {"p": 77})
    await broker.patch(f"/entities/{three[1]}/attrs", {"p": 78}, **inside)
    notice = await receiver.next()
    assert [each["p"]["value"] for each in notice.body["data"]] == [78]
    assert notice.headers[SNAPSHOT] == snapshot["id"]
    assert "NGSILD-Tenant" not in notice.headers


async def test_a_request_that_is_sent_again_is_applied_once(broker, kind):
    snapshot = await create(broker, snapshot_of(query(kind)))
    headers = {SNAPSHOT: snapshot["id"], "Idempotency-Key": kind}
    entity = {"id": urn(kind, 1), "type": kind}
    for _ in range(2):
        assert (await broker.post("/entities", entity, **headers)).status == 201
    assert (await broker.post("/entities", entity, **{SNAPSHOT: snapshot["id"]})).status == 409


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/jsonldContexts"), ("GET", "/info/sourceIdentity"), ("GET", "/csourceRegistrations"),
     ("DELETE", "/snapshots?q=snapshotPriority%3E0"), ("GET", "/snapshots/urn:x:1")],
)  # fmt: skip
async def test_what_is_no_operation_on_snapshots_is_refused(broker, kind, method, path):
    snapshot = await create(broker, snapshot_of(query(kind)))
    answer = await broker.request(method, path, headers={SNAPSHOT: snapshot["id"]})
    assert (answer.status, answer.json["type"].rpartition("/")[2]) == (422, "OperationNotSupported")


@pytest.mark.parametrize(("name", "status"), [("no uri", 400), ("urn:ngsi-ld:Snapshot:none", 404)])
async def test_a_header_that_names_no_snapshot_is_refused(broker, kind, name, status):
    for method, path in (
        ("GET", f"/entities?type={kind}"),
        ("DELETE", f"/entities/{urn(kind, 1)}"),
    ):
        answer = await broker.request(method, path, headers={SNAPSHOT: name})
        assert (answer.status, answer.headers[SNAPSHOT]) == (status, name)


async def test_using_it_is_noted(broker, kind):
    snapshot = await create(broker, snapshot_of(query(kind)))
    await asyncio.sleep(0.15)
    await broker.get("/entities", **{SNAPSHOT: snapshot["id"]})
    after = (await broker.get(f"/snapshots/{snapshot['id']}")).json
    assert after["lastUsedAt"] > snapshot["lastUsedAt"]
    assert after["modifiedAt"] == snapshot["modifiedAt"]


async def test_snapshots_of_tenants_are_apart(broker, kind):
    for tenant in ("north", "south"):
        await broker.post(
            "/entities", {"id": urn(kind, 1), "type": kind, "p": 1}, **{"NGSILD-Tenant": tenant}
        )
    north, south = {"NGSILD-Tenant": "north"}, {"NGSILD-Tenant": "south"}
    snapshot = await create(broker, snapshot_of(query(kind)), **north)
    path = f"/snapshots/{snapshot['id']}"
    assert snapshot["snapshotStatus"] == "success"
    for other in ({}, south):
        assert (await broker.get(path, **other)).status == 404
        assert (await broker.delete(path, **other)).status == 404
        assert (await broker.get("/entities", **other, **{SNAPSHOT: snapshot["id"]})).status == 404
    inside = await broker.get("/entities", **north, **{SNAPSHOT: snapshot["id"]})
    assert [each["id"] for each in inside.json] == [urn(kind, 1)]
    assert (
        await broker.post("/snapshots", snapshot_of(query(kind)), **{"NGSILD-Tenant": "no"})
    ).status == 404
    assert (
        await broker.get("/entities?type=T", **{"NGSILD-Tenant": "north~0123456789ab"})
    ).status == 400
    await broker.delete(path, **north)


# ----------------------------------------------------------------------- notifications (5.16.6)


async def test_the_status_is_notified_when_ready_changed_and_deleted(broker, kind, three, receiver):
    receiver.refusals = 1
    info = [{"key": "X-Why", "value": "test"}]
    wish = {"endpoint": receiver.url, "receiverInfo": info, "snapshotPriority": 3}
    snapshot = await create(broker, snapshot_of(query(kind), **wish))
    assert snapshot["receiverInfo"] == info
    notice = await receiver.next()
    assert notice.headers["X-Why"] == "test"
    assert "ngsi-ld-core-context" in notice.headers["Link"]
    assert notice.body["id"].startswith("urn:")
    assert {
        name: notice.body[name] for name in notice.body if name not in {"id", "notifiedAt"}
    } == {
        "type": "SnapshotNotification",
        "snapshotId": snapshot["id"],
        "snapshotStatus": "success",
        "snapshotPriority": 3,
        "snapshotQueriesDetails": [{"resultStatus": "success"}],
        "expiresAt": snapshot["expiresAt"],
    }
    path = f"/snapshots/{snapshot['id']}"
    changed = (await broker.patch(path, {"snapshotLifetime": "PT5M"})).json
    assert (await receiver.next()).body["expiresAt"] == changed["expiresAt"]
    assert (await broker.delete(path)).status == 204
    last = (await receiver.next()).body
    assert last["expiresAt"] < last["notifiedAt"]


async def test_a_tenant_is_named_in_the_notification(broker, kind, receiver):
    tenant = {"NGSILD-Tenant": "west"}
    await broker.post("/entities", {"id": urn(kind, 1), "type": kind}, **tenant)
    snapshot = await create(broker, snapshot_of(query(kind), endpoint=receiver.url), **tenant)
    assert (await receiver.next()).headers["NGSILD-Tenant"] == "west"
    await broker.delete(f"/snapshots/{snapshot['id']}", **tenant)
