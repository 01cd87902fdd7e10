"""Corners of values, operators and transformations that only odd devices reach."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mqtt.configuration import Group, check_document, profile_of
from adapters.mqtt.expressions import compile_expression
from adapters.mqtt.expressions.operators import equals, number_of, text_of, tidy
from adapters.mqtt.mapping import translate
from adapters.mqtt.measure import Measure
from adapters.mqtt.payloads import unwrap
from adapters.mqtt.provisioning_errors import WrongSyntax
from adapters.mqtt.times import from_epoch
from adapters.mqtt.values import Unfit, attribute

NOW = "2026-06-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true + 1", 2),
        ("true + 'x'", "truex"),
        ("[1,[2,3]] + 'x'", "1,2,3x"),
        ("'10' == 10", True),
        ("'a' == 1", False),
        ("null == false", False),
        ("'b' > 'a'", True),
        ("'b' > 1", None),
        ("1 in 5", None),
        ("'a' in {a: 1}", True),
        ("10 ^ 400", None),
        ("9007199254740993 * 3", 2.7021597764223e16),
        ("''|length", 0),
        ("'abc'|substr(-2,1)", "b"),
        ("'x'|round", None),
        ("'2026-01-01T00:00:00Z'|toisodate", "2026-01-01T00:00:00.000Z"),
        ("'x'|toisodate", None),
        ("'x'|gettime", None),
        ("5|mapper([1],[2])", None),
        ("50|thmapper([5,10],['a','b'])", None),
        ("5|bitwisemask(1,'x')", None),
        ("'x'|addreduce('y')", None),
        ("['a','b']|joinarrtostr('-')", "a-b"),
        ("['a']|addset('b')|removeset('a')", ["b"]),
        ("['a']|concatarr(['b'])|lengtharray", 2),
        ("'a b'|urlencode|urldecode", "a b"),
        ("'Ab'|touppercase + ('Ab'|tolowercase)", "ABab"),
        ("'a-b-c'|replaceallstr('-','+')", "a+b+c"),
        ("[1,2,3]|slice(1)", [2, 3]),
        ("(1.5|floor) + (1.5|ceil)", 3),
        ("nothing|typeof", "undefined"),
        ("{}|typeof", "object"),
        ("'x'|isnan", True),
        ("[]|isarray", True),
        ("5|tostring", "5"),
        ("{a: 1}|jsonstringify", '{"a":1}'),
        ("{a: 1, b: 2}|valuePickerMulti([1,2])", ["a", "b"]),
        ("!0 && 'yes'", "yes"),
        ("-'x'", None),
        ("'abc'[1]", "b"),
        ("{a: 1,}.a", 1),
        ("'\\'q\\n'", "'q\n"),
    ],
)
def test_expressions(text: str, expected: Any) -> None:
    assert compile_expression(text).evaluate({}) == expected


def test_numbers_and_texts() -> None:
    assert (number_of(""), number_of("x"), number_of([]), number_of(True)) == (0, None, None, 1)
    assert tidy(float("inf")) is None
    assert text_of(None) == ""
    assert not equals("x", 1)


def test_epochs_out_of_range() -> None:
    assert from_epoch(1e300) is None
    assert from_epoch(-5.0) is None


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("object", "not json", "not json"),
        ("date", "2026-01-31T20:00:00Z", {"@type": "Date", "@value": "2026-01-31"}),
        ("time", "09:30:00.5Z", {"@type": "Time", "@value": "09:30:00.5Z"}),
        (
            "geo:json",
            '{"type":"Point","coordinates":[1,2,3]}',
            {"type": "Point", "coordinates": [1, 2, 3]},
        ),
        ("polygon", ["1,2", "3,4"], {"type": "Polygon", "coordinates": [[[2, 1], [4, 3]]]}),
        ("point", {"lat": 1, "lng": 2}, {"type": "Point", "coordinates": [2, 1]}),
        ("point", [1, 2, 3], {"type": "Point", "coordinates": [1, 2, 3]}),
    ],
)
def test_values(kind: str, value: Any, expected: Any) -> None:
    assert attribute(kind, value)["value"] == expected


def test_lists() -> None:
    assert attribute("ListProperty", "[1]")["valueList"] == [1]
    assert attribute("ListProperty", 5)["valueList"] == [5]
    targets = attribute("ListRelationship", ["urn:a:1"])["objectList"]
    assert targets == [{"object": "urn:a:1"}]
    assert attribute("Relationship", ["urn:a:1", "urn:a:2"])["object"] == ["urn:a:1", "urn:a:2"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("geo:json", {"type": "Point", "coordinates": []}), ("point", 5), ("date", "31.1.2026")],
)
def test_values_that_do_not_fit(kind: str, value: Any) -> None:
    with pytest.raises(Unfit):
        attribute(kind, value)


def test_entities_with_several_instances_or_odd_members() -> None:
    instances = [
        {"type": "Property", "value": 1, "datasetId": "urn:a:1"},
        {"type": "Property", "value": 2},
    ]
    plain, ready, _ = unwrap("ngsild", {"x": instances, "y": {"type": "Odd"}, "z": {"odd": 1}})
    assert plain == {"x": 1, "y": {"type": "Odd"}, "z": {"odd": 1}}
    assert ready == {"x": instances}
    plain, ready, _ = unwrap(
        "ngsiv2", {"x": 5, "y": {"value": 1, "metadata": {"a": {"value": None}, "b": 2}}}
    )
    assert plain == {"x": 5, "y": 1}
    assert ready["y"] == {"type": "Property", "value": 1, "b": {"type": "Property", "value": 2}}


def test_a_bad_value_in_an_ngsi_v2_entity_is_told() -> None:
    profile = profile_of(Group("", "/", "/iot/json", "k", {"payloadType": "ngsiv2"}), None, "d")
    measure = Measure("d", {"t": {"type": "Number", "value": "warm"}, "h": {"value": 1}})
    (found,) = translate([measure], profile, NOW)
    assert found.faults == ["t is 'warm', which is not a number"]
    assert found.entities[0].keys() == {"id", "type", "h"}


def test_ready_attributes_keep_their_names_and_take_those_of_mappings() -> None:
    document = {"payloadType": "ngsild", "attributes": [{"object_id": "t", "name": "temperature"}]}
    profile = profile_of(Group("", "/", "/iot/json", "k", document), None, "d")
    values = {"t": {"type": "Property", "value": 1, "unitCode": "CEL"}}
    (found,) = translate([Measure("d", values)], profile, NOW)
    assert found.entities[0]["temperature"]["unitCode"] == "CEL"


def test_metadata_of_special_names() -> None:
    metadata = {
        "datasetId": "urn:a:1",
        "observedAt": "2026-01-01T00:00:00Z",
        "none": {"value": None},
    }
    document = {"attributes": [{"name": "t", "metadata": metadata}]}
    profile = profile_of(Group("", "/", "/iot/json", "k", document), None, "d")
    (found,) = translate([Measure("d", {"t": 1})], profile, NOW)
    assert found.entities[0]["t"] == {
        "type": "Property",
        "value": 1,
        "datasetId": "urn:a:1",
        "observedAt": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (5, "should be an object"),
        ({"attributes": [5]}, "an object with name and type"),
        ({"attributes": [{"name": "t", "metadata": {"a b": 1}}]}, "metadata has the name"),
        ({"entityNameExp": 5}, "should be a text"),
        ({"explicitAttrs": [5]}, "explicitAttrs lists names"),
    ],
)
def test_documents_that_cannot_be_used(document: Any, reason: str) -> None:
    with pytest.raises(WrongSyntax, match=reason):
        check_document(document, "group")


def test_reserved_names_are_left_out() -> None:
    document = {
        "attributes": [{"name": "id", "object_id": "x"}],
        "static_attributes": [{"name": "type", "value": "y"}],
        "explicitAttrs": "TRUE",
    }
    profile = profile_of(Group("", "/", "/iot/json", "k", document), None, "d")
    assert (profile.attributes, profile.static_attributes, profile.explicit) == ((), (), True)
