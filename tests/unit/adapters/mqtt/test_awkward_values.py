"""What one value of a measure is must not cost the others: names, nulls, geometries, links."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mqtt.configuration import Device, Group, profile_of
from adapters.mqtt.expressions import InvalidExpression, compile_expression
from adapters.mqtt.mapping import Translation, translate
from adapters.mqtt.measure import Measure
from adapters.mqtt.not_carried_out import warnings_about
from adapters.mqtt.observations import Observation
from adapters.mqtt.provisioning_errors import WrongSyntax
from adapters.mqtt.unmapped import nothing_stored

NOW = "2026-06-01T00:00:00.000000Z"
POINT = {"type": "Point", "coordinates": [139, 35]}
BUILDING = "urn:ngsi-ld:Building:1"


def read(values: dict[str, Any], group: dict[str, Any] | None = None) -> Translation:
    document = {"entity_type": "Sensor", **(group or {})}
    profile = profile_of(Group("city", "/", "/iot/json", "key", document), None, "d1")
    (found,) = translate([Measure("d1", values)], profile, NOW)
    return found


def own(found: Translation) -> dict[str, Any]:
    assert found.entities[0]["id"] == "urn:ngsi-ld:Sensor:d1"
    return found.entities[0]


@pytest.mark.parametrize(
    "name", ["value", "object", "unitCode", "observedAt", "datasetId", "scope", "createdAt", "json"]
)
def test_a_member_with_a_reserved_name_is_kept_under_another(name: str) -> None:
    found = read({name: 5, "t": 1})
    assert not found.faults
    assert name not in own(found)
    assert own(found)[f"measure_{name}"]["value"] == 5
    assert own(found)["t"]["value"] == 1


def test_expressions_see_reserved_names_as_they_came() -> None:
    mapping = {"name": "level", "expression": "value / 10"}
    found = read({"value": 5}, {"attributes": [mapping], "explicitAttrs": True})
    assert own(found)["level"]["value"] == 0.5


@pytest.mark.parametrize("place", ["35, 139", [139, 35], {"lat": 35, "lon": 139}, POINT])
def test_location_is_a_geometry(place: Any) -> None:
    for group in ({}, {"attributes": [{"name": "location", "type": "Text"}]}):
        location = own(read({"location": place}, group))["location"]
        assert location == {"type": "GeoProperty", "value": POINT, "observedAt": NOW}


def test_a_location_that_is_no_position_is_kept_beside() -> None:
    found = own(read({"location": "second floor", "t": 1}))
    assert found["measure_location"]["value"] == "second floor"
    assert "location" not in found


def test_a_mapped_location_that_is_no_position_is_told_and_the_others_are_kept() -> None:
    found = read({"location": "second floor", "t": 1}, {"attributes": [{"name": "location"}]})
    assert "location is 'second floor'; a position is" in found.faults[0]
    assert own(found)["t"]["value"] == 1


def test_a_geometry_nowhere_is_told_and_the_others_are_kept() -> None:
    found = read({"g": {"type": "Point", "coordinates": [300, 1]}, "t": 1})
    assert found.faults == ["g is at longitude 300, latitude 1: that is nowhere"]
    assert own(found).keys() == {"id", "type", "t"}


def test_null_within_an_object_is_no_value() -> None:
    found = read({"gps": {"lat": None, "sat": 4}, "wind": {"speed": None}, "empty": {}, "t": 1})
    assert not found.faults
    assert own(found)["gps"]["value"] == {"sat": 4}
    assert own(found)["empty"]["value"] == {}
    assert "wind" not in own(found)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1, None], "a holds null in an array"),
        ({"b": [[None]]}, "a holds null in an array"),
        ({"@context": "x"}, "a holds '@context'"),
        ("urn:ngsi-ld:null", "a is urn:ngsi-ld:null"),
        (nested(900), "a is nested deeper than 100 levels"),
    ],
)
def test_a_value_no_broker_takes_is_told_and_the_others_are_kept(value: Any, reason: str) -> None:
    found = read({"a": value, "t": 1})
    assert len(found.faults) == 1
    assert found.faults[0].startswith(reason)
    assert own(found).keys() == {"id", "type", "t"}


def test_a_json_property_keeps_null() -> None:
    group = {"attributes": [{"name": "a", "type": "JsonProperty"}]}
    assert own(read({"a": [1, None]}, group))["a"]["json"] == [1, None]


def test_a_measure_of_nulls_is_told_as_such() -> None:
    profile = profile_of(Group("", "/", "/iot/json", "key", {}), None, "d1")
    (found,) = translate([Measure("d1", {"gps": {"lat": None}})], profile, NOW)
    assert "null is no value (gps.lat)" in nothing_stored(Observation(profile, found))


def test_an_object_built_of_missing_values_is_left_out() -> None:
    mapping = {
        "name": "location",
        "type": "geo:json",
        "expression": "{coordinates: [longitude,latitude], type: 'Point'}",
    }
    group = {"attributes": [mapping]}
    found = read({"t": 1}, group)
    assert not found.faults
    assert own(found).keys() == {"id", "type", "t"}
    assert own(read({"longitude": 139, "latitude": 35}, group))["location"]["value"] == POINT


def test_one_bad_attribute_of_an_ngsi_ld_entity_does_not_cost_the_others() -> None:
    payload = {
        "status": {"type": "Property"},
        "a": {"type": "Property", "value": 1, "observedAt": "yesterday"},
        "b": {"type": "Relationship", "object": 5},
        "c": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [200, 0]}},
        "d": {"type": "Property", "value": [None]},
        "e": {"type": "Property", "value": 7, "observedAt": "2026-01-31T09:30:00+09:00"},
    }
    found = read(payload, {"payloadType": "ngsild"})
    assert [fault.split()[0] for fault in found.faults] == ["status", "a", "b", "c", "d"]
    assert own(found).keys() == {"id", "type", "e"}
    assert own(found)["e"]["observedAt"] == "2026-01-31T00:30:00Z"


def test_the_time_of_an_ngsi_v2_attribute_is_brought_to_utc() -> None:
    def stated(at: Any) -> dict[str, Any]:
        return {"t": {"value": 1, "metadata": {"TimeInstant": {"value": at}}}, "h": {"value": 2}}

    found = read(stated("2026-01-31T09:30:00+09:00"), {"payloadType": "ngsiv2"})
    assert own(found)["t"]["observedAt"] == "2026-01-31T00:30:00Z"
    found = read(stated("yesterday"), {"payloadType": "ngsiv2"})
    assert found.faults[0].startswith("t has the time 'yesterday'")
    assert own(found).keys() == {"id", "type", "h"}


LINK = {
    "name": "controlledAsset",
    "type": "Relationship",
    "value": BUILDING,
    "link": {"attributes": ["temperature", "filling"], "name": "providedBy", "type": "Building"},
}
MAPPED = [{"object_id": "t", "name": "temperature", "metadata": {"unitCode": "CEL"}}]


def test_what_is_measured_goes_to_the_linked_entity_too() -> None:
    group = {"attributes": MAPPED, "static_attributes": [LINK]}
    device, building = read({"t": 21, "h": 5}, group).entities
    assert "providedBy" not in device["temperature"]
    assert building == {
        "id": BUILDING,
        "type": "Building",
        "temperature": {
            **device["temperature"],
            "providedBy": {"type": "Relationship", "object": "urn:ngsi-ld:Sensor:d1"},
        },
    }
    assert len(read({"h": 5}, group).entities) == 1


def test_a_link_may_leave_its_type_and_name_to_us() -> None:
    link = {**LINK, "value": [BUILDING, "Room:2"], "link": {"attributes": ["temperature"]}}
    found = read({"t": 21}, {"attributes": MAPPED, "static_attributes": [link]}).entities
    assert [(one["id"], one["type"]) for one in found[1:]] == [
        (BUILDING, "Building"),
        ("urn:ngsi-ld:Room:2", "Room"),
    ]
    assert "providedBy" in found[1]["temperature"]


@pytest.mark.parametrize("link", [5, {}, {"attributes": "t"}, {"attributes": ["t"], "name": "a b"}])
def test_a_bad_link_is_refused_with_its_place(link: Any) -> None:
    with pytest.raises(WrongSyntax, match=r"static_attributes\[0\].link"):
        read({"t": 1}, {"static_attributes": [{**LINK, "link": link}]})


def test_a_time_mapped_for_another_entity_is_the_time_of_that_one() -> None:
    other = {"entity_name": "Sensor:other"}
    attributes = [
        {"object_id": "a", "name": "a"},
        {"object_id": "b", "name": "b", **other},
        {"object_id": "at", "name": "TimeInstant", **other},
    ]
    found = read({"a": 1, "b": 2, "at": "2022-02-02T02:22:22Z"}, {"attributes": attributes})
    assert own(found)["a"]["observedAt"] == NOW
    assert found.entities[1]["id"] == "urn:ngsi-ld:Sensor:other"
    assert found.entities[1]["b"]["observedAt"] == "2022-02-02T02:22:22Z"


def test_a_name_that_begins_with_its_type_does_not_say_it_twice() -> None:
    device = Device("city", "/", "key", "d1", {"entity_name": "Sensor:hall"})
    group = Group("city", "/", "/iot/json", "key", {"entity_type": "Sensor"})
    (found,) = translate([Measure("d1", {"t": 1})], profile_of(group, device, "d1"), NOW)
    assert found.own_id == "urn:ngsi-ld:Sensor:hall"


def test_expressions_see_metadata() -> None:
    static = {"name": "st", "value": 1.5, "metadata": {"coef": {"value": 0.8, "type": "Float"}}}
    mapping = {"object_id": "a", "name": "a", "expression": "a*st*metadata.st.coef"}
    found = read({"a": 33}, {"attributes": [mapping], "static_attributes": [static]})
    assert own(found)["a"]["value"] == 39.6


@pytest.mark.parametrize(
    ("value", "expected"),
    [("hello", "05E918D2"), ("温度センサー", "B84BB864"), ("😀", "001B0D63"), (12.5, "001707A8")],
)
def test_hash_is_that_of_the_iot_agents(value: Any, expected: str) -> None:
    assert compile_expression("v|hash").evaluate({"v": value}) == expected
    long = compile_expression("v|hash").evaluate({"v": "x" * 100})
    assert long == "1642D2E00"


def test_the_measure_before_is_refused_rather_than_taken_for_nothing() -> None:
    with pytest.raises(InvalidExpression, match="oldCtxt"):
        compile_expression("t - oldCtxt.t")


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        ({"atributes": []}, "group.atributes has no effect: nothing here has this name; did you"),
        ({"zzzz": 1}, "group.zzzz has no effect: nothing here has this name"),
        (
            {"attributes": [{"name": "t", "objectId": "t"}]},
            "group.attributes[0].objectId has no effect: nothing here has this name; did you",
        ),
        (
            {"attributes": [{"name": "id"}]},
            "group.attributes[0] has no effect: no attribute can be called id",
        ),
        (
            {"static_attributes": [{"name": "t", "value": 1, "valeu": 2}]},
            "group.static_attributes[0].valeu has no effect",
        ),
    ],
)
def test_what_has_no_effect_is_told(document: dict[str, Any], warning: str) -> None:
    (said,) = warnings_about(document, "group")
    assert said.startswith(warning)


@pytest.mark.parametrize("name", ["value", "scope", "unitCode"])
def test_an_attribute_cannot_be_given_a_reserved_name(name: str) -> None:
    with pytest.raises(WrongSyntax, match="NGSI-LD keeps this name for itself"):
        read({"t": 1}, {"attributes": [{"object_id": "t", "name": name}]})
