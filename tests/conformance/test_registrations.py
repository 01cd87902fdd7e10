"""Context source registrations over HTTP (clauses 5.9, 5.10, 6.8, 6.9)."""

from __future__ import annotations

import asyncio

import pytest

from tests.api import SettableClock, build_with, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/csourceRegistrations"
LD = "application/ld+json"
NULL = "urn:ngsi-ld:null"


def uri(kind, suffix="1"):
    return f"urn:ngsi-ld:{kind}:{suffix}"


def registration(kind, suffix="1", *, entities=None, **members):
    given = {
        "id": uri(kind, suffix),
        "type": "ContextSourceRegistration",
        "endpoint": "http://source.example:1026",
        "information": [{"entities": entities or [{"type": kind}]}],
    }
    return {name: value for name, value in (given | members).items() if value is not None}


def named(kind, names, **entity):
    return [{"entities": [{"type": kind, **entity}], "propertyNames": names}]


async def register(broker, *bodies, **headers):
    for body in bodies:
        answer = await broker.post(PATH, body, **headers)
        assert answer.status == 201, answer.text
    return answer.headers["Location"].removeprefix("/ngsi-ld/v1")


async def found(broker, parameters, **headers):
    answer = await broker.get(f"{PATH}?{parameters}", **headers)
    assert answer.status == 200, answer.text
    return [one["id"].rpartition(":")[2] for one in answer.json]


def kind_of(answer):
    return answer.json["type"].rpartition("/")[2]


async def test_what_is_registered_can_be_read(broker, kind):
    path = await register(broker, registration(kind, scope="/a", owner="me"))
    assert path == f"{PATH}/{uri(kind)}"
    read = await broker.get(path)
    assert read.status == 200
    assert "json-ld#context" in read.headers["Link"]
    assert read.json == registration(
        kind, scope="/a", owner="me", mode="inclusive", operations=["federationOps"]
    )
    with_times = (await broker.get(f"{path}?options=sysAttrs")).json
    assert with_times["createdAt"] == with_times["modifiedAt"]
    assert "@context" in (await broker.get(path, Accept=LD)).json


async def test_an_id_is_made_where_none_is_given(broker, kind):
    path = await register(broker, registration(kind, id=None))
    assert (await broker.get(path)).json["id"].startswith("urn:ngsi-ld:ContextSourceRegistration:")


async def test_names_are_expanded_and_compacted(broker, kind):
    context = {"Thing": "https://example.org/Thing", "size": "https://example.org/size"}
    body = registration(kind, information=named("Thing", ["size"])) | {"@context": context}
    path = (await broker.post(PATH, body, **{"Content-Type": LD})).headers["Location"]
    read = (await broker.get(path.removeprefix("/ngsi-ld/v1"))).json
    info = read["information"][0]
    assert info["entities"] == [{"type": "https://example.org/Thing"}]
    assert info["propertyNames"] == ["https://example.org/size"]
    assert await found(broker, "type=https://example.org/Thing") == ["1"]
    assert await found(broker, "type=Thing") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", PATH, {}, 400, "BadRequestData"),
        ("POST", PATH, [], 400, "BadRequestData"),
        ("POST", PATH, {"type": "ContextSourceRegistration"}, 400, "BadRequestData"),
        ("GET", f"{PATH}/none", None, 400, "BadRequestData"),
        ("GET", f"{PATH}/urn:x:none", None, 404, "ResourceNotFound"),
        ("PATCH", f"{PATH}/none", {"scope": "/a"}, 400, "BadRequestData"),
        ("PATCH", f"{PATH}/urn:x:none", {"scope": "/a"}, 404, "ResourceNotFound"),
        ("PATCH", f"{PATH}/urn:x:none", {"scope": "//"}, 400, "BadRequestData"),
        ("DELETE", f"{PATH}/none", None, 400, "BadRequestData"),
        ("DELETE", f"{PATH}/urn:x:none", None, 404, "ResourceNotFound"),
        ("GET", PATH, None, 400, "BadRequestData"),
        ("GET", f"{PATH}?id=urn:x:1", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?scopeQ=/a", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&id=x", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&csf=((", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&csf=a%7Bb%7D", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&q=a%3E", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&georel=within", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&timerel=before", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&timeAt=2020-01-01T00:00:00Z", None, 400, "BadRequestData"),
        ("GET", f"{PATH}?type=T&local=true", None, 400, "InvalidRequest"),
        ("GET", f"{PATH}?type=T&limit=0", None, 400, "BadRequestData"),
        ("PUT", f"{PATH}/urn:x:none", {}, 405, "InvalidRequest"),
    ],
)
async def test_mistakes(broker, method, path, body, status, error):
    answer = await broker.request(method, path, body)
    assert (answer.status, kind_of(answer)) == (status, error)
    assert len(answer.json["detail"]) > 10


async def test_an_id_is_taken_once(broker, kind):
    await register(broker, registration(kind))
    again = await broker.post(PATH, registration(kind))
    assert (again.status, kind_of(again)) == (409, "AlreadyExists")


async def test_an_update_changes_what_it_names_and_null_removes(broker, kind):
    path = await register(broker, registration(kind, scope="/a", owner="me", tenant="t"))
    fragment = {"endpoint": "http://other.example", "scope": NULL, "owner": NULL}
    assert (await broker.patch(path, fragment)).status == 204
    read = (await broker.get(f"{path}?options=sysAttrs")).json
    assert read["endpoint"] == "http://other.example"
    assert "scope" not in read
    assert "owner" not in read
    assert read["tenant"] == "t"
    assert read["modifiedAt"] > read["createdAt"]
    assert (await broker.patch(path, {"information": NULL})).status == 400
    assert (await broker.patch(path, {"expiresAt": "2020-01-01T00:00:00Z"})).status == 400


async def test_what_is_deleted_is_gone(broker, kind):
    path = await register(broker, registration(kind))
    assert (await broker.delete(path)).status == 204
    assert (await broker.get(path)).status == 404
    assert (await broker.delete(path)).status == 404


async def test_what_has_expired_is_as_if_it_were_not_there(mongodb_uri, database_prefix, kind):
    clock = SettableClock()
    application = await asyncio.to_thread(build_with, clock, mongodb_uri, database_prefix)
    async with serving(application) as broker:
        past = await broker.post(PATH, registration(kind, expiresAt="2020-01-01T00:00:00Z"))
        assert (past.status, kind_of(past)) == (400, "BadRequestData")
        path = await register(broker, registration(kind, expiresAt=clock.after(seconds=600)))
        assert (await broker.get(path)).status == 200
        clock.advance(seconds=600)
        assert (await broker.get(path)).status == 404
        assert await found(broker, f"type={kind}") == []
        assert (await broker.patch(path, {"scope": "/a"})).status == 404
        await register(broker, registration(kind))
        assert (await broker.get(path)).status == 200


async def test_tenants_do_not_see_each_other(broker, kind):
    tenant = {"NGSILD-Tenant": f"t{kind}"}
    missing = await broker.get(f"{PATH}?type={kind}", **tenant)
    assert (missing.status, kind_of(missing)) == (404, "NonexistentTenant")
    path = await register(broker, registration(kind), **tenant)
    assert (await broker.get(path)).status == 404
    assert await found(broker, f"type={kind}") == []
    assert await found(broker, f"type={kind}", **tenant) == ["1"]


async def test_registrations_are_found_by_what_is_asked_for(broker, kind):
    await register(
        broker,
        registration(kind, "any"),
        registration(kind, "p", information=named(kind, ["p", "q"])),
        registration(kind, "one", information=named(kind, ["q"], id="urn:x:1")),
        registration(kind, "like", information=named(kind, ["p"], idPattern="2$")),
        registration(kind, "other", entities=[{"type": f"{kind}Other"}]),
        registration(kind, "time", observationInterval={"startAt": "2020-01-01T00:00:00Z"}),
    )
    for parameters, expected in [
        ("", ["any", "p", "one", "like"]),
        ("&attrs=p", ["any", "p", "like"]),
        ("&pick=id,q", ["any", "p", "one"]),
        ("&attrs=r", ["any"]),
        ("&q=p%3E5", ["any", "p", "like"]),
        ("&id=urn:x:1", ["any", "p", "one"]),
        ("&id=urn:x:2,urn:x:3", ["any", "p", "like"]),
        ("&idPattern=1$", ["any", "p", "one", "like"]),
        ("&timerel=after&timeAt=2021-01-01T00:00:00Z", ["time"]),
        ("&timerel=after&timeAt=2021-01-01T00:00:00Z&timeproperty=createdAt", []),
    ]:
        assert await found(broker, f"type={kind}{parameters}") == expected, parameters


async def test_a_registration_is_told_as_it_is(broker, kind):
    information = [*named(kind, ["p"]), *named("Other", ["q"])]
    path = await register(broker, registration(kind, information=information))
    (part,) = (await broker.get(f"{PATH}?type={kind}")).json
    assert part["information"] == information
    assert (await broker.get(path)).json == part


async def test_sources_are_filtered_by_their_members(broker, kind):
    square = [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]
    area = {"type": "Polygon", "coordinates": square}
    await register(
        broker,
        registration(kind, "a", endpoint="http://a.example", scope="/x/y", location=area),
        registration(kind, "b", rank=5, datasetId=["urn:d:1"]),
    )
    near = "&georel=near;maxDistance==10&geometry=Point&coordinates=%5B1,1%5D"
    for parameters, expected in [
        ('&csf=endpoint=="http://a.example"', ["a"]),
        ("&csf=rank%3E4", ["b"]),
        ("&csf=mode==inclusive", ["a", "b"]),
        ("&scopeQ=/x/%23", ["a"]),
        (near, ["a"]),
        (f"{near}&geoproperty=operationSpace", []),
        ("&datasetId=urn:d:2", ["a"]),
        ("&datasetId=urn:d:1", ["a", "b"]),
    ]:
        assert await found(broker, f"type={kind}{parameters}") == expected, parameters


async def test_pages(broker, kind):
    await register(broker, *[registration(kind, str(number)) for number in range(5)])
    answer = await broker.get(f"{PATH}?type={kind}&limit=2&offset=2&count=true")
    assert answer.headers["NGSILD-Results-Count"] == "5"
    links = answer.headers.getall("Link")
    assert any("offset=4" in link and 'rel="next"' in link for link in links)
    assert any("offset=0" in link and 'rel="prev"' in link for link in links)
    assert all('type="application/ld+json"' in link for link in links if "offset=" in link)
    asked = f"{PATH}?type={kind}&limit=2&offset=2"
    chosen = (await broker.get(asked, Accept="application/json")).headers.getall("Link")
    assert all('type="application/json"' in link for link in chosen if "offset=" in link)
    assert await found(broker, f"type={kind}&limit=2&offset=2") == ["2", "3"]
    last = await broker.get(f"{PATH}?type={kind}&limit=2&offset=4")
    assert not any('rel="next"' in link for link in last.headers.getall("Link"))


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"mode": "exclusive"}, 400),
        ({"mode": "auxiliary"}, 400),
        ({"mode": "auxiliary", "operations": ["updateEntity"]}, 400),
        ({"mode": "auxiliary", "operations": ["retrieveOps"]}, 201),
        ({"mode": "redirect"}, 201),
    ],
)
async def test_modes_demand_a_form(broker, kind, members, status):
    answer = await broker.post(PATH, registration(kind, **members))
    assert answer.status == status
    assert status == 201 or kind_of(answer) == "BadRequestData"


async def test_an_exclusive_registration_and_another_cannot_both_be(broker, kind):
    mine = named(kind, ["p"], id=uri(kind, "e"))
    await register(broker, registration(kind, "1", mode="exclusive", information=mine))
    for members in (
        {"mode": "exclusive", "information": named(kind, ["p", "q"], id=uri(kind, "e"))},
        {"mode": "redirect", "information": mine},
        {"mode": "redirect"},
    ):
        answer = await broker.post(PATH, registration(kind, "2", **members))
        assert (answer.status, kind_of(answer)) == (409, "Conflict")
    other = named(kind, ["q"], id=uri(kind, "e"))
    path = await register(
        broker,
        registration(kind, "2", mode="exclusive", information=other),
        registration(kind, "3"),
    )
    clash = await broker.patch(path, {"mode": "redirect"})
    assert (clash.status, kind_of(clash)) == (409, "Conflict")
    assert (await broker.patch(path, {"mode": "inclusive", "scope": "/a"})).status == 204
    assert (await broker.patch(f"{PATH}/{uri(kind)}", {"scope": "/b"})).status == 204


async def test_of_exclusive_registrations_at_once_one_is_made(broker, kind):
    mine = named(kind, ["p"], id=uri(kind, "e"))
    bodies = [
        registration(kind, str(number), mode="exclusive", information=mine) for number in range(6)
    ]
    answers = await asyncio.gather(*[broker.post(PATH, body) for body in bodies])
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5


async def test_entities_that_are_here_are_in_the_way_of_proxied_ones(broker, kind):
    entity = {"id": uri(kind, "e"), "type": kind, "p": 1}
    assert (await broker.post("/entities", entity)).status == 201
    for members, status in [
        ({"mode": "exclusive", "information": named(kind, ["p"], id=uri(kind, "e"))}, 409),
        ({"mode": "exclusive", "information": named(kind, ["q"], id=uri(kind, "e"))}, 201),
        ({"mode": "redirect", "information": named(kind, ["p"])}, 409),
        ({"mode": "redirect", "information": named(kind, ["r"])}, 201),
        ({"mode": "redirect", "entities": [{"type": kind, "idPattern": "e$"}]}, 409),
        ({"mode": "redirect", "entities": [{"type": kind, "idPattern": "f$"}]}, 201),
        ({"mode": "inclusive"}, 201),
    ]:
        answer = await broker.post(PATH, registration(kind, **members))
        assert answer.status == status, members
        assert status == 201 or kind_of(answer) == "Conflict"
        await broker.delete(f"{PATH}/{uri(kind)}")
