"""Snapshots over HTTP, kept by a real engine (clauses 5.16, 6.36 to 6.38)."""

from __future__ import annotations

import asyncio

import pytest

from tests.snapshots import (
    SNAPSHOT,
    create,
    path_of,
    query,
    ready,
    seconds_until,
    snapshot_of,
    urn,
    values,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

# ------------------------------------------------------------------------------- create (5.16.1)


async def test_a_snapshot_is_prepared_and_holds_what_its_queries_found(broker, kind, three):
    body = snapshot_of(query(kind, q="p>0"))
    answer = await broker.post("/snapshots", body)
    assert (answer.status, answer.text) == (201, "")
    fresh = (await broker.get(path_of(answer))).json
    snapshot = await ready(broker, path_of(answer))
    assert snapshot["snapshotStatus"] == "success"
    assert snapshot["snapshotQueriesDetails"] == [{"resultStatus": "success"}]
    assert snapshot["snapshotQueries"] == body["snapshotQueries"]
    assert snapshot["snapshotPriority"] == 5
    assert fresh["createdAt"] == fresh["lastUsedAt"] == snapshot["createdAt"]
    assert snapshot["modifiedAt"] >= snapshot["createdAt"]
    assert 86_300 < seconds_until(snapshot["expiresAt"]) <= 86_400
    assert list(await values(broker, kind, snapshot)) == three[1:]


async def test_what_changes_afterwards_does_not_change_the_snapshot(broker, kind, three):
    before = (await broker.get(f"/entities?type={kind}&options=sysAttrs")).json
    snapshot = await create(broker, snapshot_of(query(kind)))
    await broker.patch(f"/entities/{three[0]}/attrs", {"p": 99})
    await broker.delete(f"/entities/{three[1]}")
    await broker.post("/entities", {"id": urn(kind, 9), "type": kind})
    answer = await broker.get(
        f"/entities?type={kind}&options=sysAttrs", **{SNAPSHOT: snapshot["id"]}
    )
    assert answer.json == before
    one = await broker.get(f"/entities/{three[1]}", **{SNAPSHOT: snapshot["id"]})
    assert (one.status, one.headers[SNAPSHOT]) == (200, snapshot["id"])


async def test_the_client_may_name_it_and_say_how_it_is_to_live(broker, kind, three):
    wish = {"id": urn("Snapshot", kind), "snapshotLifetime": "PT10M", "snapshotPriority": 7}
    snapshot = await create(broker, snapshot_of(query(kind), **wish))
    assert {name: snapshot[name] for name in wish} == wish
    assert 590 < seconds_until(snapshot["expiresAt"]) <= 600
    again = await broker.post("/snapshots", snapshot_of(query(kind), **wish))
    assert (again.status, again.json["type"].rpartition("/")[2]) == (409, "AlreadyExists")


async def test_the_operator_bounds_its_lifetime(broker, kind):
    snapshot = await create(broker, snapshot_of(query(kind), snapshotLifetime="P10Y"))
    assert 604_700 < seconds_until(snapshot["expiresAt"]) <= 604_800


async def test_what_only_the_broker_writes_is_ignored(broker, kind):
    told = {
        "snapshotStatus": "success", "createdAt": "2000-01-01T00:00:00Z",
        "expiresAt": "2000-01-01T00:00:00Z", "snapshotQueriesDetails": [1], "lastUsedAt": "x",
    }  # fmt: skip
    snapshot = await create(broker, snapshot_of(query(kind), **told))
    assert snapshot["snapshotStatus"] == "empty"
    assert snapshot["createdAt"] > "2020"


async def test_the_status_tells_how_the_queries_came_out(broker, kind, three):
    finds, empty = query(kind), query("Nothing")
    fails = query(kind, join="inline", joinLevel=1, q='r{name}=="x"')
    temporal = query(kind, temporalQ={"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"})
    cases = [
        (snapshot_of(finds), "success"),
        (snapshot_of(finds, empty), "partial"),
        (snapshot_of(empty), "empty"),
        (snapshot_of(finds, snapshotTemporalQueries=[temporal]), "partial"),
        ({"type": "Snapshot", "snapshotTemporalQueries": [temporal]}, "failure"),
        (snapshot_of(fails), "empty"),
    ]
    for body, status in cases:
        snapshot = await create(broker, body)
        assert snapshot["snapshotStatus"] == status, body
    told = (await create(broker, cases[3][0]))["snapshotTemporalQueriesDetails"]
    assert told[0]["resultStatus"] == "failure"
    assert told[0]["problemDetails"]["type"].endswith("OperationNotSupported")


async def test_several_queries_give_one_copy_of_each_entity_with_all_they_show(broker, kind, three):
    snapshot = await create(
        broker,
        snapshot_of(
            query(kind, q="p<2", pick=["id", "type", "p"]),
            query(kind, q="p>0", attrs=["q"]),
            query(kind, q="p==2", omit=["q"]),
        ),
    )
    assert await values(broker, kind, snapshot) == {
        three[0]: {"type": kind, "p": 0},
        three[1]: {"type": kind, "p": 1, "q": 0, "scope": "/a"},
        three[2]: {"type": kind, "p": 2, "q": 0, "scope": "/a"},
    }
    types = await broker.get(f"/types/{kind}", **{SNAPSHOT: snapshot["id"]})
    assert types.json["entityCount"] == 3


async def test_instances_and_languages_are_as_the_query_shows_them(broker, kind):
    entity = {
        "id": urn(kind, 1),
        "type": kind,
        "p": [{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}],
        "name": {"type": "LanguageProperty", "languageMap": {"en": "a", "ja": "あ"}},
    }
    await broker.post("/entities", entity)
    found = query(kind, datasetId=["urn:d:2", "@none"], lang="ja", omit=["scope"])
    snapshot = await create(broker, snapshot_of(found))
    answer = await broker.get(f"/entities/{urn(kind, 1)}", **{SNAPSHOT: snapshot["id"]})
    assert answer.json["name"] == {"type": "Property", "value": "あ", "lang": "ja"}
    assert [each["value"] for each in answer.json["p"]] == [1, 2]


async def test_linked_entities_are_part_of_the_result(broker, kind, three):
    linked = {"id": urn(kind, "link"), "type": f"{kind}Link", "to": {"object": three[0]}}
    await broker.post("/entities", linked)
    found = query(f"{kind}Link", join="inline", joinLevel=1)
    snapshot = await create(broker, snapshot_of(found))
    assert list(await values(broker, kind, snapshot)) == three[:1]
    answer = await broker.get(
        f"/entities/{urn(kind, 'link')}?join=inline", **{SNAPSHOT: snapshot["id"]}
    )
    assert answer.json["to"]["entity"]["p"]["value"] == 0


async def test_names_are_those_of_the_context_of_the_request(broker, kind):
    entity = {"id": urn(kind, 1), "type": "urn:other:T", "urn:other:p": 1}
    await broker.post("/entities", entity)
    context = {"T": "urn:other:T", "p": "urn:other:p"}
    body = {"@context": context, **snapshot_of(query("T", q=f'p==1;id=="{urn(kind, 1)}"'))}
    answer = await broker.request(
        "POST", "/snapshots", body, {"Content-Type": "application/ld+json"}
    )
    snapshot = await ready(broker, path_of(answer))
    assert snapshot["snapshotStatus"] == "success"


async def test_a_large_result_is_copied_whole(broker, kind):
    bodies = [{"id": urn(kind, f"{n:04}"), "type": kind, "p": n} for n in range(1100)]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201
    snapshot = await create(broker, snapshot_of(query(kind)))
    path = f"/entities?type={kind}&limit=0&count=true"
    answer = await broker.get(path, **{SNAPSHOT: snapshot["id"]})
    assert answer.headers["NGSILD-Results-Count"] == "1100"


BROKEN = [
    {},
    [],
    {"type": "Snapshot"},
    {"snapshotQueries": [query("T")]},
    {"type": "Snap", "snapshotQueries": [query("T")]},
    snapshot_of(),
    snapshot_of(query("T"), id="no uri"),
    snapshot_of(query("T"), flavour="sweet"),
    snapshot_of(query("T"), snapshotPriority=0),
    snapshot_of(query("T"), snapshotPriority=11),
    snapshot_of(query("T"), snapshotPriority=5.5),
    snapshot_of(query("T"), snapshotPriority=True),
    snapshot_of(query("T"), snapshotLifetime="long"),
    snapshot_of(query("T"), snapshotLifetime="PT0S"),
    snapshot_of(query("T"), snapshotLifetime=5),
    snapshot_of(query("T"), endpoint="nowhere"),
    snapshot_of(query("T"), endpoint="ftp://127.0.0.1/x"),
    snapshot_of(query("T"), receiverInfo=[{"key": "a"}]),
    snapshot_of(query("T"), receiverInfo={"key": "a", "value": "b"}),
    snapshot_of({"type": "Query"}),
    snapshot_of({"entities": [{"type": "T"}]}),
    snapshot_of(query("T", q="p>")),
    snapshot_of(query("T", pick=[])),
    snapshot_of(query("T", q='r{name}=="x"')),
    snapshot_of(query("T", temporalQ={"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"})),
    {"type": "Snapshot", "snapshotTemporalQueries": [query("T")]},
    {"type": "Snapshot", "snapshotTemporalQueries": [query("T", temporalQ={"timerel": "x"})]},
    {
        "type": "Snapshot",
        "snapshotTemporalQueries": [
            query("T", temporalQ={"timerel": "between", "timeAt": "2020-01-01T00:00:00Z"})
        ],
    },
    {"type": "Snapshot", "snapshotQueries": query("T")},
]


@pytest.mark.parametrize("body", BROKEN, ids=str)
async def test_what_is_no_snapshot_is_refused(broker, body):
    answer = await broker.post("/snapshots", body)
    assert answer.status == 400, answer.text
    assert (await broker.delete("/snapshots?q=snapshotPriority%3E0")).status == 404


async def test_a_mistake_in_a_query_is_told_with_its_place(broker):
    answer = await broker.post("/snapshots", snapshot_of(query("T"), query("T", geoQ=5)))
    assert answer.json["pointer"] == "/snapshotQueries/1/geoQ"


# -------------------------------------------------------- retrieve, update, delete (5.16.3-5.16.5)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize(("name", "status"), [("no%20uri", 400), ("urn:ngsi-ld:Snapshot:x", 404)])
async def test_a_snapshot_that_is_none_is_told_as_such(broker, method, name, status):
    bodies = {"PATCH": {"snapshotPriority": 1}, "POST": {"type": "Snapshot"}}
    path = f"/snapshots/{name}" + ("/clone" if method == "POST" else "")
    answer = await broker.request(method, path, bodies.get(method))
    assert answer.status == status


async def test_an_update_returns_the_snapshot_as_it_is_now(broker, kind):
    snapshot = await create(broker, snapshot_of(query(kind)))
    path = f"/snapshots/{snapshot['id']}"
    told = {"snapshotStatus": "success", "createdAt": "2000-01-01T00:00:00Z"}
    answer = await broker.patch(path, {"snapshotPriority": 2, "snapshotLifetime": "PT5M", **told})
    assert answer.status == 200
    changed = answer.json
    assert changed["snapshotPriority"] == 2
    assert 290 < seconds_until(changed["expiresAt"]) <= 300
    assert changed["snapshotStatus"] == "empty"
    assert changed["createdAt"] == snapshot["createdAt"]
    assert changed["modifiedAt"] > snapshot["modifiedAt"]
    assert (await broker.get(path)).json == changed
    removed = {"snapshotPriority": "urn:ngsi-ld:null", "snapshotLifetime": "urn:ngsi-ld:null"}
    back = (await broker.patch(path, removed)).json
    assert back["snapshotPriority"] == 5
    assert "snapshotLifetime" not in back
    assert seconds_until(back["expiresAt"]) > 86_000


@pytest.mark.parametrize(
    "fragment",
    [{}, [], {"snapshotQueries": []}, {"snapshotTemporalQueries": []}, {"id": "urn:x:1"},
     {"type": "Entity"}, {"snapshotPriority": 0}, {"snapshotLifetime": "x"}, {"flavour": 1},
     {"endpoint": "x"}],
)  # fmt: skip
async def test_a_fragment_that_is_none_is_refused(broker, kind, fragment):
    snapshot = await create(broker, snapshot_of(query(kind)))
    path = f"/snapshots/{snapshot['id']}"
    assert (await broker.patch(path, fragment)).status == 400
    assert (await broker.get(path)).json == snapshot


async def test_a_deleted_snapshot_is_gone_with_what_it_held(broker, kind, three):
    wish = snapshot_of(query(kind), id=urn("Snapshot", kind))
    snapshot = await create(broker, wish)
    path = f"/snapshots/{snapshot['id']}"
    assert (await broker.delete(path)).status == 204
    assert (await broker.get(path)).status == 404
    assert (await broker.delete(path)).status == 404
    lost = await broker.get(f"/entities/{three[0]}", **{SNAPSHOT: snapshot["id"]})
    assert (lost.status, lost.json["type"].rpartition("/")[2]) == (404, "ResourceNotFound")
    assert lost.headers[SNAPSHOT] == snapshot["id"]
    assert (await create(broker, wish))["snapshotStatus"] == "success"


async def test_an_expired_snapshot_is_gone_at_once(broker, kind, three):
    wish = snapshot_of(query(kind), id=urn("Snapshot", kind))
    snapshot = await create(broker, wish)
    path = f"/snapshots/{snapshot['id']}"
    assert (await broker.patch(path, {"snapshotLifetime": "PT0.001S"})).status == 200
    await asyncio.sleep(0.01)
    assert (await broker.get(path)).status == 404
    assert (await broker.get(f"/entities/{three[0]}", **{SNAPSHOT: snapshot["id"]})).status == 404
    assert (await create(broker, wish))["snapshotStatus"] == "success"


# ----------------------------------------------------------------- clone, purge (5.16.2, 5.16.7)


async def test_a_clone_holds_the_same_and_lives_by_itself(broker, kind, three):
    original = await create(broker, snapshot_of(query(kind), snapshotPriority=2))
    inside = {SNAPSHOT: original["id"]}
    await broker.patch(f"/entities/{three[0]}/attrs", {"p": 50}, **inside)
    path = f"/snapshots/{original['id']}"
    answer = await broker.post(f"{path}/clone", {"type": "Snapshot", "snapshotPriority": 9})
    assert answer.status == 201
    clone = await ready(broker, path_of(answer))
    assert (clone["snapshotStatus"], clone["snapshotPriority"]) == ("success", 9)
    assert clone["createdAt"] > original["createdAt"]
    assert await values(broker, kind, clone) == await values(broker, kind, original)
    assert (await values(broker, kind, clone))[three[0]]["p"] == 50
    await broker.patch(f"/entities/{three[0]}/attrs", {"p": 51}, **{SNAPSHOT: clone["id"]})
    assert (await values(broker, kind, original))[three[0]]["p"] == 50
    assert (await broker.delete(path)).status == 204
    assert (await values(broker, kind, clone))[three[0]]["p"] == 51
    types = await broker.get(f"/types/{kind}", **{SNAPSHOT: clone["id"]})
    assert types.json["entityCount"] == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"type": "Entity"}, 400),
        (snapshot_of(query("T")), 400),
        ({"type": "Snapshot", "snapshotTemporalQueries": []}, 400),
        ({"type": "Snapshot", "snapshotPriority": 0}, 400),
        ({"type": "Snapshot", "id": "urn:ngsi-ld:Snapshot:original"}, 409),
    ],
)
async def test_what_is_no_clone_is_refused(broker, kind, body, status):
    await create(broker, snapshot_of(query(kind), id="urn:ngsi-ld:Snapshot:original"))
    answer = await broker.post("/snapshots/urn:ngsi-ld:Snapshot:original/clone", body)
    assert answer.status == status, answer.text


async def test_a_purge_deletes_the_snapshots_that_fit(broker, kind, three):
    low = await create(broker, snapshot_of(query(kind), snapshotPriority=2))
    high = await create(broker, snapshot_of(query("Nothing"), snapshotPriority=9))

    async def left():
        paths = [f"/snapshots/{each['id']}" for each in (low, high)]
        return [(await broker.get(path)).status == 200 for path in paths]

    assert (await broker.delete("/snapshots?q=snapshotPriority%3E9")).status == 404
    assert await left() == [True, True]
    for misses in NOTHING_FITS:
        answer = await broker.delete(f"/snapshots?q={escaped(misses)}")
        assert answer.status == 404, misses
    gone = await broker.delete(f"/snapshots?q={escaped(EMPTY)}")
    assert (gone.status, gone.text) == (204, "")
    assert await left() == [True, False]
    rest = await broker.delete("/snapshots?q=snapshotPriority%3C5;createdAt%3E2020-01-01")
    assert rest.status == 204
    assert await left() == [False, False]


EMPTY = 'snapshotStatus=="empty"'
NOTHING_FITS = [
    'snapshotStatus=="failure"',
    "createdAt>2999-01-01T00:00:00Z",
    "lastUsedAt<2000-01-01T00:00:00Z",
    'snapshotQueriesDetails[resultStatus]=="failure"',
    "endpoint",
    'id=="urn:x:1"',
    'type!="Snapshot"',
]


def escaped(text):
    return text.replace(">", "%3E").replace("<", "%3C").replace('"', "%22")


@pytest.mark.parametrize(
    "parameters",
    ["", "?q=", "?q=speed%3E50", "?q=scope", "?q=snapshotPriority%3E", "?q=snapshotQueries.type",
     "?q=endpoint%7Bid%7D==1", "?limit=1"],
)  # fmt: skip
async def test_a_purge_by_anything_else_is_refused(broker, kind, parameters):
    snapshot = await create(broker, snapshot_of(query(kind)))
    assert (await broker.delete(f"/snapshots{parameters}")).status == 400
    assert (await broker.get(f"/snapshots/{snapshot['id']}")).status == 200
