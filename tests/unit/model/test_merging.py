import pytest

from broker.model.errors import BadRequestData
from broker.model.merging import MergeDefaults
from broker.model.patching import merge_entity
from tests.rooms import ID, NULL, T0, T1, TEMPERATURE, V, said


def test_a_merge_keeps_what_it_does_not_mention(room, fragment):
    """The first example of clause 5.5.12."""
    patch = {"type": "Property", "value": 100, "observedAt": "2022-03-14T13:00:00.000Z"}
    old = room(temperature=TEMPERATURE)
    entity = merge_entity(ID, fragment("merge", temperature=patch))(old, T1).entity
    assert said(entity)["temperature"] == {**patch, "unitCode": "CEL"}


def test_a_merge_goes_into_values(room, fragment):
    """The second example of clause 5.5.12."""
    street = {"street": "Straße des 17. Juni", "city": "Berlin", "country": "Germany"}
    patch = {"type": "Property", "value": {"street": "Pariser Platz", "country": NULL}}
    old = room(address={"type": "Property", "value": street})
    entity = merge_entity(ID, fragment("merge", address=patch))(old, T1).entity
    assert said(entity)["address"]["value"] == {"street": "Pariser Platz", "city": "Berlin"}


def test_a_merge_goes_into_sub_attributes(room, fragment):
    old = room(
        t={
            "value": 1,
            "observedAt": "2022-03-14T00:00:00Z",
            "a": {"value": {"x": 1, "y": 2}, "unitCode": "CEL"},
            "b": [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}],
            "c": 3,
        }
    )
    patch = fragment(
        "merge",
        t={
            "observedAt": NULL,
            "a": {"type": "Property", "value": {"x": NULL, "z": 3}},
            "b": {"value": NULL, "datasetId": "urn:d:1"},
            "c": NULL,
            "d": {"value": {"kept": 1, "dropped": NULL}, "e": 5, "f": NULL},
            "type": "Property",
        },
    )
    transition = merge_entity(ID, patch)(old, T1)
    assert said(transition.entity)["t"] == {
        "type": "Property",
        "value": 1,
        "a": {"type": "Property", "value": {"y": 2, "z": 3}, "unitCode": "CEL"},
        "b": {"type": "Property", "value": 1},
        "d": {
            "type": "Property",
            "value": {"kept": 1},
            "e": {"type": "Property", "value": 5},
        },
    }
    (t,) = transition.entity.attributes[f"{V}t"]
    assert t[f"{V}a"][0]["modifiedAt"] == T1
    assert t[f"{V}b"][0]["modifiedAt"] == T0
    assert t[f"{V}d"][0]["createdAt"] == T1


def test_a_merge_uses_a_common_time_where_there_is_one(room, fragment):
    old = room(a=TEMPERATURE, b=TEMPERATURE, c=1)
    patch = fragment("merge", a=5, b={"value": 6, "observedAt": T0}, c=7, d=8)
    entity = merge_entity(ID, patch, MergeDefaults(observed_at=T1))(old, T1).entity
    assert {name: t.get("observedAt") for name, t in said(entity).items()} == {
        "a": T1,
        "b": T0,
        "c": None,
        "d": None,
    }


def test_a_merge_puts_texts_into_a_language(room, fragment):
    old = room(street={"languageMap": {"fr": "Grand Place", "nl": "Grote Markt"}})
    patch = fragment("mergeSimplified", street="Place du Marché", other="autre")
    entity = merge_entity(ID, patch, MergeDefaults(lang="fr"))(old, T1).entity
    assert said(entity) == {
        "street": {
            "type": "LanguageProperty",
            "languageMap": {"fr": "Place du Marché", "nl": "Grote Markt"},
        },
        "other": {"type": "Property", "value": "autre"},
    }
    with pytest.raises(BadRequestData, match="lang"):
        merge_entity(ID, patch)(old, T1)


def test_a_language_goes_and_with_the_last_the_attribute(room, fragment):
    old = room(street={"languageMap": {"fr": "Grand Place", "nl": "Grote Markt"}})
    once = merge_entity(ID, fragment("merge", street={"languageMap": {"fr": NULL}}))(old, T1)
    assert said(once.entity)["street"]["languageMap"] == {"nl": "Grote Markt"}
    patch = fragment("merge", street={"languageMap": {"nl": NULL}})
    assert merge_entity(ID, patch)(once.entity, T1).entity.attributes == {}


@pytest.mark.parametrize(
    ("attribute", "value", "member", "stored"),
    [
        ({"object": "urn:a:1"}, "urn:a:2", "object", "urn:a:2"),
        ({"object": "urn:a:1"}, ["urn:a:2", "urn:a:3"], "object", ["urn:a:2", "urn:a:3"]),
        ({"objectList": []}, ["urn:a:2"], "objectList", [{"object": "urn:a:2"}]),
        ({"valueList": [1]}, [2, 3], "valueList", [2, 3]),
        ({"vocab": "x"}, {"vocab": "y"}, "vocab", f"{V}y"),
        ({"vocab": "x"}, "y", "vocab", f"{V}y"),
        ({"vocab": "x"}, ["y", "urn:a:z"], "vocab", [f"{V}y", "urn:a:z"]),
        ({"json": {"a": 1, "b": 2}}, {"json": {"a": 3}}, "json", {"a": 3, "b": 2}),
        ({"json": {"a": 1, "b": 2}}, {"a": 3}, "json", {"a": 3, "b": 2}),
        ({"json": {"a": 1}}, [{"b": 2}], "json", [{"b": 2}]),
        ({"languageMap": {"en": "x"}}, {"ja": ["y"]}, "languageMap", {"en": "x", "ja": ["y"]}),
        (
            {"languageMap": {"en": "x"}},
            {"languageMap": {"ja": "y"}},
            "languageMap",
            {"en": "x", "ja": "y"},
        ),
        ({"value": {"a": 1}}, {"b": 2}, "value", {"a": 1, "b": 2}),
        (
            {"value": {"a": {"b": 1, "c": 2}}},
            {"a": {"c": NULL, "d": 3}},
            "value",
            {"a": {"b": 1, "d": 3}},
        ),
        ({"value": {"a": 1}}, 5, "value", 5),
        (
            {"type": "Point", "coordinates": [1, 2]},
            {"type": "Point", "coordinates": [3, 4]},
            "value",
            {"type": "Point", "coordinates": [3, 4]},
        ),
    ],
)
def test_a_simplified_merge_keeps_the_type(room, fragment, attribute, value, member, stored):
    old = room(t=attribute)
    (before,) = old.attributes[f"{V}t"]
    entity = merge_entity(ID, fragment("mergeSimplified", t=value))(old, T1).entity
    (after,) = entity.attributes[f"{V}t"]
    assert after == {**before, member: stored, "modifiedAt": T1}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ({"object": "urn:a:1"}, 5),
        ({"objectList": []}, "urn:a:2"),
        ({"valueList": [1]}, 2),
        ({"vocab": "x"}, 5),
        ({"vocab": "x"}, []),
        ({"vocab": "x"}, ["y", ""]),
        ({"json": {}}, 3),
        ({"languageMap": {"en": "x"}}, 5),
        ({"languageMap": {"en": "x"}}, {"en": 5}),
        ({"languageMap": {"en": "x"}}, {"not a tag": "y"}),
        ({"type": "Point", "coordinates": [1, 2]}, {"a": 1}),
        (1, {"vocab": "y"}),
    ],
)
def test_a_simplified_value_has_to_fit_the_type(room, fragment, attribute, value):
    patch = fragment("mergeSimplified", t=value)
    with pytest.raises(BadRequestData) as refusal:
        merge_entity(ID, patch, MergeDefaults(lang="en"))(room(t=attribute), T1)
    assert refusal.value.attribute_names == (f"{V}t",)


@pytest.mark.parametrize(
    "value",
    [
        {"unitCode": "CEL"},
        {"type": "Relationship", "observedAt": T0},
        {"languageMap": {"en": NULL}},
        {"objectType": "Room", "value": 1},
    ],
)
def test_a_merge_cannot_make_an_attribute_without_a_value(room, fragment, value):
    with pytest.raises(BadRequestData):
        merge_entity(ID, fragment("merge", t=value))(room(), T1)


def test_a_merge_makes_geometries_of_what_looks_like_one(room, fragment):
    point = {"type": "Point", "coordinates": [1, 2]}
    entity = merge_entity(ID, fragment("mergeSimplified", t=point))(room(), T1).entity
    assert said(entity)["t"] == {"type": "GeoProperty", "value": point}
    wrong = fragment("mergeSimplified", t={"type": "Point", "coordinates": [1, 200]})
    with pytest.raises(BadRequestData, match="latitude"):
        merge_entity(ID, wrong)(room(), T1)


def test_a_json_literal_is_not_merged_into(room, fragment):
    literal = {"@type": "@json", "@value": None}
    entity = merge_entity(ID, fragment("merge", t={"value": literal}))(room(t={"a": 1}), T1).entity
    assert said(entity)["t"]["value"] == literal
