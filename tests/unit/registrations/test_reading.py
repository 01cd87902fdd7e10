"""Registrations as clients write them (clauses 5.2.8 to 5.2.11, 5.2.34, 4.3.6.6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.model.entity import NULL
from broker.model.errors import BadRequestData
from broker.registrations.operation_names import GROUPS, OPERATIONS
from broker.registrations.presentation import present_registration
from broker.registrations.reading import read_registration, read_registration_fragment
from tests.registrations import CORE, ID, NOW, body, info, name, registration

WHOLE = body(
    information=[
        info(
            {"type": ["Sensor", "Device"], "id": "urn:a:1"},
            {"type": "Sensor", "idPattern": "^urn:a:"},
            properties="temperature location",
            links="isIn",
        )
    ],
    contextSourceInfo=[
        {"key": "Authorization", "value": "urn:ngsi-ld:request"},
        {"key": "accept", "value": "application/json"},
        {"key": "jsonldContext", "value": "https://example.org/context.jsonld"},
        {"key": "ngsildConformance", "value": "1.5"},
    ],
    contextSourceAlias="other",
    description="all of it",
    registrationName="source",
    datasetId=["@none", "urn:d:1"],
    expiresAt="2999-01-01T00:00:00Z",
    location={"type": "Point", "coordinates": [1, 2]},
    management={"cacheDuration": "PT5M", "cooldown": 5, "localOnly": True, "timeout": 0.5},
    mode="redirect",
    observationInterval={"startAt": "2020-01-01T00:00:00Z"},
    managementInterval={"startAt": "2020-01-01T00:00:00Z", "endAt": "2021-01-01T00:00:00Z"},
    operations=["retrieveOps", "queryBatch"],
    refreshRate="P1DT12H",
    scope=["/a/b", "c"],
    tenant="north",
    owner={"any": [1, {"value": None}]},
)


def test_what_is_read_is_what_was_written() -> None:
    definition = read_registration(WHOLE, CORE, now=NOW)
    assert definition["information"][0]["entities"][0]["type"] == [name("Sensor"), name("Device")]
    assert definition[name("owner")] == WHOLE["owner"]
    assert json.loads(json.dumps(definition)) == definition
    shown = present_registration(registration(**WHOLE), CORE)
    assert shown == WHOLE


def test_defaults_are_written_out_and_times_on_request() -> None:
    shown = present_registration(registration(), CORE, sys_attrs=True)
    assert (shown["mode"], shown["operations"]) == ("inclusive", ["federationOps"])
    assert shown["createdAt"] == shown["modifiedAt"] == NOW
    assert "createdAt" not in present_registration(registration(), CORE)


def test_what_the_broker_writes_is_ignored() -> None:
    given = body(status="ok", timesSent=5, lastFailure="never", createdAt=7)
    assert read_registration(given, CORE, now=NOW) == read_registration(body(), CORE, now=NOW)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"type": None}, "/type"),
        ({"type": "Registration"}, "/type"),
        ({"id": "no uri"}, "/id"),
        ({"endpoint": None}, "/endpoint"),
        ({"endpoint": "urn:a:b"}, "/endpoint"),
        ({"endpoint": "mqtt://host/topic"}, "/endpoint"),
        ({"endpoint": "http://host:port"}, "/endpoint"),
        ({"information": None}, "/information"),
        ({"information": []}, "/information"),
        ({"information": {}}, "/information"),
        ({"information": [{}]}, "/information/0"),
        ({"information": [{"entities": []}]}, "/information/0/entities"),
        ({"information": [info({"id": "urn:a:1"})]}, "/information/0/entities/0/type"),
        ({"information": [info({"type": 5})]}, "/information/0/entities/0/type"),
        ({"information": [info({"type": ["a", ""]})]}, "/information/0/entities/0/type/1"),
        ({"information": [info({"type": "a", "id": "b"})]}, "/information/0/entities/0/id"),
        (
            {"information": [info({"type": "a", "idPattern": "("})]},
            "/information/0/entities/0/idPattern",
        ),
        ({"information": [{"propertyNames": []}]}, "/information/0/propertyNames"),
        (
            {"information": [{**info({"type": "a"}), "attributeNames": ["b"]}]},
            "/information/0/attributeNames",
        ),
        (
            {"information": [info({"type": "a", "scope": "/b"})]},
            "/information/0/entities/0/scope",
        ),
        ({"information": [{"relationshipNames": ["a b"]}]}, "/information/0/relationshipNames/0"),
        ({"contextSourceInfo": [{"key": "a"}]}, "/contextSourceInfo/0/value"),
        ({"contextSourceInfo": [{"key": "a", "value": 1}]}, "/contextSourceInfo/0/value"),
        ({"contextSourceInfo": [{"key": "a b", "value": "c"}]}, "/contextSourceInfo/0/key"),
        ({"contextSourceInfo": [{"key": "a", "value": "b\r\nc"}]}, "/contextSourceInfo/0/value"),
        (
            {"contextSourceInfo": [{"key": "accept", "value": "text/html"}]},
            "/contextSourceInfo/0/value",
        ),
        (
            {"contextSourceInfo": [{"key": "jsonldContext", "value": "context"}]},
            "/contextSourceInfo/0/value",
        ),
        (
            {"contextSourceInfo": [{"key": "ngsildConformance", "value": "new"}]},
            "/contextSourceInfo/0/value",
        ),
        ({"contextSourceAlias": ""}, "/contextSourceAlias"),
        ({"description": " "}, "/description"),
        ({"registrationName": 5}, "/registrationName"),
        ({"datasetId": ["none"]}, "/datasetId/0"),
        ({"expiresAt": "tomorrow"}, "/expiresAt"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"location": {"type": "Point"}}, "/location"),
        ({"operationSpace": {"type": "Point", "coordinates": [1, 99]}},
         "/operationSpace/coordinates/1"),
        ({"management": "yes"}, "/management"),
        ({"management": {"cacheDuration": "bogus"}}, "/management/cacheDuration"),
        ({"management": {"cacheDuration": "PT"}}, "/management/cacheDuration"),
        ({"management": {"cooldown": 0}}, "/management/cooldown"),
        ({"management": {"timeout": -5}}, "/management/timeout"),
        ({"management": {"localOnly": "yes"}}, "/management/localOnly"),
        ({"observationInterval": {}}, "/observationInterval/startAt"),
        (
            {
                "managementInterval": {
                    "startAt": "2021-01-01T00:00:00Z",
                    "endAt": "2020-01-01T00:00:00Z",
                }
            },
            "/managementInterval/endAt",
        ),
        ({"mode": "both"}, "/mode"),
        ({"operations": ["fly"]}, "/operations/0"),
        ({"operations": [["queryEntity"]]}, "/operations/0"),
        ({"operations": []}, "/operations"),
        ({"refreshRate": "5"}, "/refreshRate"),
        ({"scope": "1/2"}, "/scope"),
        ({"scope": ["a", ""]}, "/scope/1"),
        ({"tenant": "a b"}, "/tenant"),
        ({"description": NULL}, "/description"),
        ({"my name": 1}, "/my name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_the_place(members: dict[str, Any], pointer: str) -> None:
    with pytest.raises(BadRequestData) as refused:
        read_registration(body(**members), CORE, now=NOW)
    assert refused.value.pointer == pointer


def test_keywords_of_json_ld_are_names_of_id_and_type() -> None:
    entities = [{"@type": "Sensor", "@id": "urn:a:1"}]
    given = body(type=None, id=None, information=[{"entities": entities}])
    given |= {"@id": "urn:r:1", "@type": "ContextSourceRegistration"}
    read = read_registration(given, CORE, now=NOW)
    assert read["id"] == "urn:r:1"
    assert read["information"][0]["entities"] == [{"type": name("Sensor"), "id": "urn:a:1"}]
    fragment = {"@id": "urn:r:1", "@type": "ContextSourceRegistration"}
    assert read_registration_fragment(fragment, CORE, registration_id="urn:r:1") == {}
    with pytest.raises(BadRequestData, match="same member"):
        read_registration(given | {"id": "urn:r:1"}, CORE, now=NOW)


def test_a_null_is_no_value() -> None:
    with pytest.raises(BadRequestData):
        read_registration({**body(), "scope": None}, CORE, now=NOW)


@pytest.mark.parametrize("removal", [NULL, None])
def test_a_fragment_has_what_changes_and_what_goes(removal: str | None) -> None:
    fragment = {"id": ID, "type": "ContextSourceRegistration", "scope": "/a", "expiresAt": removal}
    read = read_registration_fragment(fragment | {"owner": removal}, CORE, registration_id=ID)
    assert read == {"scope": "/a", "expiresAt": NULL, name("owner"): NULL}


@pytest.mark.parametrize(
    "fragment",
    [
        {"information": None},
        {"endpoint": NULL},
        {"type": NULL},
        {"type": "Subscription"},
        {"id": "urn:ngsi-ld:ContextSourceRegistration:2"},
        {"information": []},
        [],
    ],
)
def test_a_fragment_leaves_a_registration_whole(fragment: Any) -> None:
    with pytest.raises(BadRequestData):
        read_registration_fragment(fragment, CORE, registration_id=ID)


def test_groups_stand_for_operations() -> None:
    """Tables 4.20-1 and 4.20-2."""
    assert len(OPERATIONS) == 21 + 11 + 5 + 6
    assert GROUPS["retrieveOps"] == {"retrieveEntity", "queryEntity"}
    assert frozenset().union(*GROUPS.values()) <= OPERATIONS
    assert {group: len(names) for group, names in GROUPS.items()} == {
        "federationOps": 19,
        "associationOps": 15,
        "updateOps": 4,
        "retrieveOps": 2,
        "redirectionOps": 23,
    }


def test_the_expiry_is_read_as_versions_before_1_3_called_it() -> None:
    later = "2099-01-01T00:00:00Z"
    definition = read_registration(body(expires=later), CORE, now=NOW)
    assert definition["expiresAt"] == later
    assert name("expires") not in definition
    with pytest.raises(BadRequestData, match="in the past"):
        read_registration(body(expires="2020-01-01T00:00:00Z"), CORE, now=NOW)
    with pytest.raises(BadRequestData, match="give one"):
        read_registration(body(expires=later, expiresAt=later), CORE, now=NOW)
    fragment = read_registration_fragment({"expires": NULL}, CORE, registration_id="urn:r:1")
    assert fragment == {"expiresAt": NULL}


def test_a_geometry_may_be_a_json_text() -> None:
    """Clause 4.7.2, as with the GeoProperties of entities."""
    point = {"type": "Point", "coordinates": [135.2, 34.7]}
    definition = read_registration(body(location=json.dumps(point)), CORE, now=NOW)
    assert definition["location"] == point
    with pytest.raises(BadRequestData, match="a GeoJSON geometry is an object"):
        read_registration(body(location="Kobe"), CORE, now=NOW)


def test_names_of_attributes_are_read_as_versions_before_1_3_had_them() -> None:
    earlier = {"properties": ["temperature"], "relationships": ["isIn"]}
    definition = read_registration(body(information=[earlier]), CORE, now=NOW)
    assert definition["information"] == [
        {"propertyNames": [name("temperature")], "relationshipNames": [name("isIn")]}
    ]
    both = earlier | {"propertyNames": ["humidity"]}
    with pytest.raises(BadRequestData, match="'properties' is unknown here"):
        read_registration(body(information=[both]), CORE, now=NOW)
