"""Measures to entities: attribute kinds, names, times, expressions, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mqtt.configuration import Device, Group, profile_of
from adapters.mqtt.mapping import Translation, translate
from adapters.mqtt.measure import Measure, Unusable
from adapters.mqtt.names import attribute_name

NOW = "2026-06-01T00:00:00.000000Z"


def read(values: dict[str, Any], group: dict[str, Any] | None = None, **device: Any) -> Translation:
    profile = profile_of(
        Group("city", "/", "/iot/json", "key", {"entity_type": "Sensor", **(group or {})}),
        Device("city", "/", "key", "d1", device) if device else None,
        "d1",
    )
    (one,) = translate([Measure("d1", values)], profile, NOW)
    return one


def entity(
    values: dict[str, Any], group: dict[str, Any] | None = None, **device: Any
) -> dict[str, Any]:
    translation = read(values, group, **device)
    assert not translation.faults
    return translation.entities[0] if translation.entities else {}


def one(kind: str | None, value: Any, **more: Any) -> dict[str, Any]:
    """Return the attribute a value of a type becomes, without its time."""
    found = entity({"x": value}, {"attributes": [{"name": "x", "type": kind, **more}]})["x"]
    assert found.pop("observedAt") == NOW
    return dict(found)


POINT = {"type": "Point", "coordinates": [139.7, 35.6]}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (None, 21.5, {"type": "Property", "value": 21.5}),
        (None, POINT, {"type": "GeoProperty", "value": POINT}),
        ("Property", {"a": 1}, {"type": "Property", "value": {"a": 1}}),
        ("Text", "007", {"type": "Property", "value": "007"}),
        ("Number", "21.50", {"type": "Property", "value": 21.5}),
        ("Number", "21", {"type": "Property", "value": 21}),
        ("Integer", "21.9", {"type": "Property", "value": 21}),
        ("Boolean", "false", {"type": "Property", "value": False}),
        ("Boolean", 1, {"type": "Property", "value": True}),
        ("Object", '{"a": [1]}', {"type": "Property", "value": {"a": [1]}}),
        (
            "Relationship",
            "urn:ngsi-ld:Room:1",
            {"type": "Relationship", "object": "urn:ngsi-ld:Room:1"},
        ),
        ("Relationship", "Room:1", {"type": "Relationship", "object": "urn:ngsi-ld:Room:1"}),
        ("geo:point", "35.6, 139.7", {"type": "GeoProperty", "value": POINT}),
        ("geo:json", POINT, {"type": "GeoProperty", "value": POINT}),
        ("GeoProperty", [139.7, 35.6], {"type": "GeoProperty", "value": POINT}),
        ("Point", {"lat": "35.6", "lon": 139.7}, {"type": "GeoProperty", "value": POINT}),
        (
            "LanguageProperty",
            {"ja": "駅"},
            {"type": "LanguageProperty", "languageMap": {"ja": "駅"}},
        ),
        ("VocabProperty", "open", {"type": "VocabProperty", "vocab": "open"}),
        ("JsonProperty", {"a": None}, {"type": "JsonProperty", "json": {"a": None}}),
        ("ListProperty", [1, 2], {"type": "ListProperty", "valueList": [1, 2]}),
        ("percentage", 45, {"type": "Property", "value": {"@type": "percentage", "@value": 45}}),
    ],
)
def test_the_type_decides_the_kind(kind: str | None, value: Any, expected: dict[str, Any]) -> None:
    assert one(kind, value) == expected


def test_temporal_values_are_typed_and_in_utc() -> None:
    group = {"timezone": "Asia/Tokyo"}
    kinds = {"DateTime": "2026-01-31 18:30:00", "Date": "2026-01-31", "Time": "18:30"}
    attributes = [{"name": kind.lower(), "type": kind} for kind in kinds]
    values = {kind.lower(): value for kind, value in kinds.items()}
    found = entity(values, {**group, "attributes": attributes})
    assert found["datetime"]["value"] == {"@type": "DateTime", "@value": "2026-01-31T09:30:00Z"}
    assert found["date"]["value"] == {"@type": "Date", "@value": "2026-01-31"}
    assert found["time"]["value"] == {"@type": "Time", "@value": "18:30:00Z"}


def test_lines_and_polygons() -> None:
    line = one("geo:linestring", ["35,139", "36,140"])
    assert line["value"] == {"type": "LineString", "coordinates": [[139, 35], [140, 36]]}
    ring = [[0, 0], [1, 0], [1, 1], [0, 0]]
    assert one("Polygon", [ring])["value"] == {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("Number", "abc", "x is 'abc', which is not a number"),
        ("Number", True, "not a number"),
        ("Number", "NaN", "cannot hold"),
        ("Boolean", "maybe", "neither true nor false"),
        ("geo:point", "35.6", "a position is"),
        ("geo:point", "139.7, 35.6", "nowhere"),
        ("geo:json", {"type": "Point", "coordinates": ["a", 1]}, "not a number"),
        ("geo:json", {"a": 1}, "neither GeoJSON"),
        ("Polygon", "1,2", "array of positions"),
        ("DateTime", "yesterday", "not a time"),
        ("Time", "25:00", "not a time"),
        ("Relationship", "", "needs the id"),
        ("Relationship", 5, "needs the id"),
        ("LanguageProperty", "駅", "an object such as"),
    ],
)
def test_a_value_that_does_not_fit_is_left_out_and_told(kind: str, value: Any, reason: str) -> None:
    found = read({"x": value, "y": 1}, {"attributes": [{"name": "x", "type": kind}]})
    assert [list(entity) for entity in found.entities] == [["id", "type", "y"]]
    (fault,) = found.faults
    assert reason in fault


def test_names_units_and_metadata_come_from_the_mapping() -> None:
    mapping = {
        "object_id": "t",
        "name": "temperature",
        "type": "Number",
        "metadata": {
            "unitCode": {"type": "Text", "value": "CEL"},
            "accuracy": {"type": "Number", "value": "0.5"},
            "source": "probe",
            "double": {"type": "Number", "expression": "t * 2"},
        },
    }
    assert entity({"t": 21.5, "h": 45}, {"attributes": [mapping]}) == {
        "id": "urn:ngsi-ld:Sensor:d1",
        "type": "Sensor",
        "temperature": {
            "type": "Property",
            "value": 21.5,
            "unitCode": "CEL",
            "accuracy": {"type": "Property", "value": 0.5},
            "source": {"type": "Property", "value": "probe"},
            "double": {"type": "Property", "value": 43},
            "observedAt": NOW,
        },
        "h": {"type": "Property", "value": 45, "observedAt": NOW},
    }


def test_id_and_type_of_the_payload_are_renamed() -> None:
    found = entity({"id": 7, "type": "x"})
    assert found["id"] == "urn:ngsi-ld:Sensor:d1"
    assert (found["measure_id"]["value"], found["measure_type"]["value"]) == (7, "x")


def test_null_is_no_value() -> None:
    assert "t" not in entity({"t": None, "h": 1})
    assert read({"t": None}).entities == []


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("t", "t"),
        ("switch:0", "switch_0"),
        ("a b", "a_b"),
        ("1st", "m1st"),
        ("_x", "m_x"),
        ("温度", "温度"),
    ],
)
def test_members_become_names_the_standard_allows(member: str, name: str) -> None:
    assert attribute_name(member) == name


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T09:00:00+09:00", "2026-01-01T00:00:00Z"),
        ("yesterday", NOW),
        (1767225600, NOW),
        (None, NOW),
    ],
)
def test_time_instant_is_the_time_of_the_measure(stated: Any, expected: str) -> None:
    found = entity({"t": 1, "TimeInstant": stated})
    assert found["t"]["observedAt"] == expected
    assert "TimeInstant" not in found


def test_mappings_to_one_name_with_different_datasets_are_instances() -> None:
    def probe(source: str, dataset: str) -> dict[str, Any]:
        return {"object_id": source, "name": "temperature", "metadata": {"datasetId": dataset}}

    attributes = [probe("t1", "urn:d:1"), probe("t2", "urn:d:2"), probe("t3", "urn:d:2")]
    found = entity({"t1": 1, "t2": 2, "t3": 3}, {"attributes": attributes})["temperature"]
    assert [(made["datasetId"], made["value"]) for made in found] == [
        ("urn:d:1", 1),
        ("urn:d:2", 3),
    ]
    assert entity({"t1": 1}, {"attributes": attributes})["temperature"]["datasetId"] == "urn:d:1"


def test_a_mapping_may_give_the_time() -> None:
    mapping = {"object_id": "ms", "name": "TimeInstant", "expression": "ms|toisodate"}
    found = entity({"t": 1, "ms": 1767225600000}, {"attributes": [mapping]})
    assert found["t"]["observedAt"] == "2026-01-01T00:00:00Z"


def test_measures_are_sorted_by_their_times() -> None:
    profile = profile_of(Group("", "/", "/iot/json", "key", {}), None, "d1")
    stamps = ["2026-01-01T10:15:00Z", "2026-01-01T10:05:00.5Z", "2026-01-01T10:05:00Z"]
    measures = [Measure("d1", {"t": n, "TimeInstant": at}) for n, at in enumerate(stamps)]
    found = translate(measures, profile, NOW)
    assert [one.entities[0]["t"]["value"] for one in found] == [2, 1, 0]


EXPRESSIONS = [
    {"name": "corrected", "type": "Number", "expression": "level * 0.9"},
    {"name": "share", "type": "Number", "expression": "corrected / 100"},
    {"object_id": "consumption", "name": "consumption", "expression": "spaces | trim"},
]


def test_expressions_are_worked_out_in_order_and_see_earlier_results() -> None:
    found = entity({"level": 50}, {"attributes": EXPRESSIONS})
    assert (found["corrected"]["value"], found["share"]["value"]) == (45, 0.45)
    assert found["level"]["value"] == 50


def test_without_its_variables_an_expression_leaves_the_value_as_it_came() -> None:
    plain = entity({"consumption": "0.44"}, {"attributes": EXPRESSIONS})
    assert plain["consumption"]["value"] == "0.44"
    assert "corrected" not in plain
    both = entity({"consumption": "0.44", "spaces": "  foobar "}, {"attributes": EXPRESSIONS})
    assert both["consumption"]["value"] == "foobar"


def test_skip_value_leaves_an_attribute_out() -> None:
    mapping = {"name": "t", "type": "Number", "expression": "t", "skipValue": -999}
    assert "t" not in entity({"t": -999, "h": 1}, {"attributes": [mapping]})
    assert entity({"t": 3}, {"attributes": [mapping]})["t"]["value"] == 3


def test_a_skip_value_of_0_leaves_false_in() -> None:
    mapping = {"name": "open", "type": "Boolean", "expression": "open", "skipValue": 0}
    assert entity({"open": False}, {"attributes": [mapping]})["open"]["value"] is False
    assert "open" not in entity({"open": 0, "h": 1}, {"attributes": [mapping]})


STATIC = [{"name": "town", "type": "Text", "value": "Yaizu"}, {"name": "n", "value": 3}]


def test_static_attributes_are_kept_apart_and_known_to_expressions() -> None:
    mapping = {"name": "double", "expression": "n * t"}
    found = read({"t": 2}, {"static_attributes": STATIC, "attributes": [mapping]})
    assert found.static == {
        "town": {"type": "Property", "value": "Yaizu"},
        "n": {"type": "Property", "value": 3},
    }
    assert found.entities[0]["double"]["value"] == 6


MAPPED = [{"object_id": "t", "name": "temperature"}, {"object_id": "h", "name": "humidity"}]


@pytest.mark.parametrize(
    ("explicit", "attributes", "static"),
    [
        (False, {"temperature", "humidity", "x"}, {"town", "n"}),
        (True, {"temperature", "humidity"}, {"town", "n"}),
        ("['temperature','town']", {"temperature"}, {"town"}),
        (["temperature", "x"], {"temperature"}, set()),
        ("[{object_id:'h'}]", {"humidity"}, set()),
        ("t > 20 ? true : false", {"temperature", "humidity"}, {"town", "n"}),
        ("[]", set(), set()),
    ],
)
def test_explicit_attrs(explicit: Any, attributes: set[str], static: set[str]) -> None:
    group = {"explicitAttrs": explicit, "attributes": MAPPED, "static_attributes": STATIC}
    found = read({"t": 21, "h": 45, "x": 1}, group)
    written = {name for entity in found.entities for name in entity} - {"id", "type"}
    assert (written, set(found.static)) == (attributes, static)


def test_what_the_device_says_beats_what_the_group_says() -> None:
    group = {"attributes": MAPPED, "explicitAttrs": True, "timezone": "Asia/Tokyo"}
    found = entity(
        {"t": 1, "h": 2},
        group,
        entity_name="urn:ngsi-ld:Room:7",
        entity_type="Room",
        attributes=[{"object_id": "t", "name": "temperature", "type": "Text"}],
        explicitAttrs="['temperature']",
    )
    assert (found["id"], found["type"], set(found)) == (
        "urn:ngsi-ld:Room:7",
        "Room",
        {"id", "type", "temperature"},
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("urn:ngsi-ld:Room:7", "urn:ngsi-ld:Room:7"),
        ("https://example.org/7", "https://example.org/7"),
        ("Room 7", "urn:ngsi-ld:Sensor:Room%207"),
    ],
)
def test_entity_names_become_uris(name: str, expected: str) -> None:
    assert entity({"t": 1}, entity_name=name)["id"] == expected


def test_entity_name_expression() -> None:
    group = {
        "entityNameExp": "id + '__' + sn",
        "attributes": [{"object_id": "sn", "name": "serial"}],
    }
    assert entity({"sn": "AB", "t": 1}, group)["id"] == "urn:ngsi-ld:Sensor:d1__AB"
    assert entity({"t": 1}, group)["id"] == "urn:ngsi-ld:Sensor:d1"


def test_parts_go_to_other_entities() -> None:
    attributes = [
        {
            "object_id": "c1",
            "name": "vol",
            "entity_name": "urn:ngsi-ld:WaterMeter:1",
            "entity_type": "WaterMeter",
        },
        {"object_id": "c2", "name": "vol", "entity_name": "meter2", "expression": "c2 * 100"},
        {"object_id": "c", "name": "vol"},
        {"object_id": "sn", "name": "serial", "entity_name": "id + '-' + sn"},
    ]
    found = read({"c1": 1, "c2": 2, "c": 3, "sn": "A"}, {"attributes": attributes}).entities
    assert [(one["id"], one["type"], one.get("vol", {}).get("value")) for one in found] == [
        ("urn:ngsi-ld:Sensor:d1", "Sensor", 3),
        ("urn:ngsi-ld:WaterMeter:1", "WaterMeter", 1),
        ("urn:ngsi-ld:Sensor:meter2", "Sensor", 200),
        ("urn:ngsi-ld:Sensor:d1-A", "Sensor", None),
    ]


def test_whole_ngsi_ld_entities() -> None:
    payload = {
        "id": "urn:ngsi-ld:ParkingSpot:3",
        "type": "ParkingSpot",
        "@context": ["https://example.org/context.jsonld"],
        "status": {"type": "Property", "value": "free", "observedAt": "2018-09-21T12:00:00Z"},
        "site": {"type": "Relationship", "object": "urn:ngsi-ld:Site:1"},
        "name": "A-13",
        "level": {"value": 2, "unitCode": "C62"},
    }
    group = {"payloadType": "ngsild", "entityNameExp": "measure_id"}
    found = entity(payload, group)
    assert (found["id"], found["type"]) == ("urn:ngsi-ld:ParkingSpot:3", "Sensor")
    assert found["measure_type"]["value"] == "ParkingSpot"
    assert found["status"] == payload["status"]
    assert found["site"] == {
        "type": "Relationship",
        "object": "urn:ngsi-ld:Site:1",
        "observedAt": NOW,
    }
    assert found["name"]["value"] == "A-13"
    assert found["level"] == {"type": "Property", "value": 2, "unitCode": "C62", "observedAt": NOW}
    assert "@context" not in found


def test_ngsi_v2_entities() -> None:
    payload = {
        "t": {
            "type": "Number",
            "value": "21",
            "metadata": {
                "TimeInstant": {"type": "DateTime", "value": "2026-01-01T00:00:00Z"},
                "unitCode": {"value": "CEL"},
            },
        }
    }
    found = entity(payload, {"payloadType": "ngsiv2"})["t"]
    assert found == {
        "type": "Property",
        "value": 21,
        "observedAt": "2026-01-01T00:00:00Z",
        "unitCode": "CEL",
    }


def test_annotations_become_sub_attributes() -> None:
    profile = profile_of(Group("", "/", "/family", "chirpstack", {}), None, "d1")
    measure = Measure("d1", {"t": 1}, annotations={"rssi": -97})
    (found,) = translate([measure], profile, NOW)
    assert found.entities[0]["t"]["rssi"] == {"type": "Property", "value": -97}


def test_a_frame_nobody_decodes_is_refused_with_the_remedy() -> None:
    profile = profile_of(Group("", "/", "/family", "chirpstack", {}), None, "d1")
    with pytest.raises(Unusable, match="provision internal_attributes"):
        translate([Measure("d1", frame=b"\x01")], profile, NOW)
    unknown = profile_of(
        Group("", "/", "/family", "c", {"internal_attributes": {"codec": "x"}}), None, "d1"
    )
    with pytest.raises(Unusable, match="there is no codec 'x'"):
        translate([Measure("d1", frame=b"\x01")], unknown, NOW)


@pytest.mark.parametrize(
    ("values", "group", "unused"),
    [
        ({"y": 1}, {"explicitAttrs": True}, {"y": 1}),
        ({"y": 1, "TimeInstant": NOW}, {"explicitAttrs": True}, {"y": 1}),
        ({"x": None}, {}, {"x": None}),
        ({"x": 1, "y": 1}, {"explicitAttrs": True}, {}),
        ({"y": 1}, {}, {}),
        ({}, {"explicitAttrs": True}, {}),
    ],
)
def test_a_measure_of_which_nothing_is_taken_is_known(values, group, unused):
    assert read(values, {"attributes": [{"name": "x"}], **group}).unused == unused


def test_a_value_an_expression_leaves_out_on_purpose_is_not_missed():
    mapping = {"name": "x", "expression": "x > 100 ? null : x"}
    assert read({"x": 200}, {"attributes": [mapping]}).unused == {}
