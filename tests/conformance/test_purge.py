"""Purge Entities over HTTP (clauses 5.6.21, 6.4.3.3)."""

from __future__ import annotations

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def rooms(broker, kind):
    """Three rooms, a to c, the last in another place and scope."""

    def place(longitude):
        return {"type": "Point", "coordinates": [longitude, 35]}

    bodies = [
        {
            "id": f"urn:ngsi-ld:{kind}:{name}",
            "type": kind,
            "p": number,
            "q": 0,
            "location": {"type": "GeoProperty", "value": place(139 if name != "c" else 0)},
            "scope": "/here" if name != "c" else "/there",
        }
        for number, name in enumerate("abc")
    ]
    assert (await broker.post("/entityOperations/create", bodies)).status == 201


async def left(broker, kind):
    """Return the names that are left, and their simplified attributes."""
    answer = await broker.get(f"/entities?type={kind}&format=simplified&omit=location,scope,type")
    return {each.pop("id").rpartition(":")[2]: each for each in answer.json}


NEAR = "georel=near;maxDistance==1000&geometry=Point&coordinates=%5B139,35%5D"


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ""),
        ("&id=urn:ngsi-ld:{kind}:a,urn:ngsi-ld:{kind}:b", "c"),
        ("&idPattern=%5Eurn:ngsi-ld:{kind}:%5Bab%5D$", "c"),
        ("&q=p%3E0", "a"),
        ("&attrs=nothing", "abc"),
        (f"&{NEAR}", "c"),
        ("&scopeQ=/there", "ab"),
    ],
)
async def test_every_selector_decides_what_goes(broker, kind, selector, names):
    answer = await broker.delete(f"/entities?type={kind}{selector.format(kind=kind)}")
    assert (answer.status, answer.text) == (204, "")
    assert "".join(await left(broker, kind)) == names


@pytest.mark.usefixtures("rooms")
async def test_drop_removes_attributes_instead(broker, kind):
    assert (await broker.delete(f"/entities?type={kind}&q=p==0&drop=q,location")).status == 204
    assert (await left(broker, kind))["a"] == {"p": 0}
    assert (await left(broker, kind))["b"] == {"p": 1, "q": 0}


@pytest.mark.usefixtures("rooms")
async def test_keep_removes_all_other_attributes(broker, kind):
    assert (await broker.delete(f"/entities?type={kind}&q=p==0&keep=q")).status == 204
    assert (await left(broker, kind))["a"] == {"q": 0}


@pytest.mark.parametrize(
    "parameters", ["", "?id=urn:x:1", "?idPattern=.*", "?scopeQ=/a", "?attrs=createdAt",
                   "?q=modifiedAt%3E2020-01-01T00:00:00Z"]
)  # fmt: skip
async def test_what_is_too_wide_is_refused(broker, parameters):
    answer = await broker.delete(f"/entities{parameters}")
    assert answer.status == 400
    assert "too wide" in answer.json["detail"]


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize(
    "parameters", ["q=p%3E", "q=r%7Bname%7D==1", "id=room", "georel=near", "keep=p&drop=q"]
)
async def test_what_is_malformed_or_leads_to_other_entities_is_refused(broker, kind, parameters):
    answer = await broker.delete(f"/entities?type={kind}&{parameters}")
    assert (answer.status, answer.json["type"][-14:]) == (400, "BadRequestData")
    assert len(await left(broker, kind)) == 3


@pytest.mark.usefixtures("rooms")
async def test_a_dry_run_tells_and_changes_nothing(broker, kind):
    answer = await broker.delete(f"/entities?type={kind}&q=p%3E0&dryRun=true")
    assert answer.status == 200
    assert sorted(answer.json["entities"]) == [f"urn:ngsi-ld:{kind}:b", f"urn:ngsi-ld:{kind}:c"]
    assert "".join(await left(broker, kind)) == "abc"


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize("parameter", ["attrs", "keep", "drop"])
async def test_paths_into_linked_entities_are_refused_before_anything_goes(broker, kind, parameter):
    before = await left(broker, kind)
    answer = await broker.delete(f"/entities?type={kind}&{parameter}=owner%7Bname%7D")
    assert (answer.status, answer.json["attributeNames"]) == (400, ["owner{name}"])
    assert await left(broker, kind) == before
