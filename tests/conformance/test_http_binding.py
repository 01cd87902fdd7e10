"""Rules of every request (clauses 6.3.2 to 6.3.7, 6.3.11, 6.3.13 to 6.3.15, 6.3.20)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from tests.api import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON, LD, GEO = "application/json", "application/ld+json", "application/geo+json"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
RELATION = "http://www.w3.org/ns/json-ld#context"
LINK = f'<{CORE}>; rel="{RELATION}"; type="{LD}"'


def uri(kind, suffix="1"):
    return f"urn:ngsi-ld:{kind}:{suffix}"


@pytest_asyncio.fixture(loop_scope="module")
async def room(broker, kind):
    """The path of an entity that is there."""
    body = {
        "id": uri(kind),
        "type": kind,
        "p": 1,
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    }
    assert (await broker.post("/entities", body)).status == 201
    return f"/entities/{uri(kind)}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{LD}, {JSON}", JSON),
        (f"{JSON};q=0.5, {LD}", LD),
        (f"{GEO}, {LD};q=0.9", GEO),
        (f"text/html, {LD};q=0.1", LD),
        (f"{LD};q=notanumber", LD),
    ],
)
async def test_the_media_type_is_negotiated(broker, room, accept, media_type):
    answer = await broker.get(room, Accept=accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"].partition(";")[0] == media_type


async def test_nothing_acceptable_is_406_with_what_there_is(broker, room):
    answer = await broker.get(room, Accept="text/turtle")
    assert answer.status == 406
    assert all(media_type in answer.text for media_type in (JSON, LD, GEO))


@pytest.mark.parametrize("path", ["/types", "/attributes", "/subscriptions", "/jsonldContexts"])
async def test_geojson_is_for_entities_only(broker, path):
    assert (await broker.get(path, Accept=GEO)).status == 406


@pytest.mark.parametrize(
    ("method", "media_type", "status"),
    [
        ("PATCH", "application/merge-patch+json", 204),
        ("PATCH", "text/plain", 415),
        ("POST", "application/merge-patch+json", 415),
        ("POST", "application/json; charset=utf-8", 204),
    ],
)
async def test_the_media_type_of_a_body_is_checked(broker, room, method, media_type, status):
    answer = await broker.request(method, f"{room}/attrs", {"p": 2}, {"Content-Type": media_type})
    assert answer.status == status


async def test_a_body_has_to_say_what_it_is(broker):
    where = urlsplit(broker.root)
    request = "POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    assert b" 400 " in await broker_says(where, request.encode())


@pytest.mark.parametrize("said", [f"Content-Type: {JSON}\r\n", ""])
async def test_a_body_of_unknown_length_is_411(broker, said):
    where = urlsplit(broker.root)
    request = f"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\n{said}\r\n"
    assert b" 411 " in await broker_says(where, request.encode())


async def test_a_body_in_chunks_is_as_long_as_they_are(broker, kind):
    where = urlsplit(broker.root)
    body = f'{{"id": "{uri(kind)}", "type": "{kind}"}}'
    head = f"Host: x\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = f"POST /ngsi-ld/v1/entities HTTP/1.1\r\n{head}{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    assert b" 201 " in await broker_says(where, request.encode())


async def broker_says(where, request):
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request)
    await writer.drain()
    line = await reader.readline()
    writer.close()
    return line


async def test_the_context_comes_by_link_or_in_the_body(broker, kind):
    by_link = await broker.post("/entities", {"id": uri(kind, "l"), "type": kind}, Link=LINK)
    body = {"id": uri(kind, "b"), "type": kind, "@context": [{"kind": "https://e.org/kind"}, CORE]}
    in_body = await broker.request("POST", "/entities", body, {"Content-Type": LD})
    assert (by_link.status, in_body.status) == (201, 201)


@pytest.mark.parametrize(
    ("media_type", "has_context", "link"),
    [(JSON, True, None), (LD, False, None), (LD, True, LINK)],
)
async def test_the_context_comes_in_one_way_only(broker, kind, media_type, has_context, link):
    body = {"id": uri(kind), "type": kind} | ({"@context": CORE} if has_context else {})
    headers = {"Content-Type": media_type} | ({"Link": link} if link else {})
    answer = await broker.request("POST", "/entities", body, headers)
    assert (answer.status, answer.json["type"][-14:]) == (400, "BadRequestData")


async def test_names_mean_what_the_context_of_the_request_says(broker, kind):
    context = {"@context": {"size": "https://example.org/size", kind: "https://example.org/Kind"}}
    body = {"id": uri(kind), "type": kind, "size": 7, **context}
    assert (await broker.request("POST", "/entities", body, {"Content-Type": LD})).status == 201
    plain = (await broker.get(f"/entities/{uri(kind)}")).json
    assert plain["https://example.org/size"]["value"] == 7
    assert plain["type"] == "https://example.org/Kind"


async def test_the_context_of_an_answer_is_where_its_media_type_puts_it(broker, room):
    plain, linked = await broker.get(room), await broker.get(room, Accept=LD)
    assert "@context" not in plain.json
    assert f'rel="{RELATION}"' in plain.headers["Link"]
    assert "@context" in linked.json
    assert "Link" not in linked.headers


async def test_geojson_has_the_context_in_the_body_unless_told_otherwise(broker, room):
    feature = await broker.get(room, Accept=GEO)
    assert feature.json["geometry"] == {"type": "Point", "coordinates": [1, 2]}
    assert "@context" in feature.json
    told = await broker.get(room, Accept=GEO, Prefer="body=json")
    assert "@context" not in told.json
    assert RELATION in told.headers["Link"]


@pytest.mark.parametrize("projection", ["pick=p", "pick=p,location", "omit=location,id"])
async def test_a_feature_has_its_geometry_whatever_members_are_shown(broker, room, projection):
    feature = (await broker.get(f"{room}?{projection}", Accept=GEO)).json
    assert feature["geometry"] == {"type": "Point", "coordinates": [1, 2]}
    kind = room.split(":")[-2]
    (listed,) = (await broker.get(f"/entities?type={kind}&{projection}", Accept=GEO)).json[
        "features"
    ]
    assert listed["geometry"] == feature["geometry"]


async def test_nothing_is_carried_out_that_wants_geojson_of_no_entity(broker, room):
    assert (await broker.request("DELETE", room, None, {"Accept": GEO})).status == 406
    changed = await broker.request("PATCH", f"{room}/attrs", {"p": 9}, {"Accept": GEO})
    assert changed.status == 406
    assert (await broker.get(room)).json["p"]["value"] == 1
    either = await broker.request("PATCH", f"{room}/attrs", {"p": 9}, {"Accept": f"{GEO}, */*"})
    assert either.status == 204


async def test_system_attributes_come_on_request(broker, room):
    assert "createdAt" not in (await broker.get(room)).json
    shown = (await broker.get(f"{room}?options=sysAttrs")).json
    assert {"createdAt", "modifiedAt"} <= shown.keys() & shown["p"].keys()


async def test_a_count_is_of_the_whole_result(broker, kind):
    bodies = [{"id": uri(kind, str(number)), "type": kind} for number in range(5)]
    await broker.post("/entityOperations/create", bodies)
    some = await broker.get(f"/entities?type={kind}&count=true&limit=2")
    assert (len(some.json), some.headers["NGSILD-Results-Count"]) == (2, "5")
    older = await broker.get(f"/entities?type={kind}&options=keyValues,count&limit=1")
    assert (older.json, older.headers["NGSILD-Results-Count"]) == (bodies[:1], "5")
    none = await broker.get(f"/entities?type={kind}&count=true&limit=0")
    assert (none.json, none.headers["NGSILD-Results-Count"]) == ([], "5")
    assert (await broker.get(f"/entities?type={kind}&limit=0")).status == 400
    assert "NGSILD-Results-Count" not in (await broker.get(f"/entities?type={kind}")).headers


@pytest.mark.parametrize("form", ["city-{}", "urn:ngsi-ld:tenant:{}", "{}.example.org"])
async def test_a_tenant_is_made_by_the_first_entity_and_apart_from_others(broker, kind, form):
    tenant = {"NGSILD-Tenant": form.format(kind.lower())}
    missing = await broker.get(f"/entities?type={kind}", **tenant)
    assert (missing.status, missing.json["type"][-17:]) == (404, "NonexistentTenant")
    created = await broker.post("/entities", {"id": uri(kind), "type": kind}, **tenant)
    assert (created.status, created.headers["NGSILD-Tenant"]) == (201, tenant["NGSILD-Tenant"])
    inside = await broker.get(f"/entities/{uri(kind)}", **tenant)
    assert (inside.status, inside.headers["NGSILD-Tenant"]) == (200, tenant["NGSILD-Tenant"])
    found = await broker.get(f"/entities?type={kind}&options=count", **tenant)
    assert found.headers["NGSILD-Results-Count"] == "1"
    outside = await broker.get(f"/entities/{uri(kind)}")
    assert outside.status == 404
    assert "NGSILD-Tenant" not in outside.headers


async def test_the_headers_of_ngsiv2_name_no_tenant_and_no_scope(broker, kind):
    agent = {"Fiware-Service": f"fiware-{kind.lower()}", "Fiware-ServicePath": "/gardens"}
    body = {"id": uri(kind), "type": kind}
    assert (await broker.post("/entities", body, **agent)).status == 201
    default = await broker.get(f"/entities/{uri(kind)}")
    assert (default.status, default.json) == (200, body)
    both = agent | {"NGSILD-Tenant": f"ld-{kind.lower()}", "NGSILD-Path": "/gardens"}
    assert (await broker.post("/entities", body, **both)).headers["NGSILD-Tenant"][:3] == "ld-"
    assert (await broker.get(f"/entities/{uri(kind)}", **both)).json == body


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/entities?type=Room&deleteAll=true", None),
        ("GET", "/entities/urn:x:1?limit=1", None),
        ("DELETE", "/entities/urn:x:1?q=p", None),
        ("POST", "/entities/urn:x:1/attrs?options=update", {"p": 1}),
        ("POST", "/entityOperations/upsert?options=sysAttrs", [{"id": "urn:x:1", "type": "R"}]),
        ("GET", "/entities?type=Room&options=noOverwrite", None),
        ("POST", "/entities?options=keyValues", {"id": "urn:x:1", "type": "R"}),
        ("PUT", "/entities/urn:x:1?options=keyValues", {"id": "urn:x:1", "type": "R"}),
        ("PATCH", "/entities/urn:x:1?options=noOverwrite", {"p": 1}),
        ("PATCH", "/entities/urn:x:1/attrs?options=noOverwrite", {"p": 1}),
        ("PATCH", "/entities/urn:x:1/attrs/p?options=keyValues", {"value": 1}),
        ("PUT", "/entities/urn:x:1/attrs/p?options=keyValues", {"value": 1}),
        ("POST", "/entityOperations/create?options=noOverwrite", [{"id": "urn:x:1", "type": "R"}]),
        ("POST", "/entityOperations/query?options=noOverwrite", {"type": "Query", "q": "p"}),
        ("GET", "/subscriptions?options=keyValues", None),
        ("GET", "/csourceRegistrations?type=R&options=keyValues", None),
        ("GET", "/types?limit=1", None),
    ],
)
async def test_parameters_an_operation_has_not_are_invalid_requests(broker, method, path, body):
    answer = await broker.request(method, path, body)
    assert (answer.status, answer.json["type"][-14:]) == (400, "InvalidRequest")


async def test_a_method_a_resource_has_not_is_405_with_those_it_has(broker):
    answer = await broker.request("PUT", "/entities", {})
    assert answer.status == 405
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["Allow"].split(", "))


async def test_a_path_with_a_line_feed_is_answered_like_any_other(broker):
    answer = await broker.request("GET", "/types/a%0Ab")
    assert (answer.status, answer.json["type"][-16:]) == (404, "ResourceNotFound")


async def test_options_names_what_a_resource_has(broker):
    answer = await broker.request("OPTIONS", "/entities/urn:x:1")
    assert answer.status == 204
    assert {"GET", "HEAD", "PATCH", "PUT", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    assert "application/merge-patch+json" in answer.headers["Accept-Patch"].split(", ")
    assert "Accept-Patch" not in (await broker.request("OPTIONS", "/entities")).headers


async def test_head_is_answered_as_get_without_its_body(broker):
    answer = await broker.request("HEAD", "/types")
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_a_slash_too_many_before_the_path_is_told(broker):
    async with aiohttp.ClientSession() as session:
        answer = await Api(session, f"{broker.root}/").get("/entities?local=true")
    assert answer.status == 404
    assert "a slash too many" in answer.json["detail"]
