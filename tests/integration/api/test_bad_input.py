"""What a client may do wrong over HTTP: the status, the NGSI-LD type and a sentence that helps.

Each case is one request on a broker that holds one entity, one subscription and nothing else;
afterwards both are as they were.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.api import build, drop_databases, serving

ENTITY = "urn:ngsi-ld:Room:1"
E = f"/entities/{ENTITY}"
A = f"{E}/attrs"
BATCH = "/entityOperations"
JSON = "application/json"
LD = "application/ld+json"
CONTEXT = '<https://contexts.invalid/c.jsonld>; rel="http://www.w3.org/ns/json-ld#context"'


@dataclass(frozen=True)
class Case:
    """A request, and what the answer has to say."""

    name: str
    method: str
    path: str
    body: Any = None
    status: int = 400
    error: str = "BadRequestData"
    says: str = ""
    pointer: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def entity(**members: Any) -> dict[str, Any]:
    """Return an entity that would be fine without `members`."""
    return {"id": "urn:ngsi-ld:Room:2", "type": "Room", **members}


def prop(**members: Any) -> dict[str, Any]:
    """Return an entity with one attribute `p`."""
    return entity(p=members)


def place(kind: str, coordinates: Any) -> dict[str, Any]:
    """Return an entity with a location."""
    return entity(
        location={"type": "GeoProperty", "value": {"type": kind, "coordinates": coordinates}}
    )


def subscription(**members: Any) -> dict[str, Any]:
    """Return a subscription that would be fine without `members`."""
    return {
        "type": "Subscription",
        "entities": [{"type": "Room"}],
        "notification": {"endpoint": {"uri": "http://127.0.0.1:9/n", "accept": JSON}},
        **members,
    }


def post(name: str, body: Any, **more: Any) -> Case:
    """Return a case of Create Entity."""
    return Case(name, "POST", "/entities", body, **more)


def query(name: str, parameters: str, **more: Any) -> Case:
    """Return a case of Query Entities."""
    return Case(name, "GET", f"/entities?{parameters}", **more)


def subscribe(name: str, body: Any, **more: Any) -> Case:
    """Return a case of Create Subscription."""
    return Case(name, "POST", "/subscriptions", body, **more)


INVALID = {"error": "InvalidRequest"}

BODIES = [
    post("truncated JSON", b'{"id": "urn:x:1", ', says="line 1", **INVALID),
    post("no JSON at all", b"id=1&type=Room", says="not valid JSON", **INVALID),
    post("a trailing comma", b'{"id": "urn:x:1", "type": "Room",}', says="column", **INVALID),
    post("not UTF-8", '{"id": "urn:x:1", "type": "部屋"}'.encode("cp932"), **INVALID),
    post("NaN", b'{"id": "urn:x:1", "type": "R", "p": NaN}', **INVALID),
    post("an empty body", b"", says="no body", **INVALID),
    post("an empty object", {}, says="empty", **INVALID),
    post("a number", b"5", says="JSON object"),
    post("a string", "room", says="JSON object"),
    post("an array", [entity()], says="JSON object"),
    post("a name twice", b'{"id": "urn:x:1", "type": "R", "p": 1, "p": 2}', says="'p'", **INVALID),
    post(
        "a name twice, deep down",
        b'{"id": "urn:x:1", "type": "R", "p": {"value": {"a": 1, "a": 2}}}',
        says="'a'",
        **INVALID,
    ),
    post("deep nesting", b"[" * 100 + b"]" * 100, says="deep", **INVALID),
    post("hopelessly deep nesting", b"[" * 100_000 + b"]" * 100_000, **INVALID),
    post("a huge body", b" " * (17 * 1024 * 1024), status=413, says="bytes", **INVALID),
    post("XML", b"<room/>", status=415, headers={"Content-Type": "text/xml"}, **INVALID),
    post("no media type", b"{}", status=415, headers={"Content-Type": ""}, **INVALID),
    Case(
        "merge-patch for POST",
        "POST",
        A,
        {"p": 1},
        415,
        headers={"Content-Type": "application/merge-patch+json"},
        says="for PATCH alone",
        **INVALID,
    ),
]

ENTITIES = [
    post("no id", {"type": "Room", "p": 1}, says="'id'"),
    post("no type", {"id": "urn:x:1", "p": 1}, says="'type'"),
    post("an id that is no URI", entity(id="room 1"), pointer="/id", says="URI"),
    post("an id that is a number", entity(id=7), pointer="/id"),
    post("an empty type", entity(type=""), pointer="/type"),
    post("a type that is a number", entity(type=1), pointer="/type"),
    post("no types", entity(type=[]), pointer="/type"),
    post("an attribute without value", prop(type="Property"), says="value", pointer="/p"),
    post("an unknown kind of attribute", prop(type="Propertie", value=1), pointer="/p/type"),
    post("null as a value", prop(type="Property", value=None), says="null"),
    post("the NGSI-LD Null as a value", prop(type="Property", value="urn:ngsi-ld:null")),
    post("null as an attribute", entity(p=None), says="null"),
    post("two values", prop(type="Property", value=1, object="urn:x:1")),
    post(
        "a relationship without object",
        prop(type="Relationship", value="urn:x:1"),
        says="its value is the member 'object'",
        pointer="/p/value",
    ),
    post(
        "a relationship with a unit",
        prop(type="Relationship", object="urn:x:1", unitCode="CEL"),
        says="a Relationship cannot have this member",
        pointer="/p/unitCode",
    ),
    post("a relationship to no URI", prop(type="Relationship", object="room one"), says="URI"),
    post("a language map that is none", prop(type="LanguageProperty", languageMap="Zimmer")),
    post("a language that is none", prop(type="LanguageProperty", languageMap={"e n": "room"})),
    post("a vocab that is a number", prop(type="VocabProperty", vocab=4)),
    post("a list that is none", prop(type="ListProperty", valueList=4)),
    post("a date that is none", prop(type="Property", value=1, observedAt="yesterday")),
    post("a date without zone", prop(type="Property", value=1, observedAt="2026-01-01T00:00:00")),
    post("the 30th of February", prop(type="Property", value=1, observedAt="2026-02-30T00:00:00Z")),
    *(
        post(
            f"{name} as a sub-attribute",
            prop(type="Property", value=1, **{name: {"type": "Property", "value": "CEL"}}),
            says="no sub-attribute",
            pointer=f"/p/{name}",
        )
        for name in ("valueType", "unitCode", "observedAt")
    ),
    post("a unit that is a number", prop(type="Property", value=1, unitCode=5)),
    post("a datasetId that is no URI", prop(type="Property", value=1, datasetId="second one")),
    post(
        "a datasetId twice",
        entity(p=[{"type": "Property", "value": 1}, {"type": "Property", "value": 2}]),
    ),
    post("a geometry that is none", place("Circle", [1, 2]), says="types Point"),
    post("a point with one number", place("Point", [139.7])),
    post("a point of text", place("Point", ["139.7", "35.6"])),
    post("an open ring", place("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1]]])),
    post("a line of one point", place("LineString", [[0, 0]])),
    post(
        "a location that is a Property",
        entity(location={"type": "Property", "value": {"type": "Point", "coordinates": [1, 2]}}),
        says='not a Property: its "type" is "GeoProperty"',
        pointer="/location",
    ),
    post("a location that is text", entity(location={"type": "GeoProperty", "value": "35,139"})),
    post("a scope that is none", entity(scope="a b")),
    post("an expiry that is none", entity(expiresAt="soon")),
    post("a name with a blank", entity(**{"room size": 1})),
    post("a reserved name", entity(observedAt={"type": "Property", "value": 1})),
    post("@context in plain JSON", entity(**{"@context": "https://x.invalid/c"}), says="ld+json"),
    post("JSON-LD without @context", entity(), says="@context", headers={"Content-Type": LD}),
    post(
        "an @context twice",
        entity(**{"@context": []}),
        headers={"Content-Type": LD, "Link": CONTEXT},
        says="Link",
    ),
    post("an @context that is a number", entity(**{"@context": 5}), headers={"Content-Type": LD}),
    post(
        "an @context nobody can get",
        entity(),
        status=504,
        error="LdContextNotAvailable",
        says="contexts.invalid",
        headers={"Link": CONTEXT},
    ),
    post(
        "an entity that exists", entity(id=ENTITY), status=409, error="AlreadyExists", says=ENTITY
    ),
]

CHANGES = [
    Case(
        "an unknown entity",
        "PATCH",
        "/entities/urn:x:none/attrs",
        {"p": 1},
        404,
        "ResourceNotFound",
    ),
    Case("an unknown attribute", "PATCH", f"{A}/none", {"value": 1}, 404, "ResourceNotFound"),
    Case("an attribute name that is none", "PATCH", f"{A}/a%20b", {"value": 1}),
    Case("an entity id that is none", "PATCH", "/entities/room/attrs", {"p": 1}, says="URI"),
    Case("another id in the body", "PATCH", E, {"id": "urn:x:2", "p": 1}, pointer="/id"),
    Case(
        "another kind of attribute",
        "PATCH",
        f"{A}/p",
        {"type": "Relationship", "object": "urn:x:1"},
    ),
    Case("a partial update of nothing", "PATCH", f"{A}/p", {}, says="empty"),
    Case("scope as an attribute", "PATCH", f"{A}/scope", {"value": "/a"}, says="scope"),
    Case("an attribute nobody has", "DELETE", f"{A}/none", None, 404, "ResourceNotFound"),
    Case(
        "an instance nobody has",
        "DELETE",
        f"{A}/p?datasetId=urn:x:9",
        None,
        404,
        "ResourceNotFound",
    ),
    Case(
        "a Boolean that is none",
        "DELETE",
        f"{A}/p?deleteAll=yes",
        None,
        says="true or false",
        **INVALID,
    ),
    Case("a replacement without type", "PUT", E, {"p": 1}, says="type"),
    Case(
        "an unknown option",
        "POST",
        f"{A}?options=noOverwrit",
        {"p": 1},
        says="noOverwrite",
        **INVALID,
    ),
    Case("a wrong observedAt", "PATCH", f"{E}?observedAt=now", {"p": 1}, says="observedAt"),
    Case(
        "a version long gone",
        "PATCH",
        A,
        {"p": 5},
        412,
        "InvalidRequest",
        headers={"If-Match": '"0-0"'},
    ),
    Case(
        "an entity tag that is none", "PATCH", A, {"p": 5}, headers={"If-Match": "seven"}, **INVALID
    ),
    Case("another type", "DELETE", f"{E}?type=Car", None, 404, "ResourceNotFound"),
    Case("nothing to delete", "DELETE", "/entities/urn:x:none", None, 404, "ResourceNotFound"),
    Case("a method it has not", "PUT", "/entities", {}, 405, "InvalidRequest", says="GET"),
    Case("a path it has not", "GET", "/entity", None, 404, "ResourceNotFound"),
    Case("no id in the path", "PATCH", "/entities//attrs", {"p": 1}, says="missing"),
    Case(
        "an unknown tenant",
        "GET",
        E,
        None,
        404,
        "NonexistentTenant",
        headers={"NGSILD-Tenant": "x"},
    ),
    Case(
        "a tenant name that is none",
        "GET",
        E,
        None,
        headers={"NGSILD-Tenant": "a/b"},
        says="letters",
    ),
]

BATCHES = [
    Case("a batch that is none", "POST", f"{BATCH}/create", {"id": ENTITY}, says="array"),
    Case("an empty batch", "POST", f"{BATCH}/upsert", [], says="at least one"),
    Case("null in a batch", "POST", f"{BATCH}/create", [entity(), None], pointer="/1"),
    Case("a batch too large", "POST", f"{BATCH}/delete", ["urn:x:1"] * 5001, 413, says="5000"),
    Case("two modes", "POST", f"{BATCH}/upsert?options=update,replace", [entity()]),
    Case("a query that is none", "POST", f"{BATCH}/query", [1], says="object"),
    Case(
        "a query without type",
        "POST",
        f"{BATCH}/query",
        {"entities": [{"type": "R"}]},
        pointer="/type",
    ),
    Case(
        "an unknown member of a query",
        "POST",
        f"{BATCH}/query",
        {"type": "Query", "entitis": []},
        says="entities",
        pointer="/entitis",
    ),
]

QUERIES = [
    query("nothing to look for", "", says="too wide"),
    query("an unknown parameter", "typ=Room", says="'type'", **INVALID),
    query("an option by itself", "type=Room&sysAttrs=true", says="options=sysAttrs", **INVALID),
    query("an id among attrs", "type=Room&attrs=id,p", says="pick=id"),
    query("a parameter twice", "type=Room&type=Car", says="more than once", **INVALID),
    query("an empty parameter", "type=", says="empty"),
    query("a limit that is none", "type=Room&limit=ten", says="number"),
    query("a negative limit", "type=Room&limit=-1"),
    query(
        "a limit too large",
        "type=Room&limit=100000",
        says="1000",
        status=403,
        error="TooManyResults",
    ),
    query("limit 0 without count", "type=Room&limit=0", says="count"),
    query("a q that ends too early", "type=Room&q=p%3E", says="q"),
    query("a q with one =", "type=Room&q=p=5"),
    query("a q without name", "type=Room&q===5"),
    query("an open parenthesis", "type=Room&q=(p==1"),
    query("an open bracket", "type=Room&q=p[a==1"),
    query("a pattern that is none", "type=Room&q=p~=(", says="regular expression"),
    query(
        "an endless q",
        "type=Room&q=" + "p==1;" * 1000 + "p==1",
        status=403,
        error="TooComplexQuery",
    ),
    query("an id that is none", "id=room&type=Room", says="URI"),
    query("an idPattern that is none", "type=Room&idPattern=*", says="idPattern"),
    query("a geo-query without coordinates", "type=Room&georel=near;maxDistance==1&geometry=Point"),
    query(
        "an unknown georel", "type=Room&georel=by&geometry=Point&coordinates=[1,2]", says="georel"
    ),
    query("near without distance", "type=Room&georel=near&geometry=Point&coordinates=[1,2]"),
    query(
        "coordinates that are none", "type=Room&georel=within&geometry=Polygon&coordinates=[1,2]"
    ),
    query("a scope query that is none", "type=Room&scopeQ=a%20b"),
    query("an unknown representation", "type=Room&format=short", says="concise", **INVALID),
    query("two representations", "type=Room&options=concise,keyValues", **INVALID),
    query("pick and omit of one", "type=Room&pick=p&omit=p"),
    query("a projection that is none", "type=Room&pick=p{"),
    query("a projection without join", "type=Room&pick=p{name}", says="join"),
    query("a geometry for JSON", "type=Room&geometryProperty=location", says="geo+json"),
    query("a cursor that is none", "type=Room&cursor=abc", says="cursor"),
    Case("the root", "GET", "", None, 404, "ResourceNotFound", says="/openapi.json"),
    query(
        "nothing acceptable", "type=Room", status=406, headers={"Accept": "text/html"}, **INVALID
    ),
]

SUBSCRIPTIONS = [
    subscribe("no type of subscription", {"entities": [{"type": "R"}]}),
    subscribe("no notification", {"type": "Subscription", "entities": [{"type": "R"}]}),
    subscribe("no endpoint", subscription(notification={})),
    subscribe(
        "an endpoint that is no URI", subscription(notification={"endpoint": {"uri": "here"}})
    ),
    subscribe("nothing to watch", {k: v for k, v in subscription().items() if k != "entities"}),
    subscribe("no entities", subscription(entities=[]), pointer="/entities"),
    subscribe("an entity without type", subscription(entities=[{"id": "urn:x:1"}])),
    subscribe("no watched attributes", subscription(watchedAttributes=[])),
    subscribe("a q that is none", subscription(q="p>"), says="q"),
    subscribe("a past expiry", subscription(expiresAt="2001-01-01T00:00:00Z")),
    subscribe("an end that is none", subscription(expiresAt="never")),
    subscribe("negative throttling", subscription(throttling=-1)),
    subscribe("an unknown trigger", subscription(notificationTrigger=["entityMoved"])),
    subscribe("timeInterval and throttling", subscription(timeInterval=10, throttling=5)),
    Case(
        "an unknown subscription", "GET", "/subscriptions/urn:x:none", None, 404, "ResourceNotFound"
    ),
]

CASES = [*BODIES, *ENTITIES, *CHANGES, *BATCHES, *QUERIES, *SUBSCRIPTIONS]


def test_there_are_enough_cases():
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def shared_prefix() -> str:
    return f"test_{secrets.token_hex(4)}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_api(mongodb_uri, shared_prefix):
    """One broker for all cases: each shows by itself that it changes nothing."""
    application = await asyncio.to_thread(build, mongodb_uri, shared_prefix)
    async with serving(application) as api:
        await api.post("/entities", {"id": ENTITY, "type": "Room", "p": 1})
        await api.post("/subscriptions", subscription())
        yield api
    await asyncio.to_thread(drop_databases, mongodb_uri, shared_prefix)


async def state(api):
    """Return what the broker holds."""
    entities = await api.get("/entities?local=true&options=sysAttrs")
    return entities.json, (await api.get("/subscriptions")).json


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_mistake_is_explained_and_changes_nothing(case, shared_api):
    before = await state(shared_api)
    answer = await shared_api.request(case.method, case.path, case.body, case.headers)
    assert answer.status == case.status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    problem = json.loads(answer.text)
    assert problem["type"] == f"https://uri.etsi.org/ngsi-ld/errors/{case.error}"
    assert problem["status"] == case.status
    assert problem["title"]
    assert len(problem["detail"]) >= 20
    assert case.says in problem["detail"]
    if case.pointer is not None:
        assert problem["pointer"] == case.pointer
    assert await state(shared_api) == before
