"""csf, expandValues, jsonKeys, splitEntities and local of queries (clauses 4.9, 5.7.2, 6.3.18)."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def city(broker):
    """Three houses with what JSON-LD would read in another way."""
    bodies = [
        {"id": "urn:x:vocab", "type": "House", "kind": {"vocab": "flat"}},
        {"id": "urn:x:text", "type": "House", "kind": "flat"},
        {"id": "urn:x:json", "type": "House", "tickets": {"json": {"id": "7", "value": "late"}}},
    ]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201


async def ask(broker, method, **parameters):
    """Ask by GET or POST; return the answer."""
    if method == "GET":
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return await broker.get(f"/entities?type=House&{query}")
    body = {"type": "Query", "entities": [{"type": "House"}], **parameters}
    return await broker.post("/entityOperations/query", body)


async def found(broker, method, **parameters):
    answer = await ask(broker, method, **parameters)
    assert answer.status == 200, answer.text
    return {one["id"].rpartition(":")[2] for one in answer.json}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"q": "kind==flat"}, {"text"}),
        ({"q": "kind==flat", "expandValues": "kind"}, {"vocab"}),
        ({"q": "kind==flat", "expandValues": "kind,other", "jsonKeys": "kind"}, {"text"}),
        ({"q": "kind==flat", "expandValues": "other"}, {"text"}),
        ({"q": 'tickets[value]=="late"', "jsonKeys": "tickets"}, {"json"}),
        ({"q": 'tickets[value]=="late"'}, {"json"}),
        ({"csf": 'endpoint~="example"'}, {"vocab", "text", "json"}),
    ],
)
async def test_what_is_expanded(broker, method, parameters, expected):
    assert await found(broker, method, **parameters) == expected


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"csf": "(("},
        {"csf": "endpoint=="},
        {"csf": "a{b}==1"},
        {"q": "kind==flat", "expandValues": "kind,1x"},
        {"q": "kind==flat", "jsonKeys": "a,1b"},
    ],
)
async def test_what_cannot_be_read_is_refused(broker, method, parameters):
    answer = await ask(broker, method, **parameters)
    assert (answer.status, answer.json["type"][-14:]) == (400, "BadRequestData")


async def test_a_filter_that_cannot_be_read_purges_nothing(broker):
    assert (await broker.delete("/entities?type=House&csf=((")).status == 400
    assert len(await found(broker, "GET")) == 3


async def test_entities_that_may_be_split_are_filtered_when_they_are_whole(broker):
    """Without other sources every entity is whole here: the filters hold in either case."""
    for split in ("true", "false"):
        assert await found(broker, "GET", q="kind", splitEntities=split) == {"vocab", "text"}
    assert await found(broker, "POST", q="kind", splitEntities=True) == {"vocab", "text"}
    assert (await ask(broker, "GET", splitEntities="perhaps")).status == 400
    assert (await ask(broker, "POST", splitEntities="true")).status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/entities"),
        ("GET", "/entities/urn:x:text"),
        ("POST", "/entityOperations/query"),
        ("GET", "/types"),
        ("GET", "/types/House"),
        ("GET", "/attributes"),
        ("GET", "/attributes/kind"),
        ("PATCH", "/entities/urn:x:text"),
        ("POST", "/entityOperations/upsert"),
    ],
)
async def test_local_limits_to_this_broker_which_is_all_there_is(broker, method, path):
    body = None
    if method != "GET":
        body = {"kind": "flat"}
    if path.endswith("query"):
        body = {"type": "Query"}
    if path.endswith("upsert"):
        body = [{"id": "urn:x:text", "type": "House", "kind": "flat"}]
    answer = await broker.request(method, f"{path}?local=true", body)
    assert answer.status < 300, answer.text
    wrong = await broker.request(method, f"{path}?local=maybe", body)
    assert (wrong.status, wrong.json["type"][-14:]) == (400, "InvalidRequest")


async def test_local_makes_a_query_for_everything_possible(broker):
    assert (await broker.get("/entities")).status == 400
    assert (await broker.get("/entities?type=*&local=false")).status == 400
    for parameters in ("local=true", "type=*", "type=*&local=true"):
        assert len((await broker.get(f"/entities?{parameters}")).json) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_dataset_id_is_a_uri_or_stands_for_the_default_instance(broker, method):
    answer = await ask(broker, method, datasetId="14" if method == "GET" else ["14"])
    assert (answer.status, "datasetId" in answer.json["detail"]) == (400, True)
    names = "@none,urn:d:1" if method == "GET" else ["@none", "urn:d:1"]
    assert len(await found(broker, method, datasetId=names)) == 3


@pytest.mark.parametrize("selector", [{}, {"id": "urn:x:text"}, {"idPattern": ".*"}])
async def test_a_selector_names_types(broker, selector):
    body = {"type": "Query", "entities": [selector], "q": "kind"}
    answer = await broker.post("/entityOperations/query?local=true", body)
    assert (answer.status, answer.json["pointer"]) == (400, "/entities/0/type")


@pytest.mark.parametrize("scope", ["/Kobe/+", "/+/Nada", "/+/+", "/+/%23", "(/+/Nada;/Kobe/%23)"])
async def test_a_plus_for_a_level_of_a_scope_need_not_be_encoded(broker, scope):
    body = {"id": "urn:x:scoped", "type": "Scoped", "scope": "/Kobe/Nada"}
    await broker.post("/entityOperations/upsert", [body])
    answer = await broker.get(f"/entities?type=Scoped&scopeQ={scope}")
    assert [one["id"] for one in answer.json] == ["urn:x:scoped"], answer.text


async def test_a_posted_query_may_name_id_and_type_as_json_ld_does(broker, kind):
    await broker.post("/entities", {"@id": f"urn:ngsi-ld:{kind}:1", "@type": kind})
    selector = {"@type": kind, "@id": f"urn:ngsi-ld:{kind}:1"}
    answer = await broker.post(
        "/entityOperations/query", {"@type": "Query", "entities": [selector]}
    )
    assert [one["id"] for one in answer.json] == [f"urn:ngsi-ld:{kind}:1"]
    twice = {"type": "Query", "entities": [selector | {"type": kind}]}
    answer = await broker.post("/entityOperations/query", twice)
    assert answer.status == 400
    assert answer.json["pointer"] == "/entities/0/type"


@pytest.mark.parametrize("first", ["?limit=1", "?limit=1&offset=0"])
async def test_the_pages_of_a_posted_query_are_found_by_posting_it_to_their_links(broker, first):
    query = {"type": "Query", "entities": [{"type": "House"}]}
    below, ids = f"/entityOperations/query{first}", []
    while below:
        page = await broker.post(below, query)
        ids += [one["id"] for one in page.json]
        (following,) = re.findall(
            r'<(\S+)>; rel="next"', ",".join(page.headers.getall("Link"))
        ) or [""]
        below = following.removeprefix("/ngsi-ld/v1")
    assert ids == ["urn:x:json", "urn:x:text", "urn:x:vocab"]
