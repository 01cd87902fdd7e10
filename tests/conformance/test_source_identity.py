"""Retrieve Context Source Identity Information over HTTP (clauses 5.2.40, 5.15.1, 6.33)."""

from __future__ import annotations

import pytest

from broker.model.datetimes import canonical_time
from broker.model.durations import seconds_of_duration
from broker.model.names import is_uri

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_broker_tells_who_it_is_and_since_when(broker):
    answer = await broker.get("/info/sourceIdentity")
    assert answer.status == 200
    body = answer.json
    assert body["type"] == "ContextSourceIdentity"
    assert is_uri(body["id"])
    assert body["contextSourceAlias"].isascii()
    assert " " not in body["contextSourceAlias"]
    assert seconds_of_duration(body["contextSourceUptime"]) is not None
    assert canonical_time(body["contextSourceTimeAt"]) is not None
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in answer.headers["Link"]
    again = (await broker.get("/info/sourceIdentity")).json
    assert (again["id"], again["contextSourceAlias"]) == (body["id"], body["contextSourceAlias"])


async def test_each_tenant_has_an_identity_of_its_own(broker, kind):
    seen = set()
    for headers in ({}, {"NGSILD-Tenant": "north"}, {"NGSILD-Tenant": "south"}):
        await broker.post("/entities", {"id": f"urn:ngsi-ld:{kind}:1", "type": kind}, **headers)
        body = (await broker.get("/info/sourceIdentity", **headers)).json
        seen.add((body["id"], body["contextSourceAlias"]))
    assert len({identity for identity, _ in seen}) == len({alias for _, alias in seen}) == 3
    unknown = await broker.get("/info/sourceIdentity", **{"NGSILD-Tenant": "nobody"})
    assert unknown.status == 404
    assert unknown.json["type"].endswith("NonexistentTenant")


async def test_the_context_is_in_the_body_of_json_ld(broker):
    answer = await broker.get("/info/sourceIdentity", Accept="application/ld+json")
    assert "ngsi-ld-core-context" in str(answer.json["@context"])
