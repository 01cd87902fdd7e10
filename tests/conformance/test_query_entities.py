"""Query Entities over HTTP (clauses 4.9, 4.10, 4.12, 4.13, 4.17, 4.19, 4.23, 5.7.2, 6.4.3.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp.test_utils import RawTestServer, TestClient

from broker.app import build_api
from broker.config import Settings

ENTITIES = "/ngsi-ld/v1/entities"
BERLIN = {"city": "Berlin", "street": "Ulrich Strasse"}
HOLED = "[[[0,0],[9,0],[9,9],[0,9],[0,0]],[[4,4],[4,6],[6,6],[6,4],[4,4]]]"


def entity(suffix, kind="House", **members):
    return {"id": f"urn:ngsi-ld:{kind}:{suffix}", "type": kind, **members}


def place(longitude, latitude):
    value = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "GeoProperty", "value": value}


CITY = [
    entity(
        "a",
        name={"type": "Property", "value": "Eiffel Tower"},
        level={"type": "Property", "value": 4, "observedAt": "2026-01-01T00:00:00Z"},
        address={"type": "Property", "value": BERLIN},
        color={"type": "LanguageProperty", "languageMap": {"en": "red", "fr": "rouge"}},
        category={"type": "VocabProperty", "vocab": "commercial"},
        owner={"type": "Relationship", "object": "urn:ngsi-ld:Person:ann"},
        location=place(2, 2),
        scope=["/Madrid/Gardens/ParqueNorte", "/CompanyA/UnitC"],
    ),
    entity(
        "b",
        name={"type": "Property", "value": "Pisa Tower"},
        level={"type": "Property", "value": 6},
        location=place(5, 5),
        scope="/Madrid/Gardens/ParqueNorte",
    ),
    {**entity("c"), "type": ["House", "Shop"], "name": {"type": "Property", "value": "Ähre"}},
    entity("ann", kind="Person", name={"type": "Property", "value": "Ann"}),
]


@pytest.fixture
def application(mongodb_uri, database_prefix):
    settings = Settings()
    mongodb = replace(settings.mongodb, uri=mongodb_uri, database_prefix=database_prefix)
    return build_api(replace(settings, mongodb=mongodb))


@pytest.fixture
async def api(application):
    async with application.opened(), TestClient(RawTestServer(application.answer)) as client:
        created = await client.post("/ngsi-ld/v1/entityOperations/create", json=CITY)
        assert created.status == 201, await created.text()
        yield client


async def found(api, **parameters):
    """Return the short names of what a query finds, in its order, and the response."""
    parameters = {"type": "House", **parameters}
    asked = {name: value for name, value in parameters.items() if value is not None}
    response = await api.get(ENTITIES, params=asked)
    assert response.status == 200, await response.text()
    return "".join(each["id"].rpartition(":")[2] for each in await response.json())


Q = {
    "level": "ab",
    "level==4..5": "a",
    "level!=4..5": "b",
    "level>=4;level<5": "a",
    "(level<5|level>5);name": "ab",
    'name=="Eiffel Tower","Pisa Tower"': "ab",
    'name!="Eiffel Tower","Big Ben"': "bc",
    'name~="Tower$"': "ab",
    'name!~="^Eiffel"': "bc",
    "level.observedAt<=2026-01-01T00:00:00.0Z": "a",
    'address[city]=="Berlin"': "a",
    'address[postcode]=="Berlin"': "",
    "address[city]": "a",
    'color[en]=="red"': "a",
    'color[en]=="rouge"': "",
    'color[*]=="rouge"': "a",
    'color[*]!="red"': "",
    'owner=="urn:ngsi-ld:Person:ann"': "a",
    'owner>"urn:a"': "",
    "category==commercial": "",
    'modifiedAt>"2020-01-01T00:00:00Z"': "abc",
    "createdAt<2020-01-01": "",
    "name.createdAt>2020-01-01": "abc",
    "!level": "c",
    '!color;name~="Tower"': "b",
    "!level.observedAt;level": "b",
}


async def test_q(api):
    assert {q: await found(api, q=q) for q in Q} == Q


async def test_expand_values(api):
    assert await found(api, q="category==commercial", expandValues="category") == "a"


LINKED = {
    'owner{name}=="Ann"': "a",
    'owner{Person:name}=="Ann"': "a",
    'owner{House:name}=="Ann"': "",
}


async def test_linked_entities(api):
    assert {q: await found(api, q=q, join="inline") for q in LINKED} == LINKED


TYPES = {
    "House": "abc",
    "House,Person": "abcann",
    "(House;Shop)": "c",
    "(House;Shop)|Person": "cann",
    "*": "abcann",
    "Barn": "",
}


async def test_types(api):
    assert {types: await found(api, type=types) for types in TYPES} == TYPES


SCOPES = {
    "/Madrid/Gardens/ParqueNorte": "ab",
    "/Madrid/+/ParqueNorte": "ab",
    "/CompanyA/#": "a",
    "/#": "ab",
    "/Madrid/Gardens/ParqueNorte;/CompanyA/UnitC": "a",
    "(/CompanyA/UnitC;/Nowhere)|/Madrid/#": "ab",
    "/Madrid": "",
}


async def test_scopes(api):
    assert {scope: await found(api, scopeQ=scope) for scope in SCOPES} == SCOPES


PLACES = [
    ("near;maxDistance==2000", "Point", "[2,2.01]", "a"),
    ("near;minDistance==2000", "Point", "[2,2.01]", "b"),
    ("near;maxDistance==2000", "LineString", "[[5,0],[5,9]]", "b"),
    ("within", "Polygon", HOLED, "a"),
    ("intersects", "Polygon", "[[[1,1],[3,1],[3,3],[1,1]]]", "a"),
    ("disjoint", "Polygon", HOLED, "b"),
    ("equals", "Point", "[5,5]", "b"),
    ("contains", "Point", "[5,5]", "b"),
    ("overlaps", "Point", "[5,5]", ""),
]


async def test_geo_queries(api):
    for georel, geometry, coordinates, names in PLACES:
        parameters = {"georel": georel, "geometry": geometry, "coordinates": coordinates}
        assert await found(api, **parameters) == names, georel
        assert await found(api, **parameters, geoproperty="observationSpace") == ""


SELECTIONS = [
    ({"orderBy": "name"}, "cab"),
    ({"orderBy": "name;desc"}, "bac"),
    ({"orderBy": "name", "collation": "sv"}, "abc"),
    ({"orderBy": "level;desc,name"}, "bac"),
    ({"orderBy": "createdAt,id;desc"}, "cba"),
    ({"orderBy": "location;dist-asc", "orderFrom": "[6,6]"}, "bac"),
    ({"idPattern": "[ac]$"}, "ac"),
    ({"id": "urn:ngsi-ld:House:b,urn:ngsi-ld:House:z"}, "b"),
    ({"attrs": "level,address", "type": None}, "ab"),
    ({"local": "true", "type": None}, "abcann"),
]


async def test_orders_and_selections(api):
    for parameters, names in SELECTIONS:
        assert await found(api, **parameters) == names, parameters


async def test_links_lead_to_the_end_and_back(api):
    names, url = "", f"{ENTITIES}?type=House&limit=1&count=true"
    for relation in ("next", "prev"):
        following = url
        while following:
            response = await api.get(url)
            assert response.headers["NGSILD-Results-Count"] == "3"
            (one,) = await response.json()
            names += one["id"][-1]
            following = response.links.get(relation)
            url = following["url"].relative() if following else url
    assert names == "abccba"


async def test_who_counts_gets_links_that_count(api):
    for offset, expected in (("0", {"next": "1"}), ("1", {"prev": "0", "next": "2"})):
        parameters = {"type": "House", "limit": "1", "offset": offset}
        response = await api.get(ENTITIES, params=parameters)
        links = {
            relation: link
            for relation, link in response.links.items()
            if relation in {"prev", "next"}
        }
        assert {name: link["url"].query["offset"] for name, link in links.items()} == expected
        assert all("cursor" not in link["url"].query for link in links.values())
        assert {link["type"] for link in links.values()} == {"application/json"}
        slashed = await api.get(f"{ENTITIES}/", params=parameters)
        assert slashed.headers.getall("Link") == response.headers.getall("Link")


async def test_a_count_alone_and_an_offset(api):
    response = await api.get(ENTITIES, params={"type": "House", "limit": "0", "count": "true"})
    assert await response.json() == []
    assert response.headers["NGSILD-Results-Count"] == "3"
    assert await found(api, limit="2", offset="1") == "bc"
    assert await found(api, offset="9") == ""


NO_QUERIES = [
    {},
    {"id": "urn:ngsi-ld:House:a"},
    {"attrs": "createdAt"},
    {"q": 'modifiedAt>"2020-01-01T00:00:00Z"'},
    {"type": "House", "limit": "0"},
    {"type": "House", "q": "level>4..5"},
    {"type": "House", "q": "level="},
    {"type": "House", "q": 'name~="("'},
    {"type": "House", "q": 'owner{name}=="x"'},
    {"type": "House", "q": 'owner{works{name}}=="x"', "join": "inline", "joinLevel": "1"},
    {"idPattern": ".*"},
    {"id": "urn:ngsi-ld:House:1"},
    {"scopeQ": "/Kobe"},
    {"type": "House", "datasetId": "14"},
    {"type": "House", "idPattern": "("},
    {"type": "(House"},
    {"type": "*", "local": "false"},
    {"type": "House", "scopeQ": "//"},
    {"type": "House", "georel": "near;maxDistance==2000"},
    {"type": "House", "georel": "touches", "geometry": "Point", "coordinates": "[8,40]"},
    {"type": "House", "orderBy": "location;dist-asc"},
    {"type": "House", "orderBy": "name", "collation": "!!nope"},
    {"type": "House", "orderBy": "name", "collation": "qqq"},
    {"type": "House", "collation": "!!nope"},
    {"type": "House", "cursor": "nowhere"},
]


async def test_what_is_no_query_is_bad_request_data(api):
    for parameters in NO_QUERIES:
        response = await api.get(ENTITIES, params=parameters)
        problem = await response.json()
        assert response.status == 400, (parameters, problem)
        assert problem["type"].endswith("/BadRequestData")
        assert problem["detail"]


async def test_a_query_too_complex_is_refused_as_such(api):
    response = await api.get(ENTITIES, params={"type": "House", "q": ";".join(["a"] * 201)})
    problem = await response.json()
    assert problem["type"].endswith("/TooComplexQuery")
