"""Projections and linked entities over HTTP (clauses 4.5.23, 4.21)."""

from __future__ import annotations

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOUSE, OWNER = "urn:ngsi-ld:House:1", "urn:ngsi-ld:Owner:1"


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def linked(broker):
    """A house that links to its owner, who links back."""

    def link(target, kind):
        return {"type": "Relationship", "object": target, "objectType": kind}

    bodies = [
        {"id": HOUSE, "type": "House", "level": 3, "size": 80, "owner": link(OWNER, "Owner")},
        {"id": OWNER, "type": "Owner", "name": "Ann", "age": 40, "owns": link(HOUSE, "House")},
    ]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201


async def house(broker, parameters):
    answer = await broker.get(f"/entities/{HOUSE}?{parameters}")
    assert answer.status == 200, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("parameters", "members"),
    [
        ("pick=level", {"level"}),
        ("pick=id,level", {"id", "level"}),
        ("pick=id%7Clevel", {"id", "level"}),
        ("pick=type,size,none", {"type", "size"}),
        ("omit=level", {"id", "type", "size", "owner"}),
        ("omit=id%7Ctype,owner", {"level", "size"}),
        ("pick=id,level,size&omit=size", None),
        ("attrs=level", {"id", "type", "level"}),
    ],
)
async def test_members_are_picked_and_omitted(broker, parameters, members):
    if members is None:
        answer = await broker.get(f"/entities/{HOUSE}?{parameters}")
        assert answer.status == 400
        return
    assert set(await house(broker, parameters)) == members


@pytest.mark.parametrize("parameters", ["pick=", "pick=a,,b", "pick=owner%7Bname", "omit=%7D"])
async def test_what_is_no_projection_is_refused(broker, parameters):
    answer = await broker.get(f"/entities/{HOUSE}?{parameters}")
    assert (answer.status, answer.json["type"][-14:]) == (400, "BadRequestData")


async def test_inline_puts_the_entity_into_the_relationship(broker):
    body = await house(broker, "join=inline")
    assert body["owner"]["object"] == OWNER
    assert body["owner"]["entity"]["name"]["value"] == "Ann"
    assert "entity" not in body["owner"]["entity"]["owns"]


async def test_a_projection_speaks_of_the_linked_entity_too(broker):
    body = await house(broker, "join=inline&pick=owner%7Bname%7D")
    assert set(body) == {"owner"}
    assert set(body["owner"]["entity"]) == {"name"}


async def test_flat_is_always_an_array(broker):
    body = await house(broker, "join=flat")
    assert [each["id"] for each in body] == [HOUSE, OWNER]
    assert all("entity" not in each.get("owner", {}) for each in body)


async def test_flat_is_an_array_of_one_where_nothing_is_linked(broker, kind):
    target = f"urn:ngsi-ld:{kind}:1"
    await broker.post("/entities", {"id": target, "type": kind, "p": 1})
    answer = await broker.get(f"/entities/{target}?join=flat")
    assert [each["id"] for each in answer.json] == [target]


async def test_a_flat_query_has_each_entity_once(broker):
    answer = await broker.get("/entities?type=House&join=flat&joinLevel=3")
    assert [each["id"] for each in answer.json] == [HOUSE, OWNER]


async def test_contained_by_keeps_links_from_leading_back(broker):
    body = await house(broker, f"join=inline&containedBy={OWNER}")
    assert "entity" not in body["owner"]


@pytest.mark.parametrize("parameters", ["joinLevel=2", "join=sideways", "join=flat&joinLevel=0"])
async def test_what_is_no_join_is_refused(broker, parameters):
    assert (await broker.get(f"/entities/{HOUSE}?{parameters}")).status == 400
