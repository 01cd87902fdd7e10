"""Types and attributes there are, over HTTP (clauses 5.7.5 to 5.7.10, 6.25 to 6.28)."""

from __future__ import annotations

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"


@pytest_asyncio.fixture(loop_scope="module")
async def kinds(broker, kind):
    """Two entities: one of a type, one of that type and another, in a tenant of their own."""
    tenant = {"NGSILD-Tenant": kind.lower()}
    level = {"type": "Property", "value": 1}
    bodies = [
        {"id": f"urn:ngsi-ld:{kind}:1", "type": "Room", "level": level},
        {
            "id": f"urn:ngsi-ld:{kind}:2",
            "type": ["Room", "Shop"],
            "level": {"type": "Relationship", "object": "urn:x:1"},
            "name": level,
        },
    ]
    assert (await broker.post("/entityOperations/create", bodies, **tenant)).status == 201
    return tenant


async def test_types(broker, kinds):
    body = (await broker.get("/types", **kinds)).json
    assert body["type"] == "EntityTypeList"
    assert body["id"].startswith("urn:")
    assert sorted(body["typeList"]) == ["Room", "Shop"]


async def test_types_in_detail(broker, kinds):
    body = (await broker.get("/types?details=true", **kinds)).json
    found = {each["typeName"]: each for each in body}
    assert set(found) == {"Room", "Shop"}
    assert found["Room"]["type"] == "EntityType"
    assert found["Room"]["id"] == f"{DEFAULT}Room"
    assert sorted(found["Room"]["attributeNames"]) == ["level", "name"]


async def test_one_type(broker, kinds):
    body = (await broker.get("/types/Room", **kinds)).json
    assert (body["type"], body["typeName"], body["entityCount"]) == ("EntityTypeInfo", "Room", 2)
    details = {each["attributeName"]: each for each in body["attributeDetails"]}
    assert sorted(details["level"]["attributeTypes"]) == ["Property", "Relationship"]
    assert details["name"]["attributeTypes"] == ["Property"]


async def test_the_attributes_of_a_type_come_in_the_order_of_their_names(broker, kind):
    names = [f"p{letter}" for letter in "wertzuioasdfghjklyxcvbnm"]
    body = {"id": f"urn:ngsi-ld:{kind}:1", "type": kind} | dict.fromkeys(names, 1)
    assert (await broker.post("/entities", body)).status == 201
    details = (await broker.get(f"/types/{kind}")).json["attributeDetails"]
    assert [each["attributeName"] for each in details] == sorted(names)


async def test_attributes(broker, kinds):
    body = (await broker.get("/attributes", **kinds)).json
    assert body["type"] == "AttributeList"
    assert sorted(body["attributeList"]) == ["level", "name"]


async def test_attributes_in_detail(broker, kinds):
    body = (await broker.get("/attributes?details=true", **kinds)).json
    found = {each["attributeName"]: each for each in body}
    assert found["level"]["type"] == "Attribute"
    assert sorted(found["name"]["typeNames"]) == ["Room", "Shop"]


async def test_one_attribute(broker, kinds):
    body = (await broker.get("/attributes/level", **kinds)).json
    assert (body["id"], body["attributeName"]) == (f"{DEFAULT}level", "level")
    assert body["attributeCount"] == 2
    assert sorted(body["attributeTypes"]) == ["Property", "Relationship"]
    assert sorted(body["typeNames"]) == ["Room", "Shop"]


@pytest.mark.parametrize("path", ["/types/None", "/attributes/none"])
async def test_what_no_entity_has_is_not_found(broker, kinds, path):
    answer = await broker.get(path, **kinds)
    assert (answer.status, answer.json["type"][-16:]) == (404, "ResourceNotFound")


async def test_what_went_is_no_longer_told(broker, kinds, kind):
    await broker.delete(f"/entities/urn:ngsi-ld:{kind}:2", **kinds)
    assert (await broker.get("/types", **kinds)).json["typeList"] == ["Room"]
    assert (await broker.get("/attributes", **kinds)).json["attributeList"] == ["level"]


@pytest.mark.parametrize("path", ["/types", "/types/Room", "/attributes", "/attributes/level"])
async def test_the_context_is_in_the_body_of_json_ld_and_linked_from_json(broker, kinds, path):
    plain = await broker.get(path, **kinds)
    assert "@context" not in plain.json
    assert "json-ld#context" in plain.headers["Link"]
    linked = await broker.get(path, **kinds, Accept="application/ld+json")
    assert "@context" in linked.json
    assert "Link" not in linked.headers


async def test_an_instance_is_counted_once_however_many_types_its_entity_has(broker, kinds, kind):
    target = f"/entities/urn:ngsi-ld:{kind}:2"

    async def count(name):
        answer = await broker.get(f"/attributes/{name}", **kinds)
        return answer.json.get("attributeCount", 0)

    assert (await count("level"), await count("name")) == (2, 1)
    await broker.patch(target, {"type": ["Room", "Shop", "Hall"]}, **kinds)
    assert (await count("level"), await count("name")) == (2, 1)
    await broker.delete(f"{target}/attrs/level", **kinds)
    assert (await count("level"), await count("name")) == (1, 1)
    await broker.delete(target, **kinds)
    assert (await count("level"), await count("name")) == (1, 0)
